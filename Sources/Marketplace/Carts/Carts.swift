// Carts: what a user or a guest does to the cart. Every command answers the cart as it is then.

import Bytes
import RecordStore

public enum Carts {
  /// The currency of a cart with nothing in it.
  public static let defaultCurrency = "USD"

  // MARK: Asking

  public static func view(
    _ reader: some RecordReader, userID: UUIDv7, policies: OrderPolicies, at time: Timestamp
  ) throws -> CartView {
    var cart = try reader.get(Cart.self, key(userID)) ?? Cart()
    cart.userID = userID
    return try view(reader, cart, policies: policies, at: time)
  }

  static func view(
    _ reader: some RecordReader, _ cart: Cart, policies: OrderPolicies, at time: Timestamp
  ) throws -> CartView {
    var view = CartView()
    view.id = cart.id
    view.userID = cart.userID
    view.createdAt = cart.createdAt
    view.updatedAt = cart.updatedAt
    var priced: [PricedLine] = []
    for item in cart.items {
      var line = CartItemView()
      line.id = item.id
      line.productID = item.productID
      line.variantID = item.variantID
      line.quantity = item.quantity
      line.addedAt = item.addedAt
      if let product = try reader.get(Product.self, key(item.productID)) {
        let variant = product.variant(item.variantID)
        let digits = Currency.digits(product.currency)
        line.price = Amount(minor: variant?.priceMinor ?? product.priceMinor, digits: digits)
        line.product.title = product.title
        line.product.image = product.images.first?.url ?? ""
        line.product.sellerID = product.sellerID
        if let variant, product.isForSale {
          let available = try Inventory.available(reader, item.variantID)
          line.product.maxQuantity = min(available, Cart.quantityMax)
          line.product.inStock = available >= item.quantity
          priced.append(PricedLine(item, product, variant))
        }
      }
      view.items.append(line)
    }
    view.currency = priced.first?.product.currency ?? defaultCurrency
    let digits = Currency.digits(view.currency)
    let (coupon, refusal) = try coupon(reader, of: cart, at: time)
    let quote = try Quote(
      priced, policies: policies, address: nil, coupon: refusal == nil ? coupon : nil)
    let pricing = quote.pricing
    view.totals.subtotal = Amount(minor: pricing.subtotalMinor, digits: digits)
    view.totals.estimatedTax = Amount(minor: pricing.taxMinor, digits: digits)
    view.totals.estimatedDelivery = Amount(minor: pricing.deliveryFeeMinor, digits: digits)
    view.totals.discount = Amount(minor: pricing.discountMinor, digits: digits)
    view.totals.total = Amount(minor: pricing.totalMinor, digits: digits)
    if let code = cart.couponCode {
      var shown = CartCouponView()
      shown.code = code
      shown.discount = view.totals.discount
      let refusal = refusal ?? quote.couponRefusal
      shown.isValid = refusal == nil
      shown.message = refusal?.message
      view.coupons = [shown]
    }
    return view
  }

  /// The coupon that the cart names, and why it cannot be used, whatever the lines are.
  static func coupon(
    _ reader: some RecordReader, of cart: Cart, at time: Timestamp
  ) throws -> (coupon: Coupon?, refusal: CouponRefusal?) {
    guard let code = cart.couponCode else { return (nil, nil) }
    return try Coupons.find(reader, code: code, userID: cart.userID, at: time)
  }

  // MARK: Changing

