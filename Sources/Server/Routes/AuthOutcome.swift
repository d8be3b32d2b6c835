// AuthOutcome: writes whose refusal is a change too (a counted wrong code, a session that a thief's
// token ends), the author that the audit trail names, and the passwords that are verified on the way.

import Bytes
import Marketplace
import RecordStore

/// What a transaction came to. Both are committed; what is thrown is not.
enum AuthOutcome<Output: Fields>: Sendable {
  case reply(Reply<Output>)
  case refusal(MarketError)
}

/// Who does something, for the audit trail.
struct AuditAuthor: Sendable {
  var entry: AuditEntry
  var userID: UUIDv7
  var role: UserRole

  func note(_ transaction: Transaction) throws {
    try Audit.append(transaction, entry, userID: userID, role: role)
  }
}

extension Context {
  /// An entry about this request; without `named` under the name of its operation.
  func auditEntry(_ named: String? = nil) -> AuditEntry {
    AuditEntry(
      operation: named ?? routed.operationID, path: request.path, requestID: request.id,
      remoteAddress: request.remoteAddress)
  }

  /// The author of a write that is noted: a seller, an administrator, or anybody signed in when
  /// `isAudited`.
  func author(isAudited: Bool) -> AuditAuthor? {
    guard let caller = principal?.detail as? Caller, isAudited || caller.role != .buyer else {
      return nil
    }
    return AuditAuthor(entry: auditEntry(), userID: caller.userID, role: caller.role)
  }

  /// From where a session of this request comes.
  func origin(_ kind: SessionKind) -> SessionOrigin {
    SessionOrigin(
      userAgent: request.headers["User-Agent"] ?? "", remoteAddress: request.remoteAddress,
      kind: kind)
  }
}

extension MarketplaceServer {
  /// Runs a transaction that commits its refusal, and answers when it is durable.
  func decide<Body: Fields, Output: Fields>(
    _ context: Context<Body>, _ answer: Answer<Output>,
    _ body: @escaping @Sendable (Transaction) throws -> AuthOutcome<Output>
  ) {
    market.database.write(requestID: context.commitRequestID, body) { result in
      switch result {
      case .failure(let error): answer.fail(APIError.telling(error))
      case .success(let commit):
        switch commit.value {
        case .reply(let reply): answer.succeed(reply.committed(at: commit.lsn.rawValue))
        case .refusal(let refusal): answer.fail(APIError(refusal))
        }
      }
    }
  }

  /// Verifies a password on the pool: of `user`, or of nobody at the same cost. `then` is called with
  /// the user whose password it is; everything else is answered here.
  ///
  /// - Parameter name: what guessing is counted under; the same for a user wherever he is asked.
  func verify<Body: Fields, Output: Fields>(
    _ password: String, of user: User?, name: String, _ context: Context<Body>,
    _ answer: Answer<Output>, then: @escaping @Sendable (User) -> Void
  ) throws {
    let wrong: Int
    do {
      wrong = try market.signInGuard.begin(name, at: .now)
    } catch {
      throw APIError(limited: error)
    }
    passwords.verify(password, against: user?.passwordHash) { result in
      switch result {
      case .failure(let error):
        market.signInGuard.abandoned(name)
        answer.fail(APIError.telling(error))
      case .success(let isRight):
        if isRight, let user {
          market.signInGuard.succeeded(name)
          return then(user)
        }
        guard wrong >= SignInGuard.freeAttempts else {
          return answer.fail(APIError(Accounts.invalidCredentials))
        }
        // From here on each attempt is waited for, so entries cannot flood the trail; an address
        // that nobody has takes the same commit.
        decide(context, answer) { transaction in
          try Audit.append(
            transaction, context.auditEntry("signInLimited"), userID: user?.id ?? .zero,
            role: user?.role ?? .buyer, note: "\(wrong) wrong attempts in a row")
          return .refusal(Accounts.invalidCredentials)
        }
      }
    }
  }

  /// The caller's user, whose password is verified if there is one. `then` is called on some thread.
  func confirm<Body: Fields, Output: Fields>(
    password: String?, _ context: Context<Body>, _ answer: Answer<Output>,
    then: @escaping @Sendable (User) -> Void
  ) throws {
    let userID = try context.userID()
    let user = try telling {
      guard let user = try Accounts.user(market.database.snapshot().records, id: userID) else {
        throw MarketError.notFound("user")
      }
      return user
    }
    if user.passwordHash.isEmpty { return then(user) }
    guard let password else {
      throw APIError(
        issues: [FieldIssue(path: "/password", rule: "required", message: "is required")])
    }
    try verify(
      password, of: user, name: user.email.isEmpty ? "\(user.id)" : user.email, context, answer,
      then: then)
  }

  /// Runs `body` with its errors as clients are told them.
  func telling<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch {
      throw APIError.telling(error)
    }
  }
}

extension APIError {
  /// SYS_9004 with Retry-After.
  init(limited refusal: MarketError) {
    self.init(refusal)
    if case .number(let seconds)? = refusal.details?["retryAfterSeconds"] {
      headers["Retry-After"] = seconds
    }
  }
}
