// Catalog: making, changing and deleting products.
//
// Invariants
// 1. A seller touches only his own products; an administrator all.
// 2. A change names the version that it was made from, or says that any will do (nil).
// 3. What is active has an image and a place; drafts may lack both.
// 4. Deleting keeps the row and frees nothing: orders and old addresses still lead to it.

import Bytes
import RecordStore
import TextSearch

/// Who changes the catalogue.
public struct CatalogActor: Sendable {
  public var userID: UUIDv7
  public var isAdmin: Bool

  public init(userID: UUIDv7, isAdmin: Bool) {
    self.userID = userID
    self.isAdmin = isAdmin
  }

  func mayTouch(_ sellerID: UUIDv7) -> Bool { isAdmin || userID == sellerID }
}

public enum Catalog {
  /// Ordinals of products, the document numbers of every view.
  public static let ordinalSpace: UInt32 = 1

  // MARK: Asking

  /// A product by identifier, slug or past slug; nil when it is deleted or was never there.
  public static func find(_ reader: some RecordReader, _ name: String) throws -> Product? {
    if let id = UUIDv7(name) { return try find(reader, id: id) }
    if let product = try reader.lookup(Product.bySlug, key(name)) { return product }
    guard let past = try reader.get(PastSlug.self, key(name)) else { return nil }
    return try find(reader, id: past.productID)
  }

  public static func find(_ reader: some RecordReader, id: UUIDv7) throws -> Product? {
    guard let product = try reader.get(Product.self, key(id)), !product.isDeleted else {
      return nil
    }
    return product
  }

  /// The product as `actor` may see it: what is not active only its owner and administrators.
  public static func visible(
    _ reader: some RecordReader, _ name: String, to actor: CatalogActor?
  ) throws -> Product {
    guard let product = try find(reader, name),
      product.isForSale || product.status == .outOfStock
        || actor?.mayTouch(product.sellerID) == true
    else { throw MarketError.notFound("product") }
    return product
  }

  // MARK: Changing

  /// Errors: VAL_3001 for what the input lacks; RES_4001 for an unknown category or location.
  public static func create(
    _ transaction: Transaction, _ input: ProductInput, by actor: CatalogActor
  ) throws -> Product {
    var product = Product()
    product.id = transaction.newID()
    product.ordinal = try transaction.nextOrdinal(space: ordinalSpace)
    product.sellerID = actor.userID
    product.createdAt = transaction.time
    try apply(input.content, to: &product, transaction)
    if product.slug.isEmpty {
      product.slug = try freeSlug(
        transaction, Slug.make(product.title, fallback: "product"), product)
    }
    product.updatedAt = transaction.time
    try requirePublishable(product)
    try transaction.insert(product)
    return product
  }

  /// Errors: RES_4001; AUTHZ_2002 for somebody else's; RES_4003 with 412 for another version.
  public static func update(
    _ transaction: Transaction, id: UUIDv7, _ change: ProductChange, expectedVersion: Int64?,
    by actor: CatalogActor
  ) throws -> Product {
    try changeOwned(transaction, id, expectedVersion, by: actor) { product in
      try apply(change, to: &product, transaction)
      try requirePublishable(product)
    }
  }

  /// One change of a product that is the actor's: its slugs, the stock of its variants and its SKUs stay
  /// in order, and its version rises.
  static func changeOwned(
    _ transaction: Transaction, _ id: UUIDv7, _ expectedVersion: Int64?, by actor: CatalogActor,
    _ change: (inout Product) throws -> Void
  ) throws -> Product {
    var product = try owned(transaction, id: id, expectedVersion, by: actor)
    let slug = product.slug
    let variants = Set(product.sellableVariants.map(\.id))
    try change(&product)
    if slug != product.slug {
      try transaction.put(
        PastSlug(slug: slug, productID: product.id, retiredAt: transaction.time))
      // Its own past slug, taken up again, is no longer past.
      _ = try transaction.delete(PastSlug.self, key(product.slug))
    }
    try requireNoStock(
      of: variants.subtracting(product.sellableVariants.map(\.id)), id, transaction)
    try requireFreeSKUs(product, transaction)
    product.version += 1
    product.updatedAt = transaction.time
    try transaction.put(product)
    return product
  }

  /// Soft: the row stays for orders, and is found no more.
  public static func delete(
    _ transaction: Transaction, id: UUIDv7, expectedVersion: Int64?, by actor: CatalogActor
  ) throws {
    var product = try owned(transaction, id: id, expectedVersion, by: actor)
    product.deletedAt = transaction.time
    product.updatedAt = transaction.time
    product.version += 1
    try transaction.put(PastSlug(slug: product.slug, productID: id, retiredAt: transaction.time))
    try transaction.put(product)
  }

  /// Puts a deleted product back, as a draft, under its slug when that is still free.
  ///
  /// Errors: RES_4001; AUTHZ_2002; RES_4002 when a SKU of it was given to another product meanwhile.
  public static func restore(
    _ transaction: Transaction, id: UUIDv7, by actor: CatalogActor
  ) throws -> Product {
    guard var product = try transaction.get(Product.self, key(id)), product.isDeleted else {
      throw MarketError.notFound("deleted product")
    }
    guard actor.mayTouch(product.sellerID) else {
      throw MarketError(.insufficientPermissions, "The product belongs to another seller.")
    }
    product.deletedAt = nil
    product.status = .draft
    try requireFreeSKUs(product, transaction)
    product.slug = try freeSlug(transaction, product.slug, product)
    _ = try transaction.delete(PastSlug.self, key(product.slug))
    product.updatedAt = transaction.time
    product.version += 1
    try transaction.put(product)
    return product
  }

