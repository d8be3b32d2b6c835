// Routes of recovery: proving an address, resetting and changing the password, changing the address.

import Bytes
import Marketplace
import RecordStore

extension MarketplaceServer {
  var recoveryRoutes: RouteGroup {
    RouteGroup("Accounts") {
      routeLater(
        .post, "/auth/verify-email", "verifyEmail",
        "Prove an e-mail address with the token that was sent to it.",
        body: TokenRequest.self, output: UserView.self, errors: [.invalidToken, .alreadyExists]
      ) { context, answer in
        write(context, answer) { transaction in
          let user = try Accounts.verifyEmail(
            transaction, token: context.body.token, letters: accounts.letters,
            sealing: market.keys.sealing)
          try Audit.append(transaction, context.auditEntry(), userID: user.id, role: user.role)
          return .ok(UserView(user))
        }
      }
      routeLater(
        .post, "/auth/resend-verification", "resendVerification",
        "Send the mail that proves the address again, once a minute at most.",
        caller: .authenticated, output: Accepted.self, status: 202
      ) { context, answer in
        let userID = try context.userID()
        let mail = TokenMail(accounts.letters)
        write(context, answer) { transaction in
          try Accounts.requestVerification(
            transaction, userID: userID, mail, sealing: market.keys.sealing)
          return Reply(
            status: 202, value: Accepted("If the address is not proven, a mail is sent."))
        }
      }
      routeLater(
        .post, "/auth/forgot-password", "forgotPassword",
        "Ask for a mail with which a new password can be set. The answer never tells whether there is "
          + "such an account.",
        body: ForgotPasswordRequest.self, output: Accepted.self, status: 202
      ) { context, answer in
        let mail = TokenMail(accounts.letters)
        let email = context.body.email
        write(context, answer) { transaction in
          let user = try Accounts.requestReset(
            transaction, email: email, mail, sealing: market.keys.sealing)
          try Audit.append(
            transaction, context.auditEntry(), userID: user?.id ?? .zero,
            role: user?.role ?? .buyer)
          return Reply(
            status: 202,
            value: Accepted("If there is an account with this address, a mail is sent to it."))
        }
      }
      routeLater(
        .post, "/auth/reset-password", "resetPassword",
        "Set a new password with the token of a mail. Every session of the user ends.",
        body: ResetPasswordRequest.self, output: UserView.self,
        errors: [.invalidToken, .serviceUnavailable], resetPassword)
      routeLater(
        .post, "/auth/change-password", "changePassword",
        "Set a new password. Every other session of the user ends.", caller: .authenticated,
        body: ChangePasswordRequest.self, output: UserView.self,
        errors: [.invalidCredentials, .rateLimited, .serviceUnavailable], changePassword)
      routeLater(
        .post, "/auth/change-email", "changeEmail",
        "Ask for another e-mail address; it is changed when the token sent there comes back.",
        caller: .authenticated, body: ChangeEmailRequest.self, output: Accepted.self, status: 202,
        errors: [.invalidCredentials, .rateLimited, .serviceUnavailable]
      ) { context, answer in
        let email = context.body.email
        try confirm(password: context.body.password, context, answer) { user in
          let mail = TokenMail(accounts.letters)
          write(context, answer, isAudited: true) { transaction in
            try Accounts.requestEmailChange(
              transaction, userID: user.id, to: email, mail, sealing: market.keys.sealing)
            return Reply(
              status: 202, value: Accepted("If the address is free, a mail is sent to it."))
          }
        }
      }
    }
  }

  @Sendable
  private func resetPassword(
    _ context: Context<ResetPasswordRequest>, _ answer: Answer<UserView>
  ) throws {
    let request = context.body
    try telling {
      try PasswordHasher.check(request.password, path: "/password")
      try Accounts.checkReset(
        market.database.snapshot().records, token: request.token, at: .now)
    }
    passwords.hash(request.password) { result in
      switch result {
      case .failure(let error): answer.fail(APIError.telling(error))
      case .success(let hash):
        write(context, answer) { transaction in
          let user = try Accounts.resetPassword(
            transaction, token: request.token, passwordHash: hash, letters: accounts.letters,
            sealing: market.keys.sealing)
          try Audit.append(transaction, context.auditEntry(), userID: user.id, role: user.role)
          return .ok(UserView(user))
        }
      }
    }
  }

  @Sendable
  private func changePassword(
    _ context: Context<ChangePasswordRequest>, _ answer: Answer<UserView>
  ) throws {
    let request = context.body
    let sessionID = try context.caller().sessionID
    try telling { try PasswordHasher.check(request.newPassword, path: "/newPassword") }
    try confirm(password: request.currentPassword, context, answer) { verified in
      passwords.hash(request.newPassword) { result in
        switch result {
        case .failure(let error): answer.fail(APIError.telling(error))
        case .success(let hash):
          write(context, answer, isAudited: true) { transaction in
            let user = try Accounts.changePassword(
              transaction, verified, passwordHash: hash, keeping: sessionID,
              letters: accounts.letters, sealing: market.keys.sealing)
            return .ok(UserView(user))
          }
        }
      }
    }
  }
}

/// What is answered to a wish that a mail follows, or not.
struct Accepted: Fields, Equatable {
  var message = ""

  init() {}

  init(_ message: String) { self.message = message }

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "message", &message)
  }
}
