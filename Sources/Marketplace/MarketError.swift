// MarketError: a refusal that a client is told about, with one of 25 codes. Each code has one HTTP
// status; the only exception is a reused idempotency key, which is RES_4003 with status 422.
//
//   AUTH_1001…1005   401   who are you
//   AUTHZ_2001…2002  403   you may not
//   VAL_3001…3003    400   the request is not acceptable
//   RES_4001…4003    404, 409, 409
//   BIZ_5001…5005    409, 409, 402, 409, 400
//   EXT_6001…6003    502   somebody else's service failed
//   SYS_9001…9004    500, 503, 500, 429

import Bytes

/// The codes of the error envelope.
public enum ErrorCode: String, CaseIterable, Sendable {
  case unauthorized = "AUTH_1001"
  case invalidCredentials = "AUTH_1002"
  case tokenExpired = "AUTH_1003"
  case invalidToken = "AUTH_1004"
  case twoFactorRequired = "AUTH_1005"

  case forbidden = "AUTHZ_2001"
  case insufficientPermissions = "AUTHZ_2002"

  case validation = "VAL_3001"
  case invalidInput = "VAL_3002"
  case missingRequiredField = "VAL_3003"

  case notFound = "RES_4001"
  case alreadyExists = "RES_4002"
  case conflict = "RES_4003"

  case insufficientStock = "BIZ_5001"
  case productUnavailable = "BIZ_5002"
  case paymentFailed = "BIZ_5003"
  case orderCannotBeCancelled = "BIZ_5004"
  case invalidCoupon = "BIZ_5005"

  case paymentGateway = "EXT_6001"
  case deliveryService = "EXT_6002"
  case emailService = "EXT_6003"

  case internalError = "SYS_9001"
  case serviceUnavailable = "SYS_9002"
  case databaseError = "SYS_9003"
  case rateLimited = "SYS_9004"

  /// The HTTP status that always goes with the code.
  public var status: Int {
    switch self {
    case .unauthorized, .invalidCredentials, .tokenExpired, .invalidToken, .twoFactorRequired: 401
    case .forbidden, .insufficientPermissions: 403
    case .validation, .invalidInput, .missingRequiredField, .invalidCoupon: 400
    case .notFound: 404
    case .alreadyExists, .conflict: 409
    case .insufficientStock, .productUnavailable, .orderCannotBeCancelled: 409
    case .paymentFailed: 402
    case .paymentGateway, .deliveryService, .emailService: 502
    case .internalError, .databaseError: 500
    case .serviceUnavailable: 503
    case .rateLimited: 429
    }
  }

  /// A decision about the marketplace (BIZ_…): asking again with the same idempotency key repeats
  /// the answer instead of the attempt.
  public var isBusinessRefusal: Bool { rawValue.hasPrefix("BIZ_") }
}

/// A refusal: thrown by commands and queries, answered as the error envelope.
public struct MarketError: Error, Equatable, Sendable {
  public var code: ErrorCode
  /// One sentence for people; what to do next where there is something.
  public var message: String
  /// A JSON object, or nil.
  public var details: JSONValue?
  /// The status of the answer; the code's own but for a reused idempotency key.
  public var status: Int

  public init(_ code: ErrorCode, _ message: String, details: JSONValue? = nil) {
    self.code = code
    self.message = message
    self.details = details
    status = code.status
  }

  /// RES_4001: `MarketError.notFound("product")`.
  public static func notFound(_ what: String) -> MarketError {
    MarketError(.notFound, "There is no such \(what).")
  }

  /// RES_4003 with `details.reason`.
  public static func conflict(_ message: String, reason: String) -> MarketError {
    MarketError(
      .conflict, message, details: .object([.init("reason", .string(reason))]))
  }

  /// VAL_3001, or VAL_3003 when all that is wrong is that fields are missing; the issues become
  /// `details.fields`.
  public static func invalid(_ issues: [FieldIssue]) -> MarketError {
    let code: ErrorCode =
      !issues.isEmpty && issues.allSatisfy { $0.rule == "required" }
      ? .missingRequiredField : .validation
    let fields = issues.map { issue in
      JSONValue.object([
        .init("path", .string(issue.path)), .init("rule", .string(issue.rule)),
        .init("message", .string(issue.message)),
      ])
    }
    let message = issues.first?.message ?? "The request is not acceptable."
    return MarketError(code, message, details: .object([.init("fields", .array(fields))]))
  }

  /// VAL_3001 about one field: its JSON pointer, the rule that it breaks, a sentence.
  public static func invalid(_ path: String, rule: String, _ message: String) -> MarketError {
    .invalid([FieldIssue(path: path, rule: rule, message: message)])
  }
}
