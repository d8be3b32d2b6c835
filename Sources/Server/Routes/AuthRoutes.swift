// Routes of accounts: register, sign in, refresh, sign out, who am I.

import Bytes
import Marketplace
import RecordStore

extension MarketplaceServer {
  /// Every route of accounts and of their administration.
  var accountRouteGroups: [RouteGroup] {
    [
      authRoutes, recoveryRoutes, sessionRoutes, twoFactorRoutes, providerRoutes, profileRoutes,
      addressRoutes, administrationRoutes, importRoutes,
    ] + [accounts.testProvider?.routes(accounts)].compactMap { $0 }
  }

  private var authRoutes: RouteGroup {
    RouteGroup("Accounts") {
      routeLater(
        .post, "/auth/register", "register", "Make an account and sign in.",
        body: RegisterRequest.self, output: SignedIn.self, status: 201,
        errors: [.alreadyExists, .forbidden, .serviceUnavailable], register)
      routeLater(
        .post, "/auth/login", "login",
        "Sign in with e-mail address and password. With two-step sign-in on, the answer is AUTH_1005 "
          + "with details.challengeToken for verify-2fa.",
        body: LoginRequest.self, output: SignedIn.self,
        errors: [
          .invalidCredentials, .twoFactorRequired, .forbidden, .rateLimited, .serviceUnavailable,
        ],
        login)
      routeLater(
        .post, "/auth/refresh-token", "refreshToken",
        "Exchange a refresh token for new tokens. Each is good once; a second use ends the session.",
        body: RefreshRequest.self, output: SignedIn.self, errors: [.invalidToken], refresh)
      routeLater(
        .post, "/auth/logout", "logout", "End this session.", caller: .authenticated,
        output: Nothing.self
      ) { context, answer in
        let sessionID = try context.caller().sessionID
        write(context, answer) { transaction in
          try Accounts.logout(transaction, sessionID: sessionID)
          var reply = Reply<Nothing>.noContent
          clearCookies(&reply)
          return reply
        }
      }
      routeLater(
        .get, "/auth/me", "me", "The user who is signed in.", caller: .authenticated,
        output: UserView.self
      ) { context, answer in
        let userID = try context.userID()
        try read(context, answer) { snapshot in
          guard let user = try Accounts.user(snapshot.records, id: userID) else {
            throw MarketError.notFound("user")
          }
          return .ok(UserView(user))
        }
      }
    }
  }

  @Sendable
  private func register(
    _ context: Context<RegisterRequest>, _ answer: Answer<SignedIn>
  ) throws {
    let request = context.body
    try telling {
      // Refusals that need no hash come before the third of a second that it costs; the
      // transaction decides again.
      try PasswordHasher.check(request.password, path: "/password")
      guard request.role != .admin else { throw Accounts.adminRefused }
      let records = market.database.snapshot().records
      if try Accounts.user(records, email: request.email) != nil { throw Accounts.emailTaken }
    }
    passwords.hash(request.password) { result in
      switch result {
      case .failure(let error): answer.fail(APIError.telling(error))
      case .success(let hash):
        let secret = SecretText()
        let mail = TokenMail(accounts.letters)
        decide(context, answer) { transaction in
          let user = try Accounts.register(transaction, request, passwordHash: hash)
          try Accounts.requestVerification(
            transaction, userID: user.id, mail, sealing: market.keys.sealing)
          return .reply(
            try open(transaction, user, secret, context, request.session, status: 201))
        }
      }
    }
  }

  @Sendable
  private func login(_ context: Context<LoginRequest>, _ answer: Answer<SignedIn>) throws {
    let request = context.body
    let found = try telling {
      try Accounts.user(market.database.snapshot().records, email: request.email)
    }
    try verify(request.password, of: found, name: request.email, context, answer) { verified in
      let (secret, challenge) = (SecretText(), SecretText())
      decide(context, answer) { transaction in
        // The password may have been changed while it was verified.
        let user = try Accounts.unchanged(transaction, verified)
        return try signIn(transaction, user, secret, challenge, context, request.session)
      }
    }
  }

  /// What a first step that was right comes to: a session, or the demand for the second step.
  func signIn<Body: Fields>(
    _ transaction: Transaction, _ user: User, _ secret: SecretText, _ challenge: SecretText,
    _ context: Context<Body>, _ kind: SessionKind
  ) throws -> AuthOutcome<SignedIn> {
    guard user.disabledAt == nil else { throw Accounts.disabled }
    guard user.isTwoFactorEnabled else {
      return .reply(try open(transaction, user, secret, context, kind))
    }
    try OneTimeTokens.issue(transaction, challenge, .signIn, userID: user.id) { token in
      token.wantsCookie = kind == .cookie
    }
    return .refusal(TwoFactors.required(challenge))
  }

  /// Opens a session, notes it, takes over a guest's cart, and sets the session's cookies.
  func open<Body: Fields>(
    _ transaction: Transaction, _ user: User, _ secret: SecretText, _ context: Context<Body>,
    _ kind: SessionKind, status: Int = 200
  ) throws -> Reply<SignedIn> {
    let signedIn = try Accounts.openSession(
      transaction, user: user, secret: secret, from: context.origin(kind), tokens: market.tokens,
      crossSite: market.keys.crossSite)
    try Audit.append(transaction, context.auditEntry(), userID: user.id, role: user.role)
    if let guest = try guest(of: context.request) {
      try Carts.merge(transaction, guestID: guest.id, into: user.id)
    }
    var reply = Reply(status: status, value: signedIn)
    setCookies(&reply, secret: secret)
    return reply
  }

  @Sendable
  private func refresh(_ context: Context<RefreshRequest>, _ answer: Answer<SignedIn>) throws {
    let presented = SecretText(text: context.body.refreshToken)
    let replacement = SecretText()
    decide(context, answer) { transaction in
      let outcome = try Accounts.refresh(
        transaction, presented: presented, replacement: replacement, tokens: market.tokens)
      switch outcome {
      case .renewed(let signedIn): return .reply(.ok(signedIn))
      case .reused(let userID):
        let user = try Accounts.user(transaction, id: userID)
        try Audit.append(
          transaction, context.auditEntry("refreshTokenReused"), userID: userID,
          role: user?.role ?? .buyer, note: "the session was ended")
        return .refusal(Accounts.refreshRefused)
      }
    }
  }
}
