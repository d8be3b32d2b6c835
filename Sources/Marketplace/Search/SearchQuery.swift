// SearchQuery: GET /search. One snapshot answers all of it: the index finds, the records are read at
// the same LSN.
//
// Invariant: every hit loads, is for sale, and has the stock that the index says; anything else is a
// defect of the projection and SYS_9001, never a shorter page.

import Bytes
import Database
import RecordStore
import TextSearch

public enum SearchSort: String, CaseIterable, Sendable {
  case relevance
  case price
  case priceDescending = "-price"
  case distance
  case popularity
}

public enum DistanceUnit: String, CaseIterable, Sendable {
  case mile = "mi"
  case kilometre = "km"

  var metres: Double { self == .mile ? 1609.344 : 1000 }
}

public struct SearchQuery: Sendable, Equatable {
  public var text = ""
  /// Identifier, slug or name.
  public var category: String?
  public var brand: String?
  public var minPrice: Amount?
  public var maxPrice: Amount?
  public var inStock = false
  /// Degrees; both or neither.
  public var latitude: Double?
  public var longitude: Double?
  public var radius: Double?
  public var unit = DistanceUnit.mile
  public var sort = SearchSort.relevance
  /// 1 ... 100.
  public var limit = 20
  public var cursor: String?

  public init() {}

  /// Everything that decides what is found; a cursor is good for one of these.
  var filterText: String {
    let prices = "\(minPrice?.description ?? "")|\(maxPrice?.description ?? "")|\(inStock)"
    let place =
      [latitude, longitude, radius].map { $0.map { "\($0)" } ?? "" }
      .joined(separator: "|") + unit.rawValue
    let names = "\(category ?? "")\u{0}\(brand ?? "")\u{0}\(text)"
    return "search|\(prices)|\(place)|\(sort.rawValue)|\(names)"
  }

  /// Errors: VAL_3001 and VAL_3002 for what cannot be asked; SYS_9002 without a text index.
  public func answer(
    _ snapshot: DatabaseSnapshot, _ cursors: PageCursors
  ) throws -> SearchPage {
    guard let index = snapshot.view(TextSnapshot.self) else {
      throw MarketError(.serviceUnavailable, "This server keeps no text index.")
    }
    let records = snapshot.records
    let query = try textQuery(records, cursors)
    let result: TextResult
    do {
      result = try index.search(query)
    } catch {
      throw MarketError(.invalidInput, "The search cannot be answered: \(error).")
    }
    var page = SearchPage()
    let shown = result.hits.prefix(limit)
    page.data = try shown.map { try load($0, records, index) }
    page.total = Int64(result.total)
    page.hasMore = result.hits.count > limit
    if page.hasMore, let last = shown.last {
      page.nextCursor = cursors.encode(
        position: SearchPosition.encode(last.position), filter: filterText)
    }
    page.facets = Self.facets(result.facets)
    return page
  }

  // MARK: To the index

  /// The four ranges of the platform design, in whole units.
  static let priceBounds: [(from: Int64?, to: Int64?)] = [
    (nil, 50), (50, 100), (100, 500), (500, nil),
  ]
  static let facetValuesMax = 20

  private static func scaled(_ units: Int64) -> Int64 { units * 10_000 }

  private func textQuery(
    _ records: some RecordReader, _ cursors: PageCursors
  ) throws -> TextQuery {
    guard (1...100).contains(limit) else {
      throw MarketError.invalid("?limit", rule: "range", "A page has 1 to 100 hits.")
    }
    // One more than is shown tells whether there is more.
    var query = TextQuery(text, limit: limit + 1)
    if minPrice != nil || maxPrice != nil {
      query.ranges.append(
        NumericRange(
          "price", minimum: minPrice.map { Self.cell($0, roundingUp: true) },
          maximum: maxPrice.map { Self.cell($0, roundingUp: false) }))
    }
    if inStock { query.ranges.append(NumericRange("stock", minimum: 1)) }
    if let category {
      let name = try Categories.find(records, category)?.name ?? category
      query.keywords.append(KeywordFilter("category", anyOf: [name]))
    }
    if let brand { query.keywords.append(KeywordFilter("brand", anyOf: [brand])) }
    try place(into: &query)
    switch sort {
    case .relevance: query.sort = [.score, .descending("popularity")]
    case .price: query.sort = [.ascending("price")]
    case .priceDescending: query.sort = [.descending("price")]
    case .distance: query.sort = [.distance]
    case .popularity: query.sort = [.descending("popularity")]
    }
    if let cursor {
      query.after = try SearchPosition.decode(cursors.decode(cursor, filter: filterText))
    }
    query.facets = [
      .keywords(column: "category", top: Self.facetValuesMax),
      .keywords(column: "brand", top: Self.facetValuesMax),
      .ranges(
        column: "price",
        buckets: Self.priceBounds.map {
          Facet.Bucket(from: $0.from.map(Self.scaled), to: $0.to.map(Self.scaled))
        }),
    ]
    return query
  }

