// Routes of two-step sign-in.

import Bytes
import Marketplace
import RecordStore

extension MarketplaceServer {
  var twoFactorRoutes: RouteGroup {
    RouteGroup("Accounts") {
      routeLater(
        .post, "/auth/enable-2fa", "enableTwoFactor",
        "Begin two-step sign-in: a key for an authenticator app, as QR code too, and ten recovery "
          + "codes. It is on once verify-2fa has seen a code.",
        caller: .authenticated, body: SecondStepRequest.self, output: TwoFactorSetup.self,
        errors: [.conflict, .invalidCredentials, .rateLimited, .serviceUnavailable]
      ) { context, answer in
        try confirm(password: context.body.password, context, answer) { verified in
          let draft = TwoFactorDraft()
          write(context, answer, isAudited: true) { transaction in
            let user = try Accounts.unchanged(transaction, verified)
            return .ok(
              try TwoFactors.begin(
                transaction, user: user, draft, issuer: accounts.options.issuer,
                sealing: market.keys.sealing))
          }
        }
      }
      routeLater(
        .post, "/auth/verify-2fa", "verifyTwoFactor",
        "With a challenge: the second step of signing in. Without: confirm enabling.",
        body: VerifyCodeRequest.self, output: SignedIn.self,
        errors: [.invalidCredentials, .invalidToken, .unauthorized, .conflict, .rateLimited]
      ) { context, answer in
        if let challenge = context.body.challengeToken {
          try secondStep(challenge, context, answer)
        } else {
          try confirmEnabling(context, answer)
        }
      }
      routeLater(
        .post, "/auth/disable-2fa", "disableTwoFactor",
        "Switch two-step sign-in off, with the password and a code.", caller: .authenticated,
        body: SecondStepRequest.self, output: UserView.self,
        errors: [.conflict, .invalidCredentials, .rateLimited, .serviceUnavailable]
      ) { context, answer in
        let code = context.body.code ?? ""
        try confirm(password: context.body.password, context, answer) { verified in
          withCode(code, of: verified.id, context, answer) { transaction in
            var user = try Accounts.unchanged(transaction, verified)
            try TwoFactors.disable(transaction, user: &user)
            if !user.email.isEmpty {
              try Mails.post(
                transaction, accounts.letters.secondStepEnded(to: user.email), userID: user.id,
                sealing: market.keys.sealing)
            }
            return .ok(UserView(user))
          }
        }
      }
      routeLater(
        .post, "/auth/recovery-codes", "renewRecoveryCodes",
        "Ten new recovery codes in place of the old ones.", caller: .authenticated,
        body: SecondStepRequest.self, output: RecoveryCodes.self,
        errors: [.conflict, .invalidCredentials, .rateLimited, .serviceUnavailable]
      ) { context, answer in
        let code = context.body.code ?? ""
        try confirm(password: context.body.password, context, answer) { user in
          let codes = TwoFactors.newCodes()
          withCode(code, of: user.id, context, answer) { transaction in
            .ok(try TwoFactors.renewCodes(transaction, userID: user.id, codes))
          }
        }
      }
    }
  }

  /// Guesses of codes are counted apart from those of passwords.
  private func guardName(_ userID: UUIDv7) -> String { "2fa:\(userID)" }

  /// Counts an attempt at a code before it is looked at.
  private func beginCode(_ userID: UUIDv7) throws(APIError) {
    do throws(MarketError) {
      _ = try market.signInGuard.begin(guardName(userID), at: .now)
    } catch {
      throw APIError(limited: error)
    }
  }

  /// Runs `body` in the commit that uses up a code of the user.
  private func withCode<Body: Fields, Output: Fields>(
    _ code: String, of userID: UUIDv7, _ context: Context<Body>, _ answer: Answer<Output>,
    _ body: @escaping @Sendable (Transaction) throws -> Reply<Output>
  ) {
    do {
      try beginCode(userID)
    } catch {
      return answer.fail(error)
    }
    write(context, answer, isAudited: true) { transaction in
      guard try TwoFactors.find(transaction, userID)?.enabledAt != nil else {
        throw TwoFactors.isOff
      }
      guard
        try TwoFactors.use(
          transaction, userID: userID, code: code, sealing: market.keys.sealing)
      else { throw TwoFactors.wrongCode }
      market.signInGuard.succeeded(guardName(userID))
      return try body(transaction)
    }
  }

  private func secondStep(
    _ challenge: String, _ context: Context<VerifyCodeRequest>, _ answer: Answer<SignedIn>
  ) throws {
    let pending = try telling {
      try OneTimeTokens.find(
        market.database.snapshot().records, text: challenge, [.signIn], at: .now)
    }
    guard let pending else { throw APIError(OneTimeTokens.refused) }
    try beginCode(pending.userID)
    let secret = SecretText()
    let asked = context.body.session
    decide(context, answer) { transaction in
      let step = try TwoFactors.answer(
        transaction, challenge: challenge, code: context.body.code, sealing: market.keys.sealing)
      switch step {
      case .passed(let user, let token):
        market.signInGuard.succeeded(guardName(user.id))
        let kind: SessionKind = token.wantsCookie ? .cookie : asked
        return .reply(try open(transaction, user, secret, context, kind))
      case .wrong(let userID):
        let user = try Accounts.user(transaction, id: userID)
        try Audit.append(
          transaction, context.auditEntry("secondStepRefused"), userID: userID,
          role: user?.role ?? .buyer)
        return .refusal(TwoFactors.wrongCode)
      }
    }
  }

  private func confirmEnabling(
    _ context: Context<VerifyCodeRequest>, _ answer: Answer<SignedIn>
  ) throws {
    let userID = try context.userID()
    try beginCode(userID)
    write(context, answer, isAudited: true) { transaction in
      guard var user = try Accounts.user(transaction, id: userID) else {
        throw MarketError.notFound("user")
      }
      let isRight = try TwoFactors.confirm(
        transaction, user: &user, code: context.body.code, sealing: market.keys.sealing)
      guard isRight else { throw TwoFactors.wrongCode }
      market.signInGuard.succeeded(guardName(userID))
      var answer = SignedIn()
      answer.user = UserView(user)
      return .ok(answer)
    }
  }
}