  static func owned(
    _ transaction: Transaction, id: UUIDv7, _ expectedVersion: Int64?, by actor: CatalogActor
  ) throws -> Product {
    guard let product = try find(transaction, id: id) else {
      throw MarketError.notFound("product")
    }
    guard actor.mayTouch(product.sellerID) else {
      throw MarketError(.insufficientPermissions, "The product belongs to another seller.")
    }
    if let expectedVersion, expectedVersion != product.version {
      throw MarketError.preconditionFailed(current: product.version)
    }
    return product
  }

  // MARK: Applying input

  private static func apply(
    _ change: ProductChange, to product: inout Product, _ transaction: Transaction
  ) throws {
    if let title = change.title { product.title = title }
    if let description = change.description {
      product.description = DescriptionHTML.clean(description)
    }
    try applyPrices(change, to: &product, transaction)
    if let name = change.category {
      let category = try Categories.find(transaction, name)
      guard let category else { throw MarketError.notFound("category") }
      product.categoryID = category.id
      product.categoryPath = category.path
    }
    if let brand = change.brand { product.brand = brand }
    if let images = change.images {
      product.images = images.map { url in
        product.images.first { $0.url == url } ?? ProductImage(url: url, alt: product.title)
      }
    }
    if !change.attributes.isEmpty { product.attributes = change.attributes }
    try applyPlace(change, to: &product, transaction)
    if let seo = change.seo {
      if let title = seo.metaTitle { product.metaTitle = title }
      if let description = seo.metaDescription { product.metaDescription = description }
      if let keywords = seo.keywords { product.keywords = keywords }
      if let slug = seo.slug, slug != product.slug {
        product.slug = try freeSlug(transaction, slug, product)
      }
    }
    if let status = change.status { product.status = status }
  }

  private static func applyPrices(
    _ change: ProductChange, to product: inout Product, _ transaction: Transaction
  ) throws {
    if let currency = change.currency, currency != product.currency {
      guard product.priceMinor == 0 || change.price != nil else {
        throw MarketError.invalid("/price", rule: "required", "A new currency needs a new price.")
      }
      product.currency = currency
    }
    if let price = change.price {
      product.priceMinor = try minor(price, product.currency, "/price")
    }
    if let inputs = change.variants { try replaceVariants(of: &product, inputs, transaction) }
  }

  static func minor(_ price: Amount, _ currency: String, _ path: String) throws -> Int64 {
    guard let exact = price.rescaled(toDigits: Currency.digits(currency)) else {
      throw MarketError.invalid(
        path, rule: "digits", "\(currency) has \(Currency.digits(currency)) digits after the point."
      )
    }
    return exact.minor
  }

  private static func applyPlace(
    _ change: ProductChange, to product: inout Product, _ transaction: Transaction
  ) throws {
    if let place = change.location {
      guard let point = place.point else {
        throw MarketError.invalid("/location", rule: "range", "The place is not on Earth.")
      }
      product.latitudeE7 = point.latitude
      product.longitudeE7 = point.longitude
      product.address = place.address
      product.city = place.city
      product.state = place.state
      product.zipCode = place.zipCode
    }
    if let id = change.locationID {
      guard let location = try transaction.get(Location.self, key(id)),
        location.sellerID == product.sellerID
      else { throw MarketError.notFound("location") }
      product.take(placeOf: location, keepingOwn: change.location != nil)
    } else if product.locationID == nil {
      let primary = try Locations.primary(transaction, sellerID: product.sellerID)
      if let primary {
        product.take(placeOf: primary, keepingOwn: change.location != nil)
      } else if product.latitudeE7 != nil {
        product.locationID = try Locations.makePrimary(transaction, like: product).id
      }
    }
  }

  static func requirePublishable(_ product: Product) throws {
    guard product.status == .active else { return }
    var issues: [FieldIssue] = []
    if product.images.isEmpty {
      issues.append(
        FieldIssue(
          path: "/images", rule: "required", message: "An active product needs an image."))
    }
    if product.latitudeE7 == nil {
      issues.append(
        FieldIssue(
          path: "/location", rule: "required", message: "An active product needs a place."))
    }
    if !issues.isEmpty { throw MarketError.invalid(issues) }
  }

  static func freeSlug(
    _ transaction: Transaction, _ base: String, _ product: Product
  ) throws -> String {
    try Slug.unique(base, id: product.id) { slug in
      if let other = try transaction.lookup(Product.bySlug, key(slug)) {
        return other.id != product.id
      }
      if let past = try transaction.get(PastSlug.self, key(slug)) {
        return past.productID != product.id
      }
      return UUIDv7(slug) != nil
    }
  }
}

extension Product {
  /// Sells from `location`, whose place becomes the product's unless it has its own.
  mutating func take(placeOf location: Location, keepingOwn: Bool) {
    locationID = location.id
    guard !keepingOwn else { return }
    latitudeE7 = location.latitudeE7
    longitudeE7 = location.longitudeE7
    address = location.address
    city = location.city
    state = location.state
    zipCode = location.zipCode
  }
}
