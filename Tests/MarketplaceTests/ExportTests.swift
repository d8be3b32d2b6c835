// Export then import is the identity, in both formats, into an empty marketplace and into the same one.

import Bytes
import Marketplace
import RecordStore
import Testing

@Suite struct ExportTests {
  private func file(
    _ kind: ImportKind, _ format: ExportFormat, of shop: CatalogFixture
  ) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var export = Export(format) { bytes += $0 }
    try export.run(kind, shop.records)
    return bytes
  }

  private func take(_ kind: ImportKind, _ file: [UInt8], into shop: CatalogFixture) throws
    -> ImportReport
  {
    let job = ImportJob(kind, file: file)
    #expect(job.issues == [])
    return try shop.write { try job.write($0) }
  }

  private func filled() throws -> CatalogFixture {
    let shop = try CatalogFixture()
    _ = try take(
      .stores,
      Array(
        """
        {"id":7,"name":"Mall, \\"north\\"","city":"Barre","location":{"lat":44.1,"lon":-72.5},\
        "services":["Repairs","Pick-up"],"hours":"9-5\\n10-4 Sunday"}
        {"id":"x9","name":"Pier"}
        """.utf8), into: shop)
    _ = try take(
      .categories,
      Array(
        """
        {"id":"c1","name":"Home","path":["Home"]}
        {"id":"c2","name":"Stools, low","path":["Home","Stools, low"]}
        """.utf8), into: shop)
    var options = ImportOptions()
    options.assignsToStores = true
    let rows = """
      {"externalId":"p1","title":"Oak stool","description":"A stool, \\"low\\" & <b>oak</b>.",\
      "price":49.9,"categories":["Home","Stools, low"],"brand":"Ace","popularity":12,"stock":7,\
      "images":["https://example.com/a.jpg","https://example.com/b.jpg"],\
      "attributes":{"height":"45 cm","wood":"oak"}}
      {"externalId":"p2","title":"Ein Krug","description":"Steinzeug für zwei Liter.","price":"1200",\
      "currency":"JPY","status":"inactive","storeId":"x9"}
      """
    let job = ImportJob(.products, file: Array(rows.utf8), options: options)
    #expect(job.issues == [])
    _ = try shop.write { try job.write($0) }
    return shop
  }

  @Test(arguments: ExportFormat.allCases)
  func anExportImportedAgainIsWhatItWas(_ format: ExportFormat) throws {
    let shop = try filled()
    let empty = try CatalogFixture(seed: 9)
    for kind in [ImportKind.stores, .categories, .products] {
      let bytes = try file(kind, format, of: shop)
      let there = try take(kind, bytes, into: empty)
      #expect(there.created == 2 && there.rows == 2, "\(kind)")
      let again = try file(kind, format, of: empty)
      #expect(again.sorted() == bytes.sorted() && again.count == bytes.count, "\(kind)")
      let same = try take(kind, bytes, into: shop)
      #expect(same.unchanged == 2, "\(kind): \(String(decoding: bytes, as: UTF8.self))")
    }
    let stool = try #require(try empty.records.lookup(Product.byExternalID, key("p1")))
    #expect(stool.attributes == ["height": "45 cm", "wood": "oak"] && stool.images.count == 2)
    #expect(try Inventory.available(empty.records, productID: stool.id) == 7)
  }

  @Test func whatWasMadeHereIsFoundAgainByItsOwnIdentifier() throws {
    let shop = try CatalogFixture()
    let product = try shop.product("Oak stool")
    let places = try file(.stores, .ndjson, of: shop)
    #expect(try take(.stores, places, into: shop).created == 0)
    let bytes = try file(.products, .ndjson, of: shop)
    let report = try take(.products, bytes, into: shop)
    #expect(report.created == 0)
    #expect(try shop.records.all(Product.self).map(\.id) == [product.id])
  }

  @Test(arguments: ExportFormat.allCases)
  func variantsGoWithTheirProducts(_ format: ExportFormat) throws {
    let shop = try filled()
    let row = """
      {"externalId":"p3","title":"Shirt, plain","description":"Cotton, washed once.","price":20,\
      "storeId":"x9","variants":[{"name":"Large","sku":"S-L","price":"21.5","stock":4,\
      "attributes":{"size":"L","note":"a \\"b\\", c|d"}},{"name":"Small","price":20}]}
      """
    #expect(try take(.products, Array(row.utf8), into: shop).created == 1)
    let shirt = try #require(try shop.records.lookup(Product.byExternalID, key("p3")))
    #expect(shirt.variants.map(\.priceMinor) == [2150, 2000])
    let empty = try CatalogFixture(seed: 9)
    for kind in [ImportKind.stores, .categories, .products] {
      let bytes = try file(kind, format, of: shop)
      let rows: Int64 = kind == .products ? 3 : 2
      #expect(try take(kind, bytes, into: empty).created == rows)
      #expect(try file(kind, format, of: empty).sorted() == bytes.sorted())
      // Known again, and who they were.
      #expect(try take(kind, bytes, into: shop).unchanged == rows)
    }
    #expect(try shop.records.lookup(Product.byExternalID, key("p3")) == shirt)
    let copy = try #require(try empty.records.lookup(Product.byExternalID, key("p3")))
    #expect(copy.variants.map(\.attributes) == shirt.variants.map(\.attributes))
    #expect(try Inventory.available(empty.records, productID: copy.id) == 4)
    // A variant that still has stock does not go silently; one without does.
    let fewer = row.replacing(#"{"name":"Large""#, with: #"{"name":"Huge""#)
      .replacing("S-L", with: "S-XL")
    #expect(throws: MarketError.self) { try take(.products, Array(fewer.utf8), into: shop) }
    let bad = row.replacing(#","sku":"S-L","price":"21.5""#, with: #","price":"x""#)
    let issues = ImportJob(.products, file: Array(bad.utf8)).issues
    #expect(issues.map(\.field) == ["variants[0].price"])
  }
}
