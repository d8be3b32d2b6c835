// ElasticCaller: who asks through Elasticsearch's door. Its clients send a name and a password, a key, or a
// token with every request.
//
// Invariants
// 1. The catalogue is open to everybody; everything else is for administrators.
// 2. A cookie counts for nothing here: what changes something needs credentials that a browser does not add
//    by itself.
// 3. A password is hashed once a minute for a client, not once a request: what was right is remembered
//    under a keyed hash of it and of the account's own hash, so that a changed password ends it.
// 4. Guessing is slowed down as at the shop's own sign-in. An account with two-step sign-in has no
//    password here.

import Bytes
import Marketplace
import RecordStore
import Synchronization

enum ElasticCaller: Sendable {
  case anybody
  /// Somebody who is signed in, and no administrator.
  case user
  case administrator(UUIDv7)
  /// Credentials that are no good; they harm nobody who only reads the catalogue.
  case refused(ElasticError)

  var isAdministrator: Bool { if case .administrator = self { true } else { false } }

  /// The administrator; an error for anybody else, who asked for `what`.
  @discardableResult
  func administrator(for what: String) throws(ElasticError) -> UUIDv7 {
    switch self {
    case .administrator(let id): return id
    case .refused(let error): throw error
    case .user:
      throw ElasticError(
        "security_exception", "action on \(what) is for administrators", status: 403)
    case .anybody:
      throw ElasticError(
        "security_exception",
        "missing authentication credentials for \(what): only [products] is open to everybody",
        status: 401)
    }
  }

  init(_ user: User) { self = user.role == .admin ? .administrator(user.id) : .user }

  static let wrong = ElasticCaller.refused(
    ElasticError("security_exception", "unable to authenticate with these credentials", status: 401)
  )
}

/// Names and passwords that were right a moment ago.
final class ElasticPasswords: Sendable {
  private static let seconds: Int64 = 60
  private static let entriesMax = 1_024

  private let key = Crypto.randomBytes(32)
  private let entries = Mutex<[[UInt8]: Timestamp]>([:])

  private func name(_ user: User, _ password: String) -> [UInt8] {
    let fields = [user.id.description, user.passwordHash, password]
    return Crypto.hmacSHA256(Array(fields.joined(separator: "\u{0}").utf8), key: key)
  }

  func isKnown(_ user: User, _ password: String, at time: Timestamp) -> Bool {
    let name = name(user, password)
    return entries.withLock { entries in entries[name].map { $0 > time } ?? false }
  }

  func remember(_ user: User, _ password: String, at time: Timestamp) {
    let name = name(user, password)
    entries.withLock { entries in
      if entries.count >= Self.entriesMax { entries = entries.filter { $0.value > time } }
      if entries.count >= Self.entriesMax { entries.removeAll() }
      entries[name] = time.adding(seconds: Self.seconds)
    }
  }
}

extension MarketplaceServer {
  /// Finds out who asks. `completion` is called at once, or on a thread that has hashed a password.
  func elasticCaller(
    _ request: Request, _ completion: @escaping @Sendable (Result<ElasticCaller, any Error>) -> Void
  ) {
    guard let header = request.headers["Authorization"] else {
      return completion(.success(.anybody))
    }
    let parts = header.split(separator: " ", omittingEmptySubsequences: true)
    guard parts.count == 2 else { return completion(.success(.wrong)) }
    let records = market.database.snapshot().records
    do {
      switch parts[0].lowercased() {
      case "bearer":
        guard let caller = request.principal?.detail as? Caller else {
          return completion(.success(.wrong))
        }
        completion(.success(caller.isAdmin ? .administrator(caller.userID) : .user))
      case "apikey":
        guard let (id, secret) = Self.pair(parts[1]),
          let user = try AccessKeys.user(records, id: id, secret: secret, at: .now)
        else { return completion(.success(.wrong)) }
        completion(.success(ElasticCaller(user)))
      case "basic":
        guard let (name, password) = Self.pair(parts[1]) else {
          return completion(.success(.wrong))
        }
        verify(name, password, try Accounts.user(records, email: name), completion)
      default: completion(.success(.wrong))
      }
    } catch {
      completion(.failure(error))
    }
  }

  private func verify(
    _ name: String, _ password: String, _ user: User?,
    _ completion: @escaping @Sendable (Result<ElasticCaller, any Error>) -> Void
  ) {
    let mayUsePassword = user.map { $0.disabledAt == nil && !$0.isTwoFactorEnabled } ?? false
    if let user, mayUsePassword, elasticPasswords.isKnown(user, password, at: .now) {
      return completion(.success(ElasticCaller(user)))
    }
    do {
      try market.signInGuard.begin(name, at: .now)
    } catch {
      return completion(
        .success(
          .refused(ElasticError("security_exception", error.message, status: error.status))))
    }
    passwords.verify(password, against: user?.passwordHash) { result in
      switch result {
      case .failure(let error):
        market.signInGuard.abandoned(name)
        completion(.failure(error))
      case .success(let isRight):
        guard isRight, let user else { return completion(.success(.wrong)) }
        market.signInGuard.succeeded(name)
        guard mayUsePassword else {
          return completion(
            .success(
              .refused(
                ElasticError(
                  "security_exception",
                  "this account cannot use its password here: send an access token or a key",
                  status: 401))))
        }
        elasticPasswords.remember(user, password, at: .now)
        completion(.success(ElasticCaller(user)))
      }
    }
  }

  /// The two parts of base64 of `name:secret`.
  private static func pair(_ text: Substring) -> (String, String)? {
    let alphabet = text.reversed().drop { $0 == "=" }.reversed()
      .map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }
    guard let bytes = Base64URL.decode(String(alphabet)),
      let decoded = String(validating: bytes, as: UTF8.self),
      let colon = decoded.firstIndex(of: ":")
    else { return nil }
    return (String(decoded[..<colon]), String(decoded[decoded.index(after: colon)...]))
  }
}
