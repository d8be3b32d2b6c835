// Inventory: the only writer of stock levels and movements.
//
// Invariants
// 1. A level and a movement are written together: level.quantity is the sum of its movements.
// 2. available = quantity - reserved never falls below zero; what would do so is BIZ_5001 and
//    changes nothing.
// 3. Every choice is a function of the records alone: the same state gives the same locations.

import Bytes
import RecordStore

/// Units of one location: a part of what a sale took, or of what a return gave back.
public struct StockShare: Fields, Equatable {
  public var locationID = UUIDv7.zero
  public var quantity: Int64 = 0

  public init() {}

  public init(locationID: UUIDv7, quantity: Int64) {
    self.locationID = locationID
    self.quantity = quantity
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "locationId", &locationID)
    try visitor.field(2, "quantity", &quantity)
  }
}

public enum Inventory {
  /// Units of one variant at one place; above it a level would be a typing error.
  public static let quantityMax: Int64 = 1_000_000_000
  /// Rows that one call changes at most.
  public static let sharesMax = 1000

  // MARK: Asking

  /// The levels of a variant, most available first, ties by location.
  public static func levels(
    _ reader: some RecordReader, variantID: UUIDv7
  ) throws -> [StockLevel] {
    var levels = try reader.all(StockLevel.self, KeyRange(prefix: key(variantID)))
    // Most variants lie at one place.
    guard levels.count > 1 else { return levels }
    levels.sort {
      $0.available != $1.available ? $0.available > $1.available : $0.locationID < $1.locationID
    }
    return levels
  }

  /// Units of a variant that can be sold, over all locations.
  public static func available(_ reader: some RecordReader, _ variantID: UUIDv7) throws -> Int64 {
    try total(levels(reader, variantID: variantID).lazy.map(\.available))
  }

  /// The levels of all variants of a product.
  public static func levels(
    _ reader: some RecordReader, productID: UUIDv7
  ) throws -> [StockLevel] {
    try reader.all(in: StockLevel.byProduct, .equal(key(productID)))
  }

  /// Units of a product that can be sold, over its variants and locations.
  public static func available(
    _ reader: some RecordReader, productID: UUIDv7
  ) throws -> Int64 {
    try total(levels(reader, productID: productID).lazy.map(\.available))
  }

  static func total(_ quantities: some Sequence<Int64>) throws -> Int64 {
    do {
      return try Money.sum(quantities)
    } catch {
      throw MarketError(.internalError, "The stock of a product does not fit in 64 bits.")
    }
  }

  // MARK: Changing

  /// Adds `delta` to the level of (variant, location), making it when there is none.
  ///
  /// Errors: RES_4001 for a variant or place that is not there; BIZ_5001 when it would fall below
  /// what is reserved; VAL_3001 beyond `quantityMax`.
  @discardableResult
  public static func adjust(
    _ transaction: Transaction, variantID: UUIDv7, locationID: UUIDv7, delta: Int64,
    kind: StockMovementKind = .adjustment, referenceID: UUIDv7? = nil, notes: String = ""
  ) throws -> StockLevel {
    var level = try levelOrNew(transaction, variantID: variantID, locationID: locationID)
    guard delta != 0 else { return level }
    let (quantity, overflow) = level.quantity.addingReportingOverflow(delta)
    guard !overflow, quantity <= quantityMax else {
      throw MarketError.invalid(
        "/quantity", rule: "range", "A place holds at most \(quantityMax) units of a variant.")
    }
    guard quantity >= level.reserved else {
      throw insufficient([(variantID, delta == .min ? .max : -delta, level.available)])
    }
    level.quantity = quantity
    try write(
      transaction, &level, delta: delta, kind: kind, referenceID: referenceID, notes: notes)
    return level
  }

  /// Sets the quantity of (variant, location), as a movement of the difference.
  ///
  /// Errors: as `adjust`; `preconditionFailed` when the level's version is not `expectedVersion`
  /// (a level that is not there yet has version 0).
  @discardableResult
  public static func set(
    _ transaction: Transaction, variantID: UUIDv7, locationID: UUIDv7, quantity: Int64,
    reorderPoint: Int64? = nil, expectedVersion: Int64? = nil, notes: String = ""
  ) throws -> StockLevel {
    var level = try levelOrNew(transaction, variantID: variantID, locationID: locationID)
    if let expectedVersion, expectedVersion != level.version {
      throw MarketError.preconditionFailed(current: level.version)
    }
    guard (0...quantityMax).contains(quantity), (0...quantityMax).contains(reorderPoint ?? 0) else {
      throw MarketError.invalid(
        "/quantity", rule: "range", "Quantities are from 0 to \(quantityMax).")
    }
    guard quantity >= level.reserved else {
      throw MarketError.conflict(
        "\(level.reserved) units are reserved for orders.", reason: "reserved")
    }
    let delta = quantity - level.quantity
    level.quantity = quantity
    if let reorderPoint { level.reorderPoint = reorderPoint }
    try write(transaction, &level, delta: delta, kind: .adjustment, referenceID: nil, notes: notes)
    return level
  }

