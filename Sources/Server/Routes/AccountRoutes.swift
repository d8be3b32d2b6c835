// Routes of what users keep about themselves: profile, preferences, addresses.

import Bytes
import Marketplace
import RecordStore

extension MarketplaceServer {
  var profileRoutes: RouteGroup {
    RouteGroup("Users", writesOnce: true) {
      routeLater(
        .get, "/users/me", "getProfile", "The user's own profile.", caller: .authenticated,
        output: ProfileView.self
      ) { context, answer in
        let userID = try context.userID()
        try read(context, answer) { .ok(try Profiles.view($0.records, userID)) }
      }
      routeLater(
        .patch, "/users/me", "updateProfile", "Change the profile; what is left out stays.",
        caller: .authenticated, body: ProfileChange.self, output: ProfileView.self
      ) { context, answer in
        let userID = try context.userID()
        write(context, answer) { .ok(try Profiles.change($0, userID, context.body)) }
      }
      routeLater(
        .get, "/users/me/preferences", "getPreferences",
        "Language, currency, theme, and by which ways the user is told of what.",
        caller: .authenticated, output: Preferences.self
      ) { context, answer in
        let userID = try context.userID()
        try read(context, answer) { .ok(try Profiles.find($0.records, userID).preferences) }
      }
      routeLater(
        .put, "/users/me/preferences", "setPreferences",
        "Replace the preferences; what is left out goes back to its default.",
        caller: .authenticated, body: Preferences.self, output: Preferences.self
      ) { context, answer in
        let userID = try context.userID()
        write(context, answer) { .ok(try Profiles.setPreferences($0, userID, context.body)) }
      }
    }
  }

  var addressRoutes: RouteGroup {
    RouteGroup("Users", writesOnce: true) {
      routeLater(
        .get, "/users/me/addresses", "listAddresses", "The user's addresses, defaults first.",
        caller: .authenticated, output: AddressList.self
      ) { context, answer in
        let userID = try context.userID()
        try read(context, answer) { snapshot in
          var list = AddressList()
          list.data = try Addresses.all(snapshot.records, of: userID).map { AddressView($0) }
          return .ok(list)
        }
      }
      routeLater(
        .post, "/users/me/addresses", "createAddress",
        "Keep an address. The first of a kind is its default.", caller: .authenticated,
        body: AddressInput.self, output: AddressView.self, status: 201, errors: [.conflict]
      ) { context, answer in
        let userID = try context.userID()
        write(context, answer) { transaction in
          let address = try Addresses.create(transaction, context.body, of: userID)
          return .created(
            AddressView(address), location: "/api/v1/users/me/addresses/\(address.id)")
        }
      }
      routeLater(
        .get, "/users/me/addresses/{id}", "getAddress", "One address.", caller: .authenticated,
        output: AddressView.self, errors: [.notFound]
      ) { context, answer in
        let userID = try context.userID()
        let id = try context.pathID("id")
        try read(context, answer) { snapshot in
          .ok(AddressView(try Addresses.find(snapshot.records, id: id, of: userID)))
        }
      }
      routeLater(
        .put, "/users/me/addresses/{id}", "replaceAddress", "Replace an address.",
        caller: .authenticated, body: AddressInput.self, output: AddressView.self,
        errors: [.notFound]
      ) { context, answer in
        let userID = try context.userID()
        let id = try context.pathID("id")
        write(context, answer) { transaction in
          .ok(AddressView(try Addresses.replace(transaction, id: id, context.body, of: userID)))
        }
      }
      routeLater(
        .delete, "/users/me/addresses/{id}", "deleteAddress",
        "Forget an address; the oldest of its kind becomes the default.", caller: .authenticated,
        output: Nothing.self, errors: [.notFound]
      ) { context, answer in
        let userID = try context.userID()
        let id = try context.pathID("id")
        write(context, answer) { transaction in
          try Addresses.delete(transaction, id: id, of: userID)
          return .noContent
        }
      }
    }
  }
}
