// Routes of accounts: register, sign in, refresh, sign out, who am I.

import Bytes
import Marketplace
import RecordStore

extension MarketplaceServer {
  var authRoutes: RouteGroup {
    RouteGroup("Accounts") {
      routeLater(
        .post, "/auth/register", "register", "Make an account and sign in.",
        body: RegisterRequest.self, output: SignedIn.self, status: 201,
        errors: [.alreadyExists, .forbidden, .serviceUnavailable], register)
      routeLater(
        .post, "/auth/login", "login", "Sign in with e-mail address and password.",
        body: LoginRequest.self, output: SignedIn.self,
        errors: [.invalidCredentials, .serviceUnavailable], login)
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
          return .noContent
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
    let userAgent = context.request.headers["User-Agent"] ?? ""
    do {
      // Refusals that need no hash come before the third of a second that it costs; the
      // transaction decides again.
      try PasswordHasher.check(request.password, path: "/password")
      guard request.role != .admin else { throw Accounts.adminRefused }
      let records = market.database.snapshot().records
      if try Accounts.user(records, email: request.email) != nil { throw Accounts.emailTaken }
    } catch {
      throw APIError.telling(error)
    }
    passwords.hash(request.password) { result in
      switch result {
      case .failure(let error): answer.fail(APIError.telling(error))
      case .success(let hash):
        let refreshToken = RefreshToken()
        write(context, answer) { transaction in
          let user = try Accounts.register(transaction, request, passwordHash: hash)
          let signedIn = try Accounts.openSession(
            transaction, user: user, refreshToken: refreshToken, userAgent: userAgent,
            tokens: market.tokens)
          return Reply(status: 201, value: signedIn)
        }
      }
    }
  }

  @Sendable
  private func login(_ context: Context<LoginRequest>, _ answer: Answer<SignedIn>) throws {
    let request = context.body
    let userAgent = context.request.headers["User-Agent"] ?? ""
    let found: User?
    do {
      found = try Accounts.user(market.database.snapshot().records, email: request.email)
    } catch {
      throw APIError.telling(error)
    }
    passwords.verify(request.password, against: found?.passwordHash) { result in
      switch result {
      case .failure(let error): answer.fail(APIError.telling(error))
      case .success(let isRight):
        guard isRight, let found else {
          return answer.fail(APIError(Accounts.invalidCredentials))
        }
        let refreshToken = RefreshToken()
        write(context, answer) { transaction in
          // The password may have been changed while it was verified.
          guard let user = try Accounts.user(transaction, id: found.id),
            user.passwordHash == found.passwordHash
          else { throw Accounts.invalidCredentials }
          return .ok(
            try Accounts.openSession(
              transaction, user: user, refreshToken: refreshToken, userAgent: userAgent,
              tokens: market.tokens))
        }
      }
    }
  }

  @Sendable
  private func refresh(_ context: Context<RefreshRequest>, _ answer: Answer<SignedIn>) throws {
    let presented = RefreshToken(text: context.body.refreshToken)
    let replacement = RefreshToken()
    market.database.write(requestID: context.commitRequestID) { transaction in
      try Accounts.refresh(
        transaction, presented: presented, replacement: replacement, tokens: market.tokens)
    } completion: { result in
      switch result {
      case .failure(let error): answer.fail(APIError.telling(error))
      case .success(let commit):
        switch commit.value {
        case .reused: answer.fail(APIError(Accounts.refreshRefused))
        case .renewed(let signedIn):
          answer.succeed(Reply.ok(signedIn).committed(at: commit.lsn.rawValue))
        }
      }
    }
  }
}
