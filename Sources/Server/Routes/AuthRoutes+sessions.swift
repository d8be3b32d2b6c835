// Routes of sessions: where somebody is signed in, and ending that.

import Bytes
import Marketplace
import RecordStore

extension MarketplaceServer {
  var sessionRoutes: RouteGroup {
    RouteGroup("Accounts") {
      routeLater(
        .get, "/auth/sessions", "listSessions", "Where the user is signed in, newest first.",
        caller: .authenticated, output: SessionList.self
      ) { context, answer in
        let caller = try context.caller()
        try read(context, answer) { snapshot in
          .ok(
            try Accounts.sessions(
              snapshot.records, of: caller.userID, current: caller.sessionID, at: .now))
        }
      }
      routeLater(
        .delete, "/auth/sessions/{id}", "revokeSession", "End one session.",
        caller: .authenticated, output: Nothing.self, errors: [.notFound]
      ) { context, answer in
        let userID = try context.userID()
        let id = try context.pathID("id")
        write(context, answer, isAudited: true) { transaction in
          try Accounts.revoke(transaction, sessionID: id, of: userID)
          return .noContent
        }
      }
      routeLater(
        .delete, "/auth/sessions", "revokeOtherSessions", "End every session but this one.",
        caller: .authenticated, output: Nothing.self
      ) { context, answer in
        let caller = try context.caller()
        write(context, answer, isAudited: true) { transaction in
          try Accounts.revokeAll(transaction, of: caller.userID, but: caller.sessionID)
          return .noContent
        }
      }
    }
  }
}