  /// Takes units for a sale: from the place with most available first, ties by identifier.
  ///
  /// Errors: BIZ_5001 when all places together have fewer; nothing is changed then.
  public static func take(
    _ transaction: Transaction, variantID: UUIDv7, quantity: Int64, referenceID: UUIDv7
  ) throws -> [StockShare] {
    var shares: [StockShare] = []
    for (var level, part) in try choose(transaction, variantID: variantID, quantity: quantity) {
      level.quantity -= part
      try write(
        transaction, &level, delta: -part, kind: .sale, referenceID: referenceID, notes: "")
      shares.append(StockShare(locationID: level.locationID, quantity: part))
    }
    return shares
  }

  /// The places that `quantity` units come from, most available first, ties by identifier.
  static func choose(
    _ transaction: Transaction, variantID: UUIDv7, quantity: Int64
  ) throws -> [(level: StockLevel, part: Int64)] {
    guard quantity > 0 else {
      throw MarketError.invalid("/quantity", rule: "range", "At least one unit is taken.")
    }
    var levels = try levels(transaction, variantID: variantID)
    if levels.contains(where: { $0.reserved > 0 }) {
      try releaseExpired(transaction, variantID: variantID)
      levels = try self.levels(transaction, variantID: variantID)
    }
    let available = try total(levels.lazy.map(\.available))
    guard available >= quantity else {
      throw insufficient([(variantID, quantity, available)])
    }
    var missing = quantity
    var chosen: [(level: StockLevel, part: Int64)] = []
    for level in levels where missing > 0 && level.available > 0 {
      let part = min(missing, level.available)
      missing -= part
      chosen.append((level, part))
    }
    return chosen
  }

  /// Puts back what `take` gave, for a cancelled or returned sale.
  public static func giveBack(
    _ transaction: Transaction, variantID: UUIDv7, shares: [StockShare], referenceID: UUIDv7
  ) throws {
    for share in shares where share.quantity > 0 {
      guard
        var level = try transaction.get(StockLevel.self, key(variantID, share.locationID))
      else {
        throw MarketError(.internalError, "A sale took units of a stock level that is not there.")
      }
      // Not bounded by `quantityMax`: these units were there before.
      let (quantity, overflow) = level.quantity.addingReportingOverflow(share.quantity)
      guard !overflow else {
        throw MarketError(.internalError, "The stock of a place does not fit in 64 bits.")
      }
      level.quantity = quantity
      try write(
        transaction, &level, delta: share.quantity, kind: .return, referenceID: referenceID,
        notes: "")
    }
  }

  /// BIZ_5001 with one item for each variant that is short.
  public static func insufficient(
    _ items: [(variantID: UUIDv7, requested: Int64, available: Int64)]
  ) -> MarketError {
    let details = items.map { item in
      JSONValue.object([
        .init("variantId", .string(item.variantID.description)),
        .init("requested", .int(item.requested)), .init("available", .int(item.available)),
      ])
    }
    let message =
      switch items.first?.available ?? 0 {
      case ...0: "It is sold out."
      case 1: "Only 1 is left."
      case let left: "Only \(left) are left."
      }
    return MarketError(
      .insufficientStock, message, details: .object([.init("items", .array(details))]))
  }

  // MARK: The two writes

  static func levelOrNew(
    _ transaction: Transaction, variantID: UUIDv7, locationID: UUIDv7
  ) throws -> StockLevel {
    if let level = try transaction.get(StockLevel.self, key(variantID, locationID)) {
      guard level.reserved > 0 else { return level }
      try releaseExpired(transaction, variantID: variantID)
      return try transaction.get(StockLevel.self, key(variantID, locationID)) ?? level
    }
    guard let product = try transaction.lookup(Product.byVariant, key(variantID)) else {
      throw MarketError.notFound("product variant")
    }
    guard let location = try transaction.get(Location.self, key(locationID)) else {
      throw MarketError.notFound("location")
    }
    guard location.sellerID == product.sellerID else {
      throw MarketError.invalid(
        "/locationId", rule: "owner", "The location belongs to another seller.")
    }
    var level = StockLevel()
    level.variantID = variantID
    level.locationID = locationID
    level.productID = product.id
    level.productOrdinal = product.ordinal
    level.sellerID = product.sellerID
    return level
  }

  static func write(
    _ transaction: Transaction, _ level: inout StockLevel, delta: Int64,
    kind: StockMovementKind, referenceID: UUIDv7?, notes: String
  ) throws {
    level.version += 1
    level.updatedAt = transaction.time
    try transaction.put(level)
    guard delta != 0 else { return }
    var movement = StockMovement()
    movement.id = transaction.newID()
    movement.variantID = level.variantID
    movement.locationID = level.locationID
    movement.kind = kind
    movement.quantity = delta
    movement.referenceID = referenceID
    movement.notes = notes
    movement.createdAt = transaction.time
    try transaction.insert(movement)
  }
}

extension MarketError {
  /// RES_4003 with status 412: the record has another version than the caller expects.
  public static func preconditionFailed(current version: Int64) -> MarketError {
    var error = MarketError(
      .conflict, "It was changed in the meantime; read it again.",
      details: .object([
        .init("reason", .string("version_mismatch")), .init("version", .int(version)),
      ]))
    error.status = 412
    return error
  }
}