  /// Adds units of a variant.
  ///
  /// Errors: BIZ_5002 for what cannot be bought; BIZ_5001 when the cart would hold more than there
  /// is; VAL_3001 for a quantity beyond 999, a variant that must be chosen, another currency, or a
  /// 201st line.
  ///
  /// - Parameter isGuest: of a cart that is new.
  public static func add(
    _ transaction: Transaction, userID: UUIDv7, isGuest: Bool = false, _ request: CartAddRequest,
    policies: OrderPolicies
  ) throws -> CartView {
    let (product, variant) = try sellable(
      transaction, productID: request.productID, variantID: request.variantID)
    var cart = try cart(transaction, userID: userID, isGuest: isGuest)
    try checkCurrency(transaction, of: product, in: cart)
    let index = cart.items.firstIndex { $0.variantID == variant.id }
    let quantity = try Money.sum([
      index.map { cart.items[$0].quantity } ?? 0, request.quantity,
    ])
    try check(transaction, quantity, of: product, variant)
    if let index {
      cart.items[index].quantity = quantity
    } else {
      guard cart.items.count < Cart.itemsMax else {
        throw MarketError.invalid(
          "/productId", rule: "count", "A cart holds at most \(Cart.itemsMax) different articles.")
      }
      var item = CartItem()
      item.id = transaction.newID()
      item.productID = product.id
      item.variantID = variant.id
      item.quantity = quantity
      item.addedAt = transaction.time
      cart.items.append(item)
    }
    return try save(transaction, cart, policies)
  }

  /// Sets the quantity of a line. Errors as `add`; RES_4001 when there is no such line.
  public static func update(
    _ transaction: Transaction, userID: UUIDv7, _ request: CartUpdateRequest,
    policies: OrderPolicies
  ) throws -> CartView {
    var cart = try cart(transaction, userID: userID)
    guard let index = cart.items.firstIndex(where: { $0.id == request.itemID }) else {
      throw MarketError.notFound("cart item")
    }
    let item = cart.items[index]
    let (product, variant) = try sellable(
      transaction, productID: item.productID, variantID: item.variantID)
    try check(transaction, request.quantity, of: product, variant)
    cart.items[index].quantity = request.quantity
    return try save(transaction, cart, policies)
  }

  /// Takes a line out. RES_4001 when there is no such line.
  public static func remove(
    _ transaction: Transaction, userID: UUIDv7, itemID: UUIDv7, policies: OrderPolicies
  ) throws -> CartView {
    var cart = try cart(transaction, userID: userID)
    guard let index = cart.items.firstIndex(where: { $0.id == itemID }) else {
      throw MarketError.notFound("cart item")
    }
    cart.items.remove(at: index)
    return try save(transaction, cart, policies)
  }

  /// Puts a coupon on the cart, in place of another. BIZ_5005 when it takes nothing off.
  public static func applyCoupon(
    _ transaction: Transaction, userID: UUIDv7, code: String, policies: OrderPolicies
  ) throws -> CartView {
    var cart = try cart(transaction, userID: userID)
    let (coupon, refusal) = try Coupons.find(
      transaction, code: code, userID: userID, at: transaction.time)
    guard refusal == nil, let coupon else {
      throw (refusal ?? .unknown).error(code: Coupon.folded(code))
    }
    cart.couponCode = coupon.code
    let lines = try cart.items.compactMap { item throws -> PricedLine? in
      guard let product = try transaction.get(Product.self, key(item.productID)),
        product.isForSale, let variant = product.variant(item.variantID)
      else { return nil }
      return PricedLine(item, product, variant)
    }
    let quote = try Quote(lines, policies: policies, address: nil, coupon: coupon)
    if let refusal = quote.couponRefusal { throw refusal.error(code: coupon.code) }
    return try save(transaction, cart, policies)
  }

  /// Takes the coupon off the cart; RES_4001 when it has none, or not this one.
  public static func removeCoupon(
    _ transaction: Transaction, userID: UUIDv7, code: String?, policies: OrderPolicies
  ) throws -> CartView {
    var cart = try cart(transaction, userID: userID)
    guard let present = cart.couponCode, code.map({ Coupon.folded($0) == present }) ?? true else {
      throw MarketError.notFound("coupon on the cart")
    }
    cart.couponCode = nil
    return try save(transaction, cart, policies)
  }

  // MARK: Shared with checkout

