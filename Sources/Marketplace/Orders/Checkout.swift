// Checkout: a cart becomes an order, in one commit, or nothing happens. What is ordered without a cart
// goes the same way.
//
//    1  replay    the answer that this idempotency key had, if it had one
//    2  price     every line at today's price, less the coupon, split by seller
//    3  guard     the total is what the buyer was shown (`expectedTotal`)
//    4  stock     enough of every variant, summed over the lines, before anything is written
//    5  draft     the order and its parts, pending, with identifiers
//    6  payment   the provider is asked to charge under {orderID}:{attempt}
//    7  stock     taken, each movement naming the order
//    8  coupon    its use counted
//    9  cart      cleared
//   10  confirm   when it was charged: number, states, books. When the answer is still to come, the
//                 order waits with its stock, and `Settlement` confirms it or puts everything back
//   11  answer    saved under the idempotency key
//
// Steps 1 to 6 write nothing but the charge, so that a refusal leaves only its saved answer. The
// order's number is counted in step 10 for the same reason: what is not paid burns no number.

import Bytes
import RecordStore

public struct Checkout: Sendable {
  /// The answer of an order with a few lines fits in them.
  private static let answerBytes = 4096
  /// Attempts are numbered per order; an order has one.
  private static let attempt: UInt32 = 1

  public var provider: any PaymentProvider
  public var policies: OrderPolicies

  public init(provider: any PaymentProvider, policies: OrderPolicies = OrderPolicies()) {
    self.provider = provider
    self.policies = policies
  }

  /// Carries out the eleven steps.
  ///
  /// - Parameter render: the error envelope of a business refusal, which is stored as it is.
  ///
  /// Errors that are not stored: VAL_3001 for an empty cart, RES_4003 with
  /// `details.reason = "total_changed"` or for a reused key, EXT_6001 when the provider is away.
  /// Business refusals come back as answers: BIZ_5001, BIZ_5002, BIZ_5003, BIZ_5005. The answer is
  /// 201 for an order that is paid, and 202 for one that waits for its payment.
  public func run(
    _ transaction: Transaction, buyerID: UUIDv7, _ request: CheckoutRequest,
    idempotency: IdempotentRequest, render: (MarketError) -> [UInt8]
  ) throws -> StoredAnswer {
    try Idempotency.perform(transaction, idempotency, render: render) {
      try answer(transaction, buyerID: buyerID, request)
    }
  }

  /// Steps 2 to 10, and what the buyer is told.
  public func answer(
    _ transaction: Transaction, buyerID: UUIDv7, _ request: CheckoutRequest
  ) throws -> StoredAnswer {
    let view = try complete(transaction, buyerID: buyerID, request)
    return StoredAnswer(
      status: view.status == .pending ? 202 : 201,
      body: FieldJSON.encode(view, reserving: Self.answerBytes))
  }

  /// Steps 2 to 10.
  public func complete(
    _ transaction: Transaction, buyerID: UUIDv7, _ request: CheckoutRequest
  ) throws -> OrderView {
    var cart = try cart(transaction, buyerID)
    return try order(transaction, cart, request) {
      cart.items = []
      cart.couponCode = nil
      cart.version += 1
      cart.updatedAt = transaction.time
      try transaction.put(cart)
    }
  }

  /// Orders what is named, for the caller or, by an administrator, for another user; carts stay as
  /// they are.
  ///
  /// Errors: as `run`; AUTHZ_2001 for somebody else's order, RES_4001 when there is no such user.
  public func order(
    _ transaction: Transaction, _ request: OrderRequest, caller: Caller
  ) throws -> OrderView {
    var cart = Cart()
    cart.userID = request.userID ?? caller.userID
    if cart.userID != caller.userID {
      guard caller.isAdmin else {
        throw MarketError(.forbidden, "Only administrators order for somebody else.")
      }
      guard try Accounts.user(transaction, id: cart.userID) != nil else {
        throw MarketError.notFound("user")
      }
    }
    cart.couponCode = request.couponCode.map { Coupon.folded($0) }
    for line in request.items {
      let (product, variant) = try Carts.sellable(
        transaction, productID: line.productID, variantID: line.variantID)
      if let index = cart.items.firstIndex(where: { $0.variantID == variant.id }) {
        cart.items[index].quantity += line.quantity
        continue
      }
      var item = CartItem()
      item.productID = product.id
      item.variantID = variant.id
      item.quantity = line.quantity
      cart.items.append(item)
    }
    return try order(transaction, cart, request.checkout) {}
  }

  /// What a checkout of the user's cart would cost, delivered to this address. Errors as `run`.
  public func quote(
    _ reader: some RecordReader, buyerID: UUIDv7, to address: DeliveryAddress,
    at time: Timestamp
  ) throws -> QuoteView {
    let cart = try cart(reader, buyerID)
    let coupon = try coupon(reader, of: cart, at: time)
    return QuoteView(try price(reader, cart, coupon, to: address), coupon)
  }

  private func cart(_ reader: some RecordReader, _ buyerID: UUIDv7) throws -> Cart {
    guard let cart = try reader.get(Cart.self, key(buyerID)), !cart.items.isEmpty else {
      throw MarketError(.validation, "The cart is empty.")
    }
    return cart
  }

