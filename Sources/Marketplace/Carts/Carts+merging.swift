// Merging carts: a guest's into that of the user who signs in, and what an order that came to nothing
// had bought back into its buyer's. What does not fit any more (sold out, another currency, too many
// lines) stays out; merging never refuses.

import Bytes
import RecordStore

extension Carts {
  /// How long a guest's cart is kept.
  static let guestSeconds: Int64 = 30 * 86_400
  /// Abandoned carts that one new guest cart drops: more than one, so that a backlog shrinks.
  private static let droppedAtOnce = 4

  /// Moves what a guest has gathered into the cart of `userID`, and drops the guest's cart. Of a
  /// variant that both have, the larger quantity stays: the same person has chosen it twice.
  public static func merge(
    _ transaction: Transaction, guestID: UUIDv7, into userID: UUIDv7
  ) throws {
    guard guestID != userID, let guest = try transaction.get(Cart.self, key(guestID)),
      guest.isGuest
    else { return }
    try put(
      transaction, guest.items.map { ($0.productID, $0.variantID, $0.quantity) },
      into: userID, coupon: guest.couponCode)
    try transaction.delete(Cart.self, guest.primaryKey)
  }

  /// Puts lines into a cart as far as they can be bought.
  static func put(
    _ transaction: Transaction,
    _ lines: [(productID: UUIDv7, variantID: UUIDv7, quantity: Int64)], into userID: UUIDv7,
    coupon: String?
  ) throws {
    var cart = try cart(transaction, userID: userID)
    var currency = try cart.items.first.flatMap {
      try transaction.get(Product.self, key($0.productID))?.currency
    }
    for line in lines {
      guard let product = try transaction.get(Product.self, key(line.productID)),
        product.isForSale, product.variant(line.variantID) != nil,
        product.currency == currency ?? product.currency
      else { continue }
      let available = try Inventory.available(transaction, line.variantID)
      let present = cart.items.firstIndex { $0.variantID == line.variantID }
      let wanted = max(present.map { cart.items[$0].quantity } ?? 0, line.quantity)
      let quantity = min(wanted, available, Cart.quantityMax)
      guard quantity > 0 else { continue }
      currency = product.currency
      if let present {
        cart.items[present].quantity = quantity
      } else if cart.items.count < Cart.itemsMax {
        var item = CartItem()
        item.id = transaction.newID()
        item.productID = line.productID
        item.variantID = line.variantID
        item.quantity = quantity
        item.addedAt = transaction.time
        cart.items.append(item)
      }
    }
    cart.couponCode = cart.couponCode ?? coupon
    cart.version += 1
    cart.updatedAt = transaction.time
    try transaction.put(cart)
  }

  static func dropAbandoned(_ transaction: Transaction) throws {
    let oldest = transaction.time.adding(seconds: -guestSeconds)
    let old = try transaction.all(
      in: Cart.byGuestTime, .range(KeyRange(to: key(oldest))), limit: droppedAtOnce)
    for cart in old { try transaction.delete(Cart.self, cart.primaryKey) }
  }
}