  /// The product and the variant that a buyer means. Throws RES_4001 or BIZ_5002.
  static func sellable(
    _ reader: some RecordReader, productID: UUIDv7, variantID: UUIDv7?
  ) throws -> (Product, ProductVariant) {
    guard let product = try reader.get(Product.self, key(productID)), !product.isDeleted else {
      throw MarketError.notFound("product")
    }
    guard product.isForSale else { throw unavailable(product, variantID: variantID) }
    if variantID == nil, product.variants.count > 1 {
      throw MarketError.invalid("/variantId", rule: "required", "Choose a variant.")
    }
    let wanted = variantID ?? product.sellableVariants.first?.id
    guard let wanted, let variant = product.variant(wanted) else {
      throw unavailable(product, variantID: variantID)
    }
    return (product, variant)
  }

  static func unavailable(_ product: Product, variantID: UUIDv7?) -> MarketError {
    var item: [JSONValue.Member] = [.init("productId", .string(product.id.description))]
    if let variantID { item.append(.init("variantId", .string(variantID.description))) }
    return MarketError(
      .productUnavailable, "“\(product.title)” cannot be bought at the moment.",
      details: .object([.init("items", .array([.object(item)]))]))
  }

  /// One variant of which more is wanted than there is.
  struct Shortage {
    var product: Product
    var variantID: UUIDv7
    var requested: Int64
    var available: Int64
  }

  /// BIZ_5001 that names every shortage.
  static func insufficientStock(_ shortages: [Shortage]) -> MarketError {
    let items = shortages.map { shortage in
      JSONValue.object([
        .init("productId", .string(shortage.product.id.description)),
        .init("variantId", .string(shortage.variantID.description)),
        .init("requested", .int(shortage.requested)),
        .init("available", .int(shortage.available)),
      ])
    }
    let message =
      shortages.first.map { first in
        first.available <= 0
          ? "“\(first.product.title)” is sold out."
          : "Only \(first.available) of “\(first.product.title)” are left."
      } ?? "There is not enough in stock."
    return MarketError(
      .insufficientStock, message, details: .object([.init("items", .array(items))]))
  }

  // MARK: Helpers

  static func cart(
    _ transaction: Transaction, userID: UUIDv7, isGuest: Bool = false
  ) throws -> Cart {
    if let cart = try transaction.get(Cart.self, key(userID)) { return cart }
    var cart = Cart()
    cart.userID = userID
    cart.isGuest = isGuest
    if isGuest { try dropAbandoned(transaction) }
    cart.id = transaction.newID()
    cart.createdAt = transaction.time
    return cart
  }

  private static func save(
    _ transaction: Transaction, _ cart: Cart, _ policies: OrderPolicies
  ) throws -> CartView {
    var cart = cart
    cart.version += 1
    cart.updatedAt = transaction.time
    try transaction.put(cart)
    return try view(transaction, cart, policies: policies, at: transaction.time)
  }

  private static func check(
    _ reader: some RecordReader, _ quantity: Int64, of product: Product, _ variant: ProductVariant
  ) throws {
    guard (1...Cart.quantityMax).contains(quantity) else {
      throw MarketError.invalid(
        "/quantity", rule: "range", "A quantity is from 1 to \(Cart.quantityMax).")
    }
    let available = try Inventory.available(reader, variant.id)
    guard quantity <= available else {
      throw insufficientStock([
        Shortage(
          product: product, variantID: variant.id, requested: quantity, available: available)
      ])
    }
  }

  private static func checkCurrency(
    _ reader: some RecordReader, of product: Product, in cart: Cart
  ) throws {
    for item in cart.items {
      guard let other = try reader.get(Product.self, key(item.productID)) else { continue }
      guard other.currency == product.currency else {
        throw MarketError.invalid(
          "/productId", rule: "currency",
          "The cart is in \(other.currency) and this is sold in \(product.currency).")
      }
      return
    }
  }
}
