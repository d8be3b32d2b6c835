// ErrorCode: the 25 codes of the error envelope and the HTTP status that each one has.

/// The code of an error; its raw value is what the wire shows.
public enum ErrorCode: String, Sendable, CaseIterable {
  case unauthorized = "AUTH_1001"
  case invalidCredentials = "AUTH_1002"
  case tokenExpired = "AUTH_1003"
  case invalidToken = "AUTH_1004"
  case twoFactorRequired = "AUTH_1005"
  case forbidden = "AUTHZ_2001"
  case insufficientPermissions = "AUTHZ_2002"
  case validationFailed = "VAL_3001"
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
  case paymentGatewayError = "EXT_6001"
  case deliveryServiceError = "EXT_6002"
  case emailServiceError = "EXT_6003"
  case internalError = "SYS_9001"
  case serviceUnavailable = "SYS_9002"
  case databaseError = "SYS_9003"
  case rateLimitExceeded = "SYS_9004"

  /// The status that goes with the code unless an error states another one.
  public var status: Int {
    switch self {
    case .unauthorized, .invalidCredentials, .tokenExpired, .invalidToken, .twoFactorRequired: 401
    case .forbidden, .insufficientPermissions: 403
    case .validationFailed, .invalidInput, .missingRequiredField, .invalidCoupon: 400
    case .notFound: 404
    case .alreadyExists, .conflict: 409
    case .insufficientStock, .productUnavailable, .orderCannotBeCancelled: 409
    case .paymentFailed: 402
    case .paymentGatewayError, .deliveryServiceError, .emailServiceError: 502
    case .internalError, .databaseError: 500
    case .serviceUnavailable: 503
    case .rateLimitExceeded: 429
    }
  }
}
