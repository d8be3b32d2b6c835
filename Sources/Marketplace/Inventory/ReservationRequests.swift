// What is asked and answered about reservations: a seller holds units of his own for somebody who
// has not paid yet (an order by telephone, a basket at a till), and sells them or gives them back.

import Bytes
import RecordStore

/// POST /inventory/reservations.
public struct ReservationRequest: Fields, Equatable {
  public static let secondsMax: Int64 = 7 * 86_400

  public var productID = UUIDv7.zero
  public var variantID: UUIDv7?
  public var quantity: Int64 = 0
  /// What it is held for; the caller when left out.
  public var ownerID: UUIDv7?
  public var expiresInSeconds: Int64 = 900
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "productId", &productID, .required)
    try visitor.field(2, "variantId", &variantID)
    try visitor.field(3, "quantity", &quantity, .range(1...1_000_000_000).required)
    try visitor.field(
      4, "ownerId", &ownerID,
      FieldRules().summary("What it is held for, such as a cart or an order; else the caller."))
    try visitor.field(
      5, "expiresInSeconds", &expiresInSeconds,
      .range(1...Self.secondsMax).summary("15 minutes when left out."))
  }
}

/// POST /inventory/reservations/{id}/commit.
public struct ReservationCommit: Fields, Equatable {
  /// What the units were sold for; the reservation itself when left out.
  public var referenceID: UUIDv7?
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "referenceId", &referenceID)
  }
}

public struct ReservationPage: Fields, Equatable {
  public var data: [Reservation] = []
  public var hasMore = false
  public var nextCursor: String?
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
    try visitor.field(2, "hasMore", &hasMore)
    try visitor.field(3, "nextCursor", &nextCursor)
  }
}

extension Inventory {
  /// Errors: those of `hold`; RES_4001 and AUTHZ_2002 for a product that is not the actor's.
  public static func reserve(
    _ transaction: Transaction, _ request: ReservationRequest, by actor: CatalogActor
  ) throws -> Reservation {
    let product = try Catalog.owned(transaction, id: request.productID, nil, by: actor)
    let variantID = try sellable(product, request.variantID)
    return try hold(
      transaction, variantID: variantID, quantity: request.quantity,
      ownerID: request.ownerID ?? actor.userID,
      expiresAt: transaction.time.adding(seconds: request.expiresInSeconds))
  }

  public static func commit(
    _ transaction: Transaction, reservation id: UUIDv7, _ request: ReservationCommit,
    by actor: CatalogActor
  ) throws -> Reservation {
    _ = try reservation(transaction, id: id, by: actor)
    try commitHold(transaction, id, referenceID: request.referenceID ?? id)
    return try reservation(transaction, id: id, by: actor)
  }

  /// Gives the units back; again, it changes nothing. RES_4003 for one whose units were sold.
  public static func release(
    _ transaction: Transaction, reservation id: UUIDv7, by actor: CatalogActor
  ) throws -> Reservation {
    guard try reservation(transaction, id: id, by: actor).state != .committed else {
      throw MarketError.conflict("The units were sold.", reason: "reservation_committed")
    }
    try releaseHold(transaction, id)
    return try reservation(transaction, id: id, by: actor)
  }

  /// RES_4001 also for somebody else's.
  public static func reservation(
    _ reader: some RecordReader, id: UUIDv7, by actor: CatalogActor
  ) throws -> Reservation {
    guard let found = try reader.get(Reservation.self, key(id)), actor.mayTouch(found.sellerID)
    else { throw MarketError.notFound("reservation") }
    return found
  }

  /// A seller's reservations, newest first.
  public static func reservations(
    _ reader: some RecordReader, sellerID: UUIDv7, limit: Int, cursor: String?,
    _ cursors: PageCursors
  ) throws -> ReservationPage {
    let list = try IndexPage.read(
      reader, Reservation.bySeller, prefix: key(sellerID), limit: limit, cursor: cursor,
      filter: "reservations|\(sellerID)", cursors)
    var page = ReservationPage()
    page.data = list.rows
    page.hasMore = list.next != nil
    page.nextCursor = list.next
    return page
  }

  /// The variant of `product` that is meant; VAL_3001 when it has several and none is named.
  static func sellable(_ product: Product, _ variantID: UUIDv7?) throws -> UUIDv7 {
    let variants = product.sellableVariants
    guard let variantID = variantID ?? (variants.count == 1 ? variants[0].id : nil),
      product.variant(variantID) != nil
    else {
      throw MarketError.invalid(
        "/variantId", rule: "reference", "Name one of the product's variants.")
    }
    return variantID
  }
}
