// Holding units for payments that take time: hold, then commit or release; what is too old counts
// as free at once and is swept in batches.
//
// Invariants
// 1. Units held are not available to anybody else: sold plus held never exceed the stock.
// 2. A hold past its end is released by the next write that needs its variant, so nothing is refused
//    for the sake of a hold that has run out, even when no sweep came by.
// 3. Commit and release may be repeated: the second call changes nothing.

import Bytes
import RecordStore

extension Inventory {
  /// Holds units of a variant for `ownerID` until `expiresAt`, at the places that `take` would choose.
  ///
  /// Errors: BIZ_5001 when fewer are available; VAL_3001 for less than one unit or an end that has
  /// passed. Nothing is changed then.
  @discardableResult
  public static func hold(
    _ transaction: Transaction, variantID: UUIDv7, quantity: Int64, ownerID: UUIDv7,
    expiresAt: Timestamp
  ) throws -> Reservation {
    guard expiresAt > transaction.time else {
      throw MarketError.invalid("/expiresAt", rule: "range", "A hold must end in the future.")
    }
    var reservation = Reservation()
    reservation.id = transaction.newID()
    reservation.ownerID = ownerID
    reservation.variantID = variantID
    reservation.quantity = quantity
    reservation.createdAt = transaction.time
    reservation.expiresAt = expiresAt
    for (var level, part) in try choose(transaction, variantID: variantID, quantity: quantity) {
      level.reserved += part
      reservation.sellerID = level.sellerID
      reservation.productID = level.productID
      reservation.shares.append(StockShare(locationID: level.locationID, quantity: part))
      try write(transaction, &level, delta: 0, kind: .sale, referenceID: nil, notes: "")
    }
    try transaction.insert(reservation)
    return reservation
  }

  /// Sells what is held: the units leave the stock, as sales that name `referenceID`.
  ///
  /// Works after the end of the hold too, as long as nobody needed the units meanwhile; and again,
  /// without a second sale. Errors: RES_4001 for an unknown hold; RES_4003 with
  /// `details.reason` `reservation_released` or `reservation_expired` when the units went back.
  @discardableResult
  public static func commitHold(
    _ transaction: Transaction, _ id: UUIDv7, referenceID: UUIDv7
  ) throws -> [StockShare] {
    guard var reservation = try transaction.get(Reservation.self, key(id)) else {
      throw MarketError.notFound("reservation")
    }
    switch reservation.state {
    case .committed: return reservation.shares
    case .released, .expired:
      throw MarketError.conflict(
        "The units are no longer held; take them from the stock again.",
        reason: "reservation_\(reservation.state.rawValue)")
    case .held: break
    }
    for share in reservation.shares {
      var level = try heldLevel(transaction, reservation, share)
      level.quantity -= share.quantity
      level.reserved -= share.quantity
      try write(
        transaction, &level, delta: -share.quantity, kind: .sale, referenceID: referenceID,
        notes: "")
    }
    reservation.state = .committed
    reservation.endedAt = transaction.time
    try transaction.put(reservation)
    return reservation.shares
  }

  /// Gives back what is held; false when it was not held any more, or there is no such hold.
  @discardableResult
  public static func releaseHold(_ transaction: Transaction, _ id: UUIDv7) throws -> Bool {
    guard let reservation = try transaction.get(Reservation.self, key(id)),
      reservation.state == .held
    else { return false }
    try end(transaction, reservation, as: .released)
    return true
  }

  /// Gives back what has run out, oldest first; how many holds that were. Call again while it
  /// returns `limit`.
  @discardableResult
  public static func releaseExpired(
    _ transaction: Transaction, limit: Int = 100
  ) throws -> Int {
    let due = try transaction.all(
      in: Reservation.heldByExpiry, .range(KeyRange(to: expiredUpTo(transaction.time))),
      limit: limit)
    for reservation in due { try end(transaction, reservation, as: .expired) }
    return due.count
  }

  /// Whether `releaseExpired` has something to do at `time`.
  public static func hasExpiredHolds(_ reader: some RecordReader, at time: Timestamp) throws -> Bool
  {
    try reader.first(
      in: Reservation.heldByExpiry, .range(KeyRange(to: expiredUpTo(time)))) != nil
  }

  /// What is or was held for `ownerID`, in the order of holding.
  public static func holds(
    _ reader: some RecordReader, ownerID: UUIDv7
  ) throws -> [Reservation] {
    try reader.all(in: Reservation.byOwner, .equal(key(ownerID)))
  }

  /// Gives back what has run out of one variant.
  static func releaseExpired(_ transaction: Transaction, variantID: UUIDv7) throws {
    let range = KeyRange(
      from: key(variantID), to: key(variantID) + expiredUpTo(transaction.time))
    for reservation in try transaction.all(in: Reservation.heldByVariant, .range(range)) {
      try end(transaction, reservation, as: .expired)
    }
  }

  /// The key above all ends up to and including `time`.
  private static func expiredUpTo(_ time: Timestamp) -> [UInt8] {
    key(Timestamp(microseconds: time.microseconds &+ 1))
  }

  private static func end(
    _ transaction: Transaction, _ held: Reservation, as state: ReservationState
  ) throws {
    for share in held.shares {
      var level = try heldLevel(transaction, held, share)
      level.reserved -= share.quantity
      try write(transaction, &level, delta: 0, kind: .return, referenceID: nil, notes: "")
    }
    var reservation = held
    reservation.state = state
    reservation.endedAt = transaction.time
    try transaction.put(reservation)
  }

  private static func heldLevel(
    _ transaction: Transaction, _ reservation: Reservation, _ share: StockShare
  ) throws -> StockLevel {
    let level = try transaction.get(
      StockLevel.self, key(reservation.variantID, share.locationID))
    guard let level, level.reserved >= share.quantity, level.quantity >= share.quantity else {
      throw MarketError(.internalError, "A reservation holds units that its place does not have.")
    }
    return level
  }
}
