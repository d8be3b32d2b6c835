// Variants, SKUs, restored products, categories that move, and uploads of many products.

import Bytes
import Marketplace
import RecordStore
import Testing
import TextSearch

@Suite struct CatalogChangeTests {
  private func variant(_ name: String, sku: String = "") -> VariantInput {
    var input = VariantInput()
    input.name = name
    input.sku = sku
    input.price = Amount(minor: 500, digits: 2)
    return input
  }

  @Test func aSKUIsASellersOwnOnce() throws {
    let shop = try CatalogFixture()
    let (seller, rival) = (shop.seller, shop.rival)
    let first = try shop.product("Shirt")
    let second = try shop.product("Coat")
    let input = variant("Large", sku: "L-1")
    try shop.write {
      _ = try Catalog.addVariant($0, productID: first.id, input, expectedVersion: nil, by: seller)
    }
    for product in [first, second] {
      #expect(
        refusal {
          try shop.write {
            _ = try Catalog.addVariant(
              $0, productID: product.id, input, expectedVersion: nil, by: seller)
          }
        }?.code == .alreadyExists)
    }
    let theirs = CatalogFixture.input("Shirt", price: 100)
    let other = try shop.write { try Catalog.create($0, theirs, by: rival) }
    try shop.write {
      _ = try Catalog.addVariant($0, productID: other.id, input, expectedVersion: nil, by: rival)
    }
    // Deleted, a product's SKUs are free; back, it needs them.
    try shop.write { try Catalog.delete($0, id: first.id, expectedVersion: nil, by: seller) }
    try shop.write {
      _ = try Catalog.addVariant($0, productID: second.id, input, expectedVersion: nil, by: seller)
    }
    #expect(
      refusal { try shop.write { _ = try Catalog.restore($0, id: first.id, by: seller) } }?.code
        == .alreadyExists)
  }

  @Test func variantsComeAndGoButNotWithStock() throws {
    let shop = try CatalogFixture()
    let seller = shop.seller
    let product = try shop.product("Shirt")
    let (small, large) = (variant("Small"), variant("Large"))
    let one = try shop.write {
      try Catalog.addVariant($0, productID: product.id, small, expectedVersion: 1, by: seller)
    }
    #expect(
      refusal {
        try shop.write {
          _ = try Catalog.addVariant(
            $0, productID: product.id, large, expectedVersion: 1, by: seller)
        }
      }?.status == 412)
    let id = try #require(one.variants.first?.id)
    let place = try #require(one.locationID)
    try shop.write {
      _ = try Inventory.adjust($0, variantID: id, locationID: place, delta: 2)
    }
    let remove: @Sendable (Transaction) throws -> Void = {
      _ = try Catalog.removeVariant(
        $0, productID: product.id, variantID: id, expectedVersion: nil, by: seller)
    }
    #expect(refusal { try shop.write(remove) }?.code == .conflict)
    try shop.write { _ = try Inventory.adjust($0, variantID: id, locationID: place, delta: -2) }
    try shop.write(remove)
    #expect(try Catalog.find(shop.records, id: product.id)?.variants == [])
    #expect(refusal { try shop.write(remove) }?.code == .notFound)
  }

  @Test func aDeletedProductComesBackAsADraftUnderItsSlug() throws {
    let shop = try CatalogFixture()
    let (seller, rival) = (shop.seller, shop.rival)
    let product = try shop.product("Oak stool")
    #expect(
      refusal { try shop.write { _ = try Catalog.restore($0, id: product.id, by: seller) } }?.code
        == .notFound)
    try shop.write { try Catalog.delete($0, id: product.id, expectedVersion: nil, by: seller) }
    #expect(try Catalog.find(shop.records, product.slug) == nil)
    #expect(
      refusal { try shop.write { _ = try Catalog.restore($0, id: product.id, by: rival) } }?.code
        == .insufficientPermissions)
    let back = try shop.write { try Catalog.restore($0, id: product.id, by: seller) }
    #expect(back.status == .draft && back.slug == product.slug)
    #expect(try Catalog.find(shop.records, product.slug)?.id == product.id)
  }

  @Test func descriptionsAreCleanedAndSearchedByTheirWords() throws {
    let shop = try CatalogFixture()
    let seller = shop.seller
    var input = CatalogFixture.input("Oak stool", price: 100)
    input.content.description = "Sturdy <b>zebrawood</b><script>alert('kudu')</script> legs."
    let dirty = input
    let product = try shop.write { try Catalog.create($0, dirty, by: seller) }
    #expect(product.description == "Sturdy <b>zebrawood</b> legs.")
    var query = SearchQuery()
    for (text, count) in [("zebrawood", 1), ("kudu", 0), ("script", 0), ("b", 0)] {
      query.text = text
      #expect(try query.answer(shop.database.snapshot(), shop.cursors).data.count == count)
    }
  }

  // MARK: Categories

  private func category(_ shop: CatalogFixture, _ name: String, in parent: Category? = nil) throws
    -> Category
  {
    var input = CategoryInput()
    input.name = name
    input.parentID = parent?.id
    let fixed = input
    return try shop.write { try Categories.create($0, fixed) }
  }

  @Test func aCategoryMovesWithAllThatIsBelowIt() throws {
    let shop = try CatalogFixture()
    let seller = shop.seller
    let home = try category(shop, "Home")
    let seats = try category(shop, "Seats", in: home)
    let stools = try category(shop, "Stools", in: seats)
    let garden = try category(shop, "Garden")
    var input = CatalogFixture.input("Oak stool", price: 100)
    input.content.category = stools.slug
    let fixed = input
    let product = try shop.write { try Catalog.create($0, fixed, by: seller) }
    #expect(product.categoryPath == ["Home", "Seats", "Stools"])

    var change = CategoryChange()
    change.parentID = garden.id
    change.name = "Chairs"
    let move = change
    let moved = try shop.write { try Categories.change($0, id: seats.id, move) }
    #expect(moved.path == ["Garden", "Chairs"] && moved.level == 1)
    #expect(try Categories.find(shop.records, stools.slug)?.path == ["Garden", "Chairs", "Stools"])
    let after = try #require(try Catalog.find(shop.records, id: product.id))
    #expect(after.categoryPath == ["Garden", "Chairs", "Stools"] && after.version == 2)
    let counts = try Categories.tree(shop.records).data
    for node in counts {
      let category = try #require(try Categories.find(shop.records, node.slug))
      #expect(try Categories.activeCount(shop.records, in: category) == node.productCount)
    }
    #expect(counts.first { $0.id == garden.id }?.productCount == 1)
    #expect(counts.first { $0.id == home.id }?.productCount == 0)

    // Below itself it cannot go, nor to a name that is taken.
    change = CategoryChange()
    change.parentID = stools.id
    let cycle = change
    #expect(
      refusal { try shop.write { _ = try Categories.change($0, id: garden.id, cycle) } }?.code
        == .conflict)
    _ = try category(shop, "Chairs")
    change = CategoryChange()
    change.isRoot = true
    let taken = change
    #expect(
      refusal { try shop.write { _ = try Categories.change($0, id: seats.id, taken) } }?.code
        == .alreadyExists)
  }

  @Test func onlyAnEmptyCategoryGoes() throws {
    let shop = try CatalogFixture()
    let seller = shop.seller
    let home = try category(shop, "Home")
    let seats = try category(shop, "Seats", in: home)
    var input = CatalogFixture.input("Oak stool", price: 100, active: false)
    input.content.category = seats.slug
    let fixed = input
    let product = try shop.write { try Catalog.create($0, fixed, by: seller) }
    for id in [home.id, seats.id] {
      #expect(refusal { try shop.write { try Categories.remove($0, id: id) } }?.code == .conflict)
    }
    try shop.write { try Catalog.delete($0, id: product.id, expectedVersion: nil, by: seller) }
    for id in [seats.id, home.id] { try shop.write { try Categories.remove($0, id: id) } }
    #expect(try Categories.tree(shop.records).data.isEmpty)
  }

  // MARK: Uploads

  private func upload(_ text: String, _ shop: CatalogFixture, stock: Int64? = nil) -> ProductUpload
  {
    ProductUpload(file: Array(text.utf8), sellerID: shop.seller.userID, stock: stock)
  }

  private let rows = """
    {"externalId":"a1","title":"Ash bench","description":"A bench of ash.","price":12.5,\
    "image":"https://example.com/a.jpg","categories":["Seats"]}
    {"externalId":"a2","title":"Elm shelf","description":"A shelf of elm.","price":"7.00",\
    "status":"draft"}
    """

  @Test func anUploadIsTheSellersAndMayBeRepeated() throws {
    let shop = try CatalogFixture()
    _ = try shop.product("Oak stool")
    let upload = upload(rows, shop, stock: 4)
    #expect(upload.issues == [])
    let report = try shop.write { try upload.write($0) }
    #expect(report.created == 2)
    let bench = try #require(try shop.records.lookup(Product.byExternalID, key("a1")))
    #expect(bench.sellerID == shop.seller.userID && bench.priceMinor == 1250 && bench.isForSale)
    #expect(try Inventory.available(shop.records, productID: bench.id) == 4)
    let again = try shop.write { try upload.write($0) }
    #expect(again.unchanged == 2 && again.created == 0)
    let theirs = ProductUpload(file: Array(rows.utf8), sellerID: shop.rival.userID, stock: nil)
    #expect(
      refusal { try shop.write { _ = try theirs.write($0) } }?.code == .insufficientPermissions)
  }

  @Test func mistakesAreToldByLineAndNothingIsWritten() throws {
    let shop = try CatalogFixture()
    let csv =
      "externalId,title,description,price\nb1,Oak chair,A chair of oak.,ten\nb2,,Too short,1\n"
    let bad = upload(csv, shop)
    #expect(bad.issues.map(\.line).sorted() == [2, 3, 3])
    let details = "\(bad.refusal.details ?? .null)"
    #expect(details.contains("price"))
    // Active without a place: the seller has no location yet.
    let active = upload(rows, shop)
    #expect(refusal { try shop.write { _ = try active.write($0) } }?.code == .missingRequiredField)
    #expect(try shop.records.lookup(Product.byExternalID, key("a2")) == nil)
    #expect(!upload("", shop).issues.isEmpty)
  }
}