  private func place(into query: inout TextQuery) throws {
    if let latitude, let longitude {
      guard let origin = GeoPoint(degreesLatitude: latitude, degreesLongitude: longitude) else {
        throw MarketError.invalid("?lat", rule: "range", "The place is not on Earth.")
      }
      query.origin = origin
    } else if latitude != nil || longitude != nil || radius != nil || sort == .distance {
      throw MarketError.invalid("?lat", rule: "required", "A distance needs lat and lon.")
    }
    guard let radius else { return }
    guard radius.isFinite, radius >= 0 else {
      throw MarketError.invalid("?radius", rule: "range", "A radius is zero or more.")
    }
    query.radiusMetres = radius * unit.metres
  }

  /// A bound in the index's unit. One that has more digits is moved inward, which keeps its meaning
  /// because no price lies between; one beyond Int64 is beyond every price.
  private static func cell(_ amount: Amount, roundingUp: Bool) -> Int64 {
    if let exact = amount.rescaled(toDigits: ProductSearch.priceDigits) { return exact.minor }
    guard amount.digits > ProductSearch.priceDigits else { return amount.minor < 0 ? .min : .max }
    var minor = amount.minor
    var isRounded = false
    for _ in ProductSearch.priceDigits..<amount.digits {
      isRounded = isRounded || minor % 10 != 0
      minor /= 10
    }
    guard isRounded else { return minor }
    if roundingUp { return amount.minor > 0 ? minor + 1 : minor }
    return amount.minor < 0 ? minor - 1 : minor
  }

  // MARK: From the index

  private func load(
    _ hit: TextHit, _ records: some RecordReader, _ index: TextSnapshot
  ) throws -> SearchHit {
    guard let product = try records.get(Product.self, hit.key), product.isForSale else {
      throw MarketError(.internalError, "The index found a product that the records do not sell.")
    }
    var view = SearchHit()
    view.id = product.id
    view.title = product.title
    view.price = Amount(minor: product.priceMinor, digits: Currency.digits(product.currency))
    view.currency = product.currency
    view.priceMinor = product.priceMinor
    view.slug = product.slug
    view.image = product.images.first?.url
    view.sellerID = product.sellerID
    view.stock = index.value("stock", of: hit.ordinal) ?? 0
    view.distance = hit.metres.map { $0 / unit.metres }
    view.score = hit.score
    return view
  }

  private static func facets(_ counts: [FacetCounts]) -> SearchFacets {
    var facets = SearchFacets()
    var lists: [[FacetValue]] = []
    for count in counts {
      switch count {
      case .keywords(let values):
        lists.append(
          values.map { value in
            var facet = FacetValue()
            facet.name = value.value
            facet.count = Int64(value.count)
            return facet
          })
      case .ranges(let values):
        facets.priceRanges = zip(priceBounds, values).map { bounds, count in
          var range = PriceRange()
          range.from = bounds.from
          range.to = bounds.to
          range.count = Int64(count)
          return range
        }
      }
    }
    if lists.count == 2 {
      facets.categories = lists[0]
      facets.brands = lists[1]
    }
    return facets
  }
}

/// A place in the order of hits, as the bytes of a cursor.
///
///   ordinal u32 | ( kind u8 | value )…
///   kind 0 score, 1 number, 2 metres: 8 bytes; 3 keyword: varint length, UTF-8; 4 missing: nothing
enum SearchPosition {
  static func encode(_ position: TextPosition) -> [UInt8] {
    var writer = ByteWriter()
    writer.u32(position.ordinal)
    for value in position.values {
      switch value {
      case .score(let score):
        writer.u8(0)
        writer.u64(score.bitPattern)
      case .number(let number):
        writer.u8(1)
        writer.i64(number)
      case .metres(let metres):
        writer.u8(2)
        writer.u64(metres.bitPattern)
      case .keyword(let text):
        writer.u8(3)
        writer.string(text)
      case .missing: writer.u8(4)
      }
    }
    return writer.bytes
  }

  static func decode(_ bytes: [UInt8]) throws -> TextPosition {
    do throws(DecodeError) {
      var reader = ByteReader(bytes.span.bytes)
      let ordinal = try reader.u32()
      var values: [SortValue] = []
      while !reader.isAtEnd {
        switch try reader.u8() {
        case 0: values.append(.score(Double(bitPattern: try reader.u64())))
        case 1: values.append(.number(try reader.i64()))
        case 2: values.append(.metres(Double(bitPattern: try reader.u64())))
        case 3: values.append(.keyword(try reader.string()))
        case 4: values.append(.missing)
        default: throw DecodeError(.invalid, "search position", at: reader.offset)
        }
      }
      return TextPosition(values: values, ordinal: ordinal)
    } catch {
      throw MarketError(.invalidInput, "The cursor does not belong to this search.")
    }
  }
}
