// BenchFixture: the shops, goods and buyers of the checkout benchmark and of `souk simulate`, written as
// transactions.

import Bytes
import Marketplace
import RecordStore

enum BenchFixture {
  /// Shops with one location each, products that are on sale, and their stock. Returns the products.
  static func catalogue(
    _ transaction: Transaction, products: Int, sellers: Int, stock: Int64
  ) throws -> [UUIDv7] {
    var locations: [Location] = []
    for number in 0..<sellers {
      var location = Location()
      location.sellerID = try user(transaction, role: .seller, email: "").id
      location.id = transaction.newID()
      location.name = "Shop \(number)"
      location.isPrimary = true
      try transaction.insert(location)
      locations.append(location)
    }
    var identifiers: [UUIDv7] = []
    for number in 0..<products {
      let location = locations[number % locations.count]
      var product = Product()
      product.id = transaction.newID()
      product.ordinal = try transaction.nextOrdinal(space: Catalog.ordinalSpace)
      product.sellerID = location.sellerID
      product.locationID = location.id
      product.title = "Product number \(number)"
      product.description = "Something that many buyers want, made for measuring checkouts."
      product.priceMinor = Int64(100 + number % 9000)
      product.slug = "product-number-\(number)"
      product.status = .active
      product.createdAt = transaction.time
      product.updatedAt = transaction.time
      try transaction.insert(product)
      try Inventory.set(
        transaction, variantID: product.id, locationID: location.id, quantity: stock)
      identifiers.append(product.id)
    }
    return identifiers
  }

  static func coupon(_ number: Int) -> String { "BENCH\(number)" }

  /// Coupons of the marketplace that take ten percent off.
  static func coupons(_ transaction: Transaction, count: Int) throws {
    for number in 0..<count {
      var coupon = Coupon()
      coupon.code = Self.coupon(number)
      coupon.value = 1000
      coupon.currency = "USD"
      coupon.usageLimit = 1_000_000_000
      coupon.createdAt = transaction.time
      coupon.updatedAt = transaction.time
      try transaction.insert(coupon)
    }
  }

  /// Buyers with an open session each. Returns what their access tokens say.
  static func buyers(
    _ transaction: Transaction, from first: Int, count: Int, at time: Timestamp
  ) throws -> [AccessClaims] {
    try (first..<first + count).map { number in
      let user = try user(transaction, role: .buyer, email: "buyer-\(number)@example.com")
      var session = Session()
      session.id = transaction.newID()
      session.userID = user.id
      session.refreshTokenHash = Crypto.sha256(Array("\(session.id)".utf8))
      session.expiresAt = time.adding(seconds: 86_400)
      session.createdAt = time
      try transaction.insert(session)
      var claims = AccessClaims()
      claims.sub = user.id
      claims.email = user.email
      claims.role = user.role
      claims.iat = time.microseconds / 1_000_000
      claims.exp = claims.iat + 86_400
      claims.jti = transaction.newID()
      claims.sessionID = session.id
      return claims
    }
  }

  private static func user(
    _ transaction: Transaction, role: UserRole, email: String
  ) throws -> User {
    var user = User()
    user.id = transaction.newID()
    user.ordinal = try transaction.nextOrdinal(space: Accounts.ordinalSpace)
    user.email = email
    user.role = role
    user.createdAt = transaction.time
    user.updatedAt = transaction.time
    try transaction.insert(user)
    return user
  }
}
