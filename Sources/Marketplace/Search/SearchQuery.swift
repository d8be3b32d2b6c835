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
  case rating
  case newest
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
  /// Stars; products that nobody rated have none.
  public var minRating: Amount?
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
    let rating = minRating.map { "|\($0)" } ?? ""
    let names = "\(category ?? "")\u{0}\(brand ?? "")\u{0}\(text)"
    return "search|\(prices)\(rating)|\(place)|\(sort.rawValue)|\(names)"
  }

  /// Errors: VAL_3001 and VAL_3002 for what cannot be asked; SYS_9002 without a text index.
  public func answer(
    _ snapshot: DatabaseSnapshot, _ cursors: PageCursors
  ) throws -> SearchPage {
    guard let index = snapshot.view(TextSnapshot.self) else {
      throw MarketError(.serviceUnavailable, "This server keeps no text index.")
    }
    let records = snapshot.records
    var request = try textRequest(records, cursors)
    var response = try Self.run(request, index)
    // What was mistyped is looked for only where nothing is spelt so.
    if response.total == 0, let near = nearRequest(request) {
      request = near
      response = try Self.run(near, index)
    }
    var page = SearchPage()
    let shown = response.hits.prefix(limit)
    page.data = try shown.map { try load($0, records, index) }
    page.total = Int64(response.total ?? 0)
    page.hasMore = response.hits.count > limit
    if page.hasMore, let last = shown.last {
      page.nextCursor = cursors.encode(
        position: SearchPosition.encode(last.position), filter: filterText)
    }
    page.facets = Self.facets(response.aggregations)
    return page
  }

  /// How the score of each hit of `page`, this search's own, comes about, a line for each part.
  public func explanations(
    of page: SearchPage, _ snapshot: DatabaseSnapshot
  ) throws -> [String] {
    guard let index = snapshot.view(TextSnapshot.self) else { return [] }
    let request = try textRequest(snapshot.records, PageCursors(key: []))
    return try page.data.map { hit in
      guard let product = try snapshot.records.get(Product.self, key(hit.id)) else { return "" }
      let exact = try index.explain(product.ordinal, request)
      let found =
        try exact ?? nearRequest(request).flatMap { try index.explain(product.ordinal, $0) }
      return found.map { Self.lines($0, "").joined(separator: "\n") } ?? ""
    }
  }

  private static func lines(_ part: ScoreExplanation, _ indent: String) -> [String] {
    ["\(indent)\(part.value)  \(part.description)"]
      + part.details.flatMap { lines($0, indent + "  ") }
  }

  // MARK: To the index

  /// The four ranges of the platform design, in whole units.
  static let priceBounds: [(from: Int64?, to: Int64?)] = [
    (nil, 50), (50, 100), (100, 500), (500, nil),
  ]
  static let facetValuesMax = 20

  private static func scaled(_ units: Int64) -> Int64 { units * 10_000 }

  private static func run(
    _ request: TextRequest, _ index: TextSnapshot
  ) throws -> TextResponse {
    do {
      return try index.search(request)
    } catch {
      throw MarketError(.invalidInput, "The search cannot be answered: \(error).")
    }
  }

  private var words: TextMultiMatch {
    let fields = ProductSearch.schema.fields.map {
      TextMultiMatch.Field($0.name, boost: $0.boost)
    }
    return TextMultiMatch(fields, text)
  }

  private var hasText: Bool {
    text.unicodeScalars.contains { !$0.properties.isWhitespace }
  }

  /// The same with words that may be mistyped; nil when there are no words.
  private func nearRequest(_ request: TextRequest) -> TextRequest? {
    guard hasText, case .bool(var bool) = request.expression else { return nil }
    var words = words
    words.fuzziness = .auto
    bool.must = [.multiMatch(words)]
    var near = request
    near.expression = .bool(bool)
    return near
  }

  private func textRequest(
    _ records: some RecordReader, _ cursors: PageCursors
  ) throws -> TextRequest {
    guard (1...100).contains(limit) else {
      throw MarketError.invalid("?limit", rule: "range", "A page has 1 to 100 hits.")
    }
    var bool = TextBool()
    if hasText { bool.must.append(.multiMatch(words)) } else { bool.filter.append(.all) }
    if minPrice != nil || maxPrice != nil {
      bool.filter.append(
        .range(
          column: "price", from: minPrice.map { Self.cell($0, roundingUp: true) },
          to: maxPrice.map { Self.cell($0, roundingUp: false) }))
    }
    if inStock { bool.filter.append(.range(column: "stock", from: 1, to: nil)) }
    if let minRating {
      let least = Self.cell(minRating, digits: UInt8(ProductSearch.ratingDigits), roundingUp: true)
      bool.filter.append(.range(column: "rating", from: least, to: nil))
    }
    if let category {
      let name = try Categories.find(records, category)?.name ?? category
      bool.filter.append(.term(field: "category", value: name))
    }
    if let brand { bool.filter.append(.term(field: "brand", value: brand)) }
    let origin = try place(into: &bool)
    // One more than is shown tells whether there is more.
    var request = TextRequest(.bool(bool), limit: limit + 1)
    request.origin = origin
    request.sort = order
    if let cursor {
      request.after = try SearchPosition.decode(cursors.decode(cursor, filter: filterText))
    }
    request.aggregations = [
      TextAggregation("categories", .terms(column: "category", size: Self.facetValuesMax)),
      TextAggregation("brands", .terms(column: "brand", size: Self.facetValuesMax)),
      TextAggregation(
        "prices",
        .ranges(
          column: "price",
          Self.priceBounds.map {
            TextRange(
              from: $0.from.map { Double(Self.scaled($0)) },
              to: $0.to.map { Double(Self.scaled($0)) })
          })),
    ]
    return request
  }

  private var order: [TextSort] {
    switch sort {
    case .relevance: [.score(descending: true), .column("popularity", descending: true)]
    case .price: [.column("price", descending: false)]
    case .priceDescending: [.column("price", descending: true)]
    case .distance: [.distance(descending: false)]
    case .popularity: [.column("popularity", descending: true)]
    case .rating: [.column("rating", descending: true), .column("popularity", descending: true)]
    case .newest: [.column("createdAt", descending: true)]
    }
  }

  /// The place that distances are measured from; a radius around it becomes a filter.
  private func place(into bool: inout TextBool) throws -> GeoPoint? {
    var origin: GeoPoint?
    if let latitude, let longitude {
      origin = GeoPoint(degreesLatitude: latitude, degreesLongitude: longitude)
      guard origin != nil else {
        throw MarketError.invalid("?lat", rule: "range", "The place is not on Earth.")
      }
    } else if latitude != nil || longitude != nil || radius != nil || sort == .distance {
      throw MarketError.invalid("?lat", rule: "required", "A distance needs lat and lon.")
    }
    guard let radius, let origin else { return origin }
    guard radius.isFinite, radius >= 0 else {
      throw MarketError.invalid("?radius", rule: "range", "A radius is zero or more.")
    }
    bool.filter.append(.withinDistance(of: origin, metres: radius * unit.metres))
    return origin
  }

  /// A bound in the index's unit. One that has more digits is moved inward, which keeps its meaning
  /// because no price lies between; one beyond Int64 is beyond every price.
  private static func cell(
    _ amount: Amount, digits: UInt8 = ProductSearch.priceDigits, roundingUp: Bool
  ) -> Int64 {
    if let exact = amount.rescaled(toDigits: digits) { return exact.minor }
    guard amount.digits > digits else { return amount.minor < 0 ? .min : .max }
    var minor = amount.minor
    var isRounded = false
    for _ in digits..<amount.digits {
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

  private static func facets(_ results: [TextAggregationResult]) -> SearchFacets {
    var facets = SearchFacets()
    guard results.count == 3 else { return facets }
    facets.categories = values(results[0])
    facets.brands = values(results[1])
    if case .buckets(let buckets, _) = results[2] {
      facets.priceRanges = zip(priceBounds, buckets).map { bounds, bucket in
        var range = PriceRange()
        range.from = bounds.from
        range.to = bounds.to
        range.count = Int64(bucket.count)
        return range
      }
    }
    return facets
  }

  private static func values(_ result: TextAggregationResult) -> [FacetValue] {
    guard case .buckets(let buckets, _) = result else { return [] }
    return buckets.compactMap { bucket in
      guard case .value(let name) = bucket.key else { return nil }
      var facet = FacetValue()
      facet.name = name
      facet.count = Int64(bucket.count)
      return facet
    }
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