  /// - Parameter clear: step 9.
  private func order(
    _ transaction: Transaction, _ cart: Cart, _ request: CheckoutRequest,
    clear: () throws -> Void
  ) throws -> OrderView {
    let coupon = try coupon(transaction, of: cart, at: transaction.time)
    let quote = try price(transaction, cart, coupon, to: request.deliveryAddress)
    try guardTotal(quote, request)
    try checkStock(transaction, quote)
    var (order, parts) = draft(transaction, buyerID: cart.userID, request, quote)
    order.coupon = coupon.map { OrderCoupon($0) }
    let reference = try Settlement.charge(
      transaction, &order, attempt: Self.attempt, token: request.payment.token,
      provider: provider)
    try takeStock(transaction, &order)
    if let coupon {
      try Coupons.count(transaction, code: coupon.code, userID: cart.userID, delta: 1)
    }
    try clear()
    if let reference {
      try Settlement.confirm(
        transaction, &order, &parts, reference: reference, provider: provider, policies: policies)
    }
    try transaction.insert(order)
    for part in parts { try transaction.insert(part) }
    return OrderView(order, parts: parts)
  }

  private func coupon(
    _ reader: some RecordReader, of cart: Cart, at time: Timestamp
  ) throws -> Coupon? {
    let (coupon, refusal) = try Carts.coupon(reader, of: cart, at: time)
    if let refusal { throw refusal.error(code: cart.couponCode ?? "") }
    return coupon
  }

  private func price(
    _ reader: some RecordReader, _ cart: Cart, _ coupon: Coupon?, to address: DeliveryAddress
  ) throws -> Quote {
    var lines: [PricedLine] = []
    lines.reserveCapacity(cart.items.count)
    for item in cart.items {
      let (product, variant): (Product, ProductVariant)
      do {
        (product, variant) = try Carts.sellable(
          reader, productID: item.productID, variantID: item.variantID)
      } catch let error as MarketError where error.code == .notFound {
        var gone = Product()
        gone.id = item.productID
        gone.title = try reader.get(Product.self, key(item.productID))?.title ?? "An article"
        throw Carts.unavailable(gone, variantID: item.variantID)
      }
      lines.append(PricedLine(item, product, variant))
    }
    let quote = try Quote(lines, policies: policies, address: address, coupon: coupon)
    if let refusal = quote.couponRefusal { throw refusal.error(code: coupon?.code ?? "") }
    return quote
  }

  private func guardTotal(_ quote: Quote, _ request: CheckoutRequest) throws {
    let total = Amount(
      minor: quote.pricing.totalMinor, digits: Currency.digits(quote.pricing.currency))
    guard let expected = request.expectedTotal, expected != total else { return }
    throw MarketError(
      .conflict, "The total has changed to \(total) \(quote.pricing.currency).",
      details: .object([
        .init("reason", .string("total_changed")), .init("total", .number(total.description)),
        .init("expectedTotal", .number(expected.description)),
        .init("currency", .string(quote.pricing.currency)),
      ]))
  }

  private func checkStock(_ reader: some RecordReader, _ quote: Quote) throws {
    var wanted: [UUIDv7: Int64] = [:]
    for line in quote.lines {
      wanted[line.variant.id] = try Money.sum([
        wanted[line.variant.id] ?? 0, line.item.quantity,
      ])
    }
    var shortages: [Carts.Shortage] = []
    for line in quote.lines {
      guard let requested = wanted.removeValue(forKey: line.variant.id) else { continue }
      let available = try Inventory.available(reader, line.variant.id)
      if requested > available {
        shortages.append(
          Carts.Shortage(
            product: line.product, variantID: line.variant.id, requested: requested,
            available: available))
      }
    }
    guard shortages.isEmpty else { throw Carts.insufficientStock(shortages) }
  }

  private func draft(
    _ transaction: Transaction, buyerID: UUIDv7, _ request: CheckoutRequest, _ quote: Quote
  ) -> (Order, [SellerOrder]) {
    var order = Order()
    order.id = transaction.newID()
    order.buyerID = buyerID
    order.pricing = quote.pricing
    order.address = request.deliveryAddress
    order.notes = request.notes
    order.payment.method = request.payment.method
    order.timeline = [OrderTimelineEntry(.pending, at: transaction.time)]
    order.createdAt = transaction.time
    order.updatedAt = transaction.time
    var parts: [SellerOrder] = []
    parts.reserveCapacity(quote.parts.count)
    for quoted in quote.parts {
      var part = SellerOrder()
      part.id = transaction.newID()
      part.orderID = order.id
      part.sellerID = quoted.sellerID
      part.pricing = quoted.pricing
      part.timeline = order.timeline
      part.createdAt = transaction.time
      part.updatedAt = transaction.time
      parts.append(part)
    }
    let partOfSeller = Dictionary(
      parts.map { ($0.sellerID, $0.id) }, uniquingKeysWith: { first, _ in first })
    order.items.reserveCapacity(quote.lines.count)
    for (index, line) in quote.lines.enumerated() {
      var item = OrderItem()
      item.id = transaction.newID()
      item.sellerOrderID = partOfSeller[line.product.sellerID] ?? .zero
      item.productID = line.product.id
      item.variantID = line.variant.id
      item.sellerID = line.product.sellerID
      item.productName = line.product.title
      item.productImage = line.product.images.first?.url ?? ""
      item.quantity = line.item.quantity
      item.unitPriceMinor = line.variant.priceMinor
      item.totalMinor = quote.lineTotals[index]
      item.discountMinor = quote.lineDiscounts[index]
      item.taxMinor = quote.lineTaxes[index]
      order.items.append(item)
    }
    return (order, parts)
  }

  private func takeStock(_ transaction: Transaction, _ order: inout Order) throws {
    for index in order.items.indices {
      order.items[index].shares = try Inventory.take(
        transaction, variantID: order.items[index].variantID,
        quantity: order.items[index].quantity, referenceID: order.id)
    }
  }
}
