// Routes for administrators: users, the mailbox, the audit trail.

import Bytes
import Marketplace
import RecordStore

extension MarketplaceServer {
  var administrationRoutes: RouteGroup {
    RouteGroup("Administration") {
      routeLater(
        .get, "/admin/users", "listUsers", "Users, newest first.", caller: .admin,
        query: Self.pageParameters + [
          QueryParameter("role", .oneOf(UserRole.allCases.map(\.rawValue))),
          QueryParameter("q", .text, "Part of an address or a name."),
        ], output: UserPage.self, errors: [.invalidInput], on: .pool
      ) { context, answer in
        try read(context, answer) { snapshot in
          .ok(
            try Accounts.page(
              snapshot.records, role: context.query("role").flatMap { UserRole(rawValue: $0) },
              search: context.query("q"), limit: Int(context.query("limit", default: 20)),
              cursor: context.query("cursor"), market.keys.cursors))
        }
      }
      routeLater(
        .get, "/admin/users/{id}", "getUser", "One user.", caller: .admin, output: UserView.self,
        errors: [.notFound]
      ) { context, answer in
        let id = try context.pathID("id")
        try read(context, answer) { snapshot in
          guard let user = try Accounts.user(snapshot.records, id: id) else {
            throw MarketError.notFound("user")
          }
          return .ok(UserView(user))
        }
      }
      routeLater(
        .put, "/admin/users/{id}/role", "setUserRole",
        "Give a user another role. Every session of the user ends.", caller: .admin,
        body: RoleChange.self, output: UserView.self, errors: [.notFound, .conflict]
      ) { context, answer in
        let id = try context.pathID("id")
        write(context, answer) { transaction in
          .ok(UserView(try Accounts.setRole(transaction, userID: id, context.body.role)))
        }
      }
      disableRoute(
        "disable", "disableUser", "Keep a user out. Every session of the user ends.", true)
      disableRoute("enable", "enableUser", "Let a user in again.", false)
      mailRoute
      mailListRoute
      auditRoute
    }
  }

  private func disableRoute(
    _ verb: String, _ operationID: String, _ summary: String, _ isDisabled: Bool
  ) -> Route {
    routeLater(
      .post, "/admin/users/{id}/\(verb)", operationID, summary, caller: .admin,
      output: UserView.self, errors: [.notFound, .conflict]
    ) { context, answer in
      let id = try context.pathID("id")
      write(context, answer) { transaction in
        .ok(UserView(try Accounts.setDisabled(transaction, userID: id, isDisabled)))
      }
    }
  }

  private var mailListRoute: Route {
    routeLater(
      .get, "/admin/mailbox", "listMails", "Mails of this shop, newest first, without their texts.",
      caller: .admin,
      query: Self.pageParameters + [QueryParameter("to", .text, "Only to this address.")],
      output: MailPage.self, errors: [.invalidInput], on: .pool
    ) { context, answer in
      try read(context, answer) { snapshot in
        .ok(
          try MailPage.page(
            snapshot.records, to: context.query("to"),
            limit: Int(context.query("limit", default: 20)), cursor: context.query("cursor"),
            market.keys.cursors))
      }
    }
  }

  private var mailRoute: Route {
    routeLater(
      .get, "/admin/mailbox/{id}", "getMail",
      "One mail; with its text while no SMTP server is configured.", caller: .admin,
      output: MailView.self, errors: [.notFound, .databaseError]
    ) { context, answer in
      let id = try context.pathID("id")
      try read(context, answer) { snapshot in
        guard let mail = try snapshot.records.get(MailMessage.self, key(id)) else {
          throw MarketError.notFound("mail")
        }
        var view = MailView(mail)
        if !accounts.sendsMail {
          view.text = try Mails.text(of: mail, sealing: market.keys.sealing)
        }
        return .ok(view)
      }
    }
  }

  private var auditRoute: Route {
    routeLater(
      .get, "/admin/audit", "listAudit",
      "Who did what, newest first: every write of sellers and administrators, and what concerns "
        + "security.",
      caller: .admin,
      query: Self.pageParameters + [
        QueryParameter("userId", .uuid), QueryParameter("operation", .text),
        QueryParameter("from", .time), QueryParameter("to", .time),
      ], output: AuditPage.self, errors: [.invalidInput], on: .pool
    ) { context, answer in
      var filter = AuditFilter()
      filter.userID = context.query("userId").flatMap { UUIDv7($0) }
      filter.operation = context.query("operation")
      filter.from = context.query("from").flatMap { Timestamp($0) }
      filter.to = context.query("to").flatMap { Timestamp($0) }
      let wanted = filter
      try read(context, answer) { snapshot in
        .ok(
          try Audit.page(
            snapshot.records, wanted, limit: Int(context.query("limit", default: 20)),
            cursor: context.query("cursor"), market.keys.cursors))
      }
    }
  }
}
