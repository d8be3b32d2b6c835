// What each error code means, for the documentation; the message of an answer says more.

import Marketplace

extension ErrorCode {
  var meaning: String {
    switch self {
    case .unauthorized: "Nobody is signed in, and somebody must be."
    case .invalidCredentials: "The name or the password is wrong; it is not said which."
    case .tokenExpired: "The token is too old. Refresh it."
    case .invalidToken: "The token does not verify."
    case .twoFactorRequired: "The second step of the sign-in is missing."
    case .forbidden: "This belongs to somebody else."
    case .insufficientPermissions: "This needs another role."
    case .validation: "A value breaks a rule; details.fields says which."
    case .invalidInput: "The request cannot be read: its form, a type, an unknown field."
    case .missingRequiredField: "Something required is missing."
    case .notFound: "There is nothing by that name."
    case .alreadyExists: "There is one already."
    case .conflict: "It changed meanwhile, or the key was used for something else."
    case .insufficientStock: "Fewer are left than were asked for."
    case .productUnavailable: "It is not for sale at the moment."
    case .paymentFailed: "The payment was declined; nothing was charged and no order was made."
    case .orderCannotBeCancelled: "The order is too far on its way."
    case .invalidCoupon: "The coupon does not apply."
    case .paymentGateway: "The payment provider does not answer as it should."
    case .deliveryService: "The delivery service does not answer as it should."
    case .emailService: "The mail could not be handed over."
    case .internalError: "A failure of ours; the request id identifies it."
    case .serviceUnavailable: "Not now, or not here; Retry-After says when to try again."
    case .databaseError: "The storage failed; nothing was changed."
    case .rateLimited: "Too many requests; Retry-After says when the next is welcome."
    }
  }
}

extension Route {
  /// The errors that the documents name: those that the route declares and those that every route of
  /// its kind has.
  var documentedErrors: [ErrorCode] {
    var all = errors
    if caller != .anyone { all.append(.unauthorized) }
    if case .roles = caller { all.append(.insufficientPermissions) }
    if body != .none || !query.isEmpty || idempotencyKey == .required {
      all += [.validation, .invalidInput, .missingRequiredField]
    }
    if !captureNames.isEmpty { all.append(.notFound) }
    var seen: Set<ErrorCode> = []
    return all.filter { seen.insert($0).inserted }.sorted {
      ($0.status, $0.rawValue) < ($1.status, $1.rawValue)
    }
  }
}
