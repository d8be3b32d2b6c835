// Carts: quantities, availability, prices of today.

import Bytes
import Marketplace
import RecordStore
import Testing

private struct CartWorld {
  let fixture: CheckoutFixture
  let seller: User
  let buyer: User

  init() throws {
    fixture = try CheckoutFixture()
    seller = try fixture.user("shop@example.com", role: .seller)
    buyer = try fixture.user("buyer@example.com")
  }

  func view() throws -> CartView {
    try Carts.view(
      fixture.records, userID: buyer.id, policies: fixture.market.policies,
      at: .zero)
  }
}

@Test func addingTheSameVariantAgainAddsToItsLine() throws {
  let world = try CartWorld()
  let stool = try world.fixture.product(of: world.seller, price: 4990, stock: [3, 4])
  try world.fixture.add(stool, 2, to: world.buyer)
  try world.fixture.add(stool, 5, to: world.buyer)
  let view = try world.view()
  #expect(view.items.map(\.quantity) == [7])
  #expect(view.totals.subtotal == Amount(minor: 34_930, digits: 2))
  #expect(view.totals.total == view.totals.subtotal)
  #expect(view.items[0].product.maxQuantity == 7 && view.items[0].product.inStock)
  let text = String(decoding: FieldJSON.encode(view), as: UTF8.self)
  #expect(text.contains("\"subtotal\":349.30"))
  try world.fixture.finish()
}

@Test func moreThanIsAvailableIsRefusedAndTheCartStaysAsItWas() throws {
  let world = try CartWorld()
  let stool = try world.fixture.product(of: world.seller, price: 4990, stock: [3])
  try world.fixture.add(stool, 3, to: world.buyer)
  let before = try world.view()
  let error = refusal { try world.fixture.add(stool, 1, to: world.buyer) }
  #expect(error?.code == .insufficientStock)
  #expect(
    error?.details?["items"]
      == .array([
        .object([
          .init("productId", .string(stool.id.description)),
          .init("variantId", .string(stool.id.description)), .init("requested", .int(4)),
          .init("available", .int(3)),
        ])
      ]))
  #expect(try world.view() == before)
  try world.fixture.finish()
}

@Test func whatIsNotForSaleIsRefused() throws {
  let world = try CartWorld()
  let draft = try world.fixture.product(
    of: world.seller, price: 100, stock: [5], status: .draft)
  #expect(refusal { try world.fixture.add(draft, 1, to: world.buyer) }?.code == .productUnavailable)
  var ghost = draft
  ghost.id = UUIDv7(high: 9, low: 9)
  #expect(refusal { try world.fixture.add(ghost, 1, to: world.buyer) }?.code == .notFound)
  let yen = try world.fixture.product(of: world.seller, price: 100, stock: [5], currency: "JPY")
  let dollar = try world.fixture.product(of: world.seller, price: 100, stock: [5])
  try world.fixture.add(yen, 1, to: world.buyer)
  #expect(refusal { try world.fixture.add(dollar, 1, to: world.buyer) }?.code == .validation)
  try world.fixture.finish()
}

@Test func aLineIsUpdatedAndRemovedByItsIdentifier() throws {
  let world = try CartWorld()
  let fixture = world.fixture
  let stool = try fixture.product(of: world.seller, price: 4990, stock: [2000])
  try fixture.add(stool, 2, to: world.buyer)
  let itemID = try world.view().items[0].id
  func update(_ quantity: Int64, _ id: UUIDv7) throws {
    var request = CartUpdateRequest()
    request.itemID = id
    request.quantity = quantity
    let ready = request
    try fixture.write {
      _ = try Carts.update(
        $0, userID: world.buyer.id, ready, policies: fixture.market.policies)
    }
  }
  try update(999, itemID)
  #expect(try world.view().items[0].quantity == 999)
  #expect(refusal { try update(1000, itemID) }?.code == .validation)
  #expect(refusal { try update(0, itemID) }?.code == .validation)
  #expect(refusal { try update(1, .zero) }?.code == .notFound)
  // Adding up beyond the limit is refused like asking for it at once.
  #expect(refusal { try fixture.add(stool, 1, to: world.buyer) }?.code == .validation)
  try fixture.write {
    _ = try Carts.remove(
      $0, userID: world.buyer.id, itemID: itemID, policies: fixture.market.policies)
  }
  #expect(try world.view().items.isEmpty)
  try fixture.finish()
}

@Test func theCartShowsTodaysPriceAndStock() throws {
  let world = try CartWorld()
  let stool = try world.fixture.product(of: world.seller, price: 4990, stock: [5])
  try world.fixture.add(stool, 5, to: world.buyer)
  let rival = try world.fixture.user("rival@example.com")
  try world.fixture.add(stool, 2, to: rival)
  _ = try world.fixture.checkout(rival, key: "r")
  try world.fixture.write { transaction in
    try transaction.update(Product.self, key(stool.id)) { $0.priceMinor = 100 }
  }
  let item = try #require(try world.view().items.first)
  #expect(item.price == Amount(minor: 100, digits: 2))
  #expect(!item.product.inStock && item.product.maxQuantity == 3)
  try world.fixture.finish()
}
