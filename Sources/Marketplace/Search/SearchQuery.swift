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
  /// Whether hits show the parts of their texts that were matched.
  public var highlights = false

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
  ///
  /// - Parameter rules: keeps what was made of the rules for the next question.
  public func answer(
    _ snapshot: DatabaseSnapshot, _ cursors: PageCursors,
    rules: SearchRuleCache = SearchRuleCache()
  ) throws -> SearchPage {
    guard let index = snapshot.view(TextSnapshot.self) else {
      throw MarketError(.serviceUnavailable, "This server keeps no text index.")
    }
    let records = snapshot.records
    let rules = try rules.rules(records)
    let targets = hasText ? rules.targets(of: text) : SearchRuleSet.Targets()
    let filters = try filters(records)
    let place = try place(cursors)
    var list = SearchList(index: index, request: request(filters, targets, rules, isNear: false))
    if sort == .relevance { (list.pins, list.buried) = (targets.pins, targets.down) }
    var found = try list.page(after: place)
    var page = SearchPage()
    // What was mistyped is looked for only where nothing is spelt so.
    if hasText, found.total == found.withoutWords {
      if cursor == nil { page.didYouMean = advice(filters, index) }
      let near = request(filters, targets, rules, isNear: true)
      list = SearchList(index: index, request: near, pins: list.pins, buried: list.buried)
      found = try list.page(after: place)
    }
    page.data = try found.hits.map { try load($0, records, index) }
    if highlights { try highlight(&page.data, found.hits, list.request, records, index) }
    page.total = Int64(found.total)
    page.hasMore = found.next != nil
    page.nextCursor = found.next.map { cursors.encode(position: $0.bytes, filter: filterText) }
    page.facets = Self.facets(found.aggregations)
    return page
  }

  /// How the score of each hit of `page`, this search's own, comes about, a line for each part.
  public func explanations(
    of page: SearchPage, _ snapshot: DatabaseSnapshot
  ) throws -> [String] {
    guard let index = snapshot.view(TextSnapshot.self) else { return [] }
    let rules = try SearchRuleCache().rules(snapshot.records)
    let targets = hasText ? rules.targets(of: text) : SearchRuleSet.Targets()
    let filters = try filters(snapshot.records)
    let requests = (hasText ? [false, true] : [false]).map {
      request(filters, targets, rules, isNear: $0)
    }
    return try page.data.map { hit in
      guard let product = try snapshot.records.get(Product.self, key(hit.id)) else { return "" }
      for request in requests {
        if let found = try index.explain(product.ordinal, request) {
          return Self.lines(found, "").joined(separator: "\n")
        }
      }
      return ""
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

  private var words: TextMultiMatch {
    let fields = ProductSearch.schema.fields.map {
      TextMultiMatch.Field($0.name, boost: $0.boost)
    }
    return TextMultiMatch(fields, text)
  }

  private var hasText: Bool {
    text.unicodeScalars.contains { !$0.properties.isWhitespace }
  }

  /// What decides beside the words.
  private struct Filters {
    var clauses: [TextExpression] = []
    var origin: GeoPoint?
  }

  private func filters(_ records: some RecordReader) throws -> Filters {
    guard (1...100).contains(limit) else {
      throw MarketError.invalid("?limit", rule: "range", "A page has 1 to 100 hits.")
    }
    var filters = Filters()
    if minPrice != nil || maxPrice != nil {
      filters.clauses.append(
        .range(
          column: "price", from: minPrice.map { Self.cell($0, roundingUp: true) },
          to: maxPrice.map { Self.cell($0, roundingUp: false) }))
    }
    if inStock { filters.clauses.append(.range(column: "stock", from: 1, to: nil)) }
    if let minRating {
      let least = Self.cell(minRating, digits: UInt8(ProductSearch.ratingDigits), roundingUp: true)
      filters.clauses.append(.range(column: "rating", from: least, to: nil))
    }
    if let category {
      let name = try Categories.find(records, category)?.name ?? category
      filters.clauses.append(.term(field: "category", value: name))
    }
    if let brand { filters.clauses.append(.term(field: "brand", value: brand)) }
    try addPlace(to: &filters)
    return filters
  }

  private func place(_ cursors: PageCursors) throws -> SearchPlace {
    guard let cursor else { return SearchPlace() }
    return try SearchPlace(cursors.decode(cursor, filter: filterText))
  }

  /// - Parameter isNear: with words that may be mistyped.
  private func request(
    _ filters: Filters, _ targets: SearchRuleSet.Targets, _ rules: SearchRuleSet, isNear: Bool
  ) -> TextRequest {
    var bool = TextBool()
    bool.filter = filters.clauses
    if hasText {
      var words = words
      if isNear { words.fuzziness = .auto }
      var expression = rules.expanded(words)
      if !targets.pins.isEmpty {
        var either = TextBool()
        either.should = [expression, .constant(.keys(targets.pins.map(\.key)), score: 0)]
        either.minimumShould = 1
        expression = .bool(either)
      }
      bool.must.append(expression)
      if !targets.out.isEmpty { bool.mustNot.append(.keys(targets.out)) }
    } else {
      bool.filter.append(.all)
    }
    var request = TextRequest(.bool(bool), limit: limit)
    request.origin = filters.origin
    request.sort = order
    request.aggregations = Self.aggregations
    return request
  }

  private static let aggregations = [
    TextAggregation("categories", .terms(column: "category", size: facetValuesMax)),
    TextAggregation("brands", .terms(column: "brand", size: facetValuesMax)),
    TextAggregation(
      "prices",
      .ranges(
        column: "price",
        priceBounds.map {
          TextRange(
            from: $0.from.map { Double(scaled($0)) }, to: $0.to.map { Double(scaled($0)) })
        })),
  ]

  /// Other spellings of the text that find something with the same filters.
  private func advice(_ filters: Filters, _ index: TextSnapshot) -> [String] {
    SearchSpelling.advice(on: text, index) { text in
      var other = self
      other.text = text
      var request = other.request(filters, SearchRuleSet.Targets(), SearchRuleSet(), isNear: false)
      request.aggregations = []
      request.limit = 0
      return request
    }
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
  private func addPlace(to filters: inout Filters) throws {
    var origin: GeoPoint?
    if let latitude, let longitude {
      origin = GeoPoint(degreesLatitude: latitude, degreesLongitude: longitude)
      guard origin != nil else {
        throw MarketError.invalid("?lat", rule: "range", "The place is not on Earth.")
      }
    } else if latitude != nil || longitude != nil || radius != nil || sort == .distance {
      throw MarketError.invalid("?lat", rule: "required", "A distance needs lat and lon.")
    }
    filters.origin = origin
    guard let radius, let origin else { return }
    guard radius.isFinite, radius >= 0 else {
      throw MarketError.invalid("?radius", rule: "range", "A radius is zero or more.")
    }
    filters.clauses.append(.withinDistance(of: origin, metres: radius * unit.metres))
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

  private func highlight(
    _ views: inout [SearchHit], _ hits: [TextHit], _ request: TextRequest,
    _ records: some RecordReader, _ index: TextSnapshot
  ) throws {
    guard hasText else { return }
    var request = request
    request.highlight = SearchHighlights.style
    let texts = try hits.map { hit in
      try records.get(Product.self, hit.key).map { ProductSearch.texts(of: $0) } ?? [:]
    }
    let found: [[String: [String]]]
    do {
      found = try index.highlights(of: request, inEach: texts, escapesHTML: true)
    } catch {
      throw MarketError(.invalidInput, "The search cannot be answered: \(error).")
    }
    for (place, parts) in found.enumerated() { views[place].highlights = SearchHighlights(parts) }
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
