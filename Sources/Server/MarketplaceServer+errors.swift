// How refusals and failures of the domain and the database become the error envelope.

import Bytes
import Database
import Marketplace
import RecordStore

extension APIError {
  /// The domain's refusal with its own code and status.
  init(_ refusal: MarketError) {
    var details: [JSONValue.Member] = []
    if case .object(let members) = refusal.details { details = members }
    self.init(refusal.code, refusal.message, status: refusal.status, details: details)
    if refusal.code == .unauthorized { headers["WWW-Authenticate"] = "Bearer" }
  }

  /// What a client is told of `error`. What nobody foresaw stays as it is, so that the log has it
  /// and the client does not.
  static func telling(_ error: any Error) -> any Error {
    switch error {
    case let error as APIError: error
    case let refusal as MarketError: APIError(refusal)
    case is MoneyError: APIError(.validation, "The amounts are too large.")
    case let error as DatabaseError: telling(error)
    case let error as StoreError: telling(error)
    default: error
    }
  }

  private static func telling(_ error: DatabaseError) -> any Error {
    switch error {
    case .overloaded: unavailable("Too many writes are waiting. Try again.", retrySeconds: 1)
    case .closed: unavailable("The server is stopping.", retrySeconds: 5)
    case .outcomeUnknown:
      unavailable(
        "The outcome is unknown. Ask again with the same Idempotency-Key.", retrySeconds: 5)
    case .store(let error): telling(error)
    default: error
    }
  }

  private static func telling(_ error: StoreError) -> any Error {
    switch error {
    case .readOnly: unavailable("The server cannot write at the moment.", retrySeconds: 30)
    case .snapshotExpired: unavailable("The answer took too long. Try again.", retrySeconds: 1)
    case .uniqueViolation: APIError(.alreadyExists, "There is one with this name already.")
    case .transactionTooLarge, .valueTooLong, .keyTooLong:
      APIError(.validation, "The request is too large to be carried out at once.")
    default: error
    }
  }

  static func unavailable(_ message: String, retrySeconds: Int) -> APIError {
    APIError(.serviceUnavailable, message, headers: ["Retry-After": String(retrySeconds)])
  }
}
