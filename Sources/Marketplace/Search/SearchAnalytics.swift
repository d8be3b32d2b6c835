// SearchAnalytics: GET /search/analytics. What was asked in a period of whole days, UTC: sums, a row for
// each day, and the questions in one of three orders.
//
// The questions are those that were kept (SearchedQuery): at most `SearchDay.questionsMax` a day. The
// sums are of all searches.

import Bytes
import RecordStore

public enum SearchAnalyticsReport: String, CaseIterable, Sendable {
  /// Most searches first.
  case top
  /// Those that found nothing, most such searches first.
  case withoutResults
  /// Most opened products first.
  case clicks
}

public struct SearchFigures: Fields, Equatable {
  public var searches: Int64 = 0
  public var withoutResults: Int64 = 0
  public var clicks: Int64 = 0
  /// Searches of which a product was opened, of all; nil without searches.
  public var clickThroughRate: Double?
  /// Of the products that were opened; nil without.
  public var averagePosition: Double?
  /// The mean of 1 / place of what was opened first, zero where nothing was.
  public var meanReciprocalRank: Double?
  public var averageResults: Double?
  public var filters = SearchFilterFigures()

  public init() {}

  init(_ counts: SearchCounts) {
    searches = counts.searches
    withoutResults = counts.withoutResults
    clicks = counts.clicks
    func ratio(_ part: Int64, _ whole: Int64) -> Double? {
      whole > 0 ? Double(part) / Double(whole) : nil
    }
    clickThroughRate = ratio(counts.clickedSearches, counts.searches)
    averagePosition = ratio(counts.positions, counts.clicks)
    meanReciprocalRank = ratio(counts.reciprocals, counts.searches).map { $0 / 1_000_000 }
    averageResults = ratio(counts.results, counts.searches)
    filters.category = counts.byCategory
    filters.brand = counts.byBrand
    filters.price = counts.byPrice
    filters.stock = counts.byStock
    filters.rating = counts.byRating
    filters.place = counts.byPlace
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "searches", &searches)
    try visitor.field(2, "withoutResults", &withoutResults)
    try visitor.field(3, "clicks", &clicks)
    try visitor.field(4, "clickThroughRate", &clickThroughRate)
    try visitor.field(5, "averagePosition", &averagePosition)
    try visitor.field(6, "meanReciprocalRank", &meanReciprocalRank)
    try visitor.field(7, "averageResults", &averageResults)
    try visitor.field(8, "filters", &filters)
  }
}

/// Searches that had a filter.
public struct SearchFilterFigures: Fields, Equatable {
  public var category: Int64 = 0
  public var brand: Int64 = 0
  public var price: Int64 = 0
  public var stock: Int64 = 0
  public var rating: Int64 = 0
  public var place: Int64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "category", &category)
    try visitor.field(2, "brand", &brand)
    try visitor.field(3, "price", &price)
    try visitor.field(4, "stock", &stock)
    try visitor.field(5, "rating", &rating)
    try visitor.field(6, "place", &place)
  }
}

public struct SearchQueryFigures: Fields, Equatable {
  public var query = ""
  public var figures = SearchFigures()
  public var lastSearchedAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "query", &query)
    try visitor.field(2, "figures", &figures)
    try visitor.field(3, "lastSearchedAt", &lastSearchedAt)
  }
}

public struct SearchDayFigures: Fields, Equatable {
  /// `2026-11-26`, UTC.
  public var day = ""
  public var searches: Int64 = 0
  public var withoutResults: Int64 = 0
  public var clicks: Int64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "day", &day)
    try visitor.field(2, "searches", &searches)
    try visitor.field(3, "withoutResults", &withoutResults)
    try visitor.field(4, "clicks", &clicks)
  }
}

public struct SearchAnalyticsPage: Fields, Equatable {
  /// The first and the last day.
  public var from = ""
  public var to = ""
  public var totals = SearchFigures()
  public var days: [SearchDayFigures] = []
  public var data: [SearchQueryFigures] = []
  public var hasMore = false
  public var nextCursor: String?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "from", &from)
    try visitor.field(2, "to", &to)
    try visitor.field(3, "totals", &totals)
    try visitor.field(4, "days", &days)
    try visitor.field(5, "data", &data)
    try visitor.field(6, "hasMore", &hasMore)
    try visitor.field(7, "nextCursor", &nextCursor)
  }
}

public struct SearchAnalytics: Sendable {
  public var report = SearchAnalyticsReport.top
  public var from: Timestamp?
  public var to: Timestamp?
  public var limit = 20
  public var cursor: String?

  static let daysDefault: Int64 = 30

  public init() {}

  /// Errors: VAL_3001 for a period that ends before it begins, or is longer than what is kept.
  public func page(
    _ reader: some RecordReader, at now: Timestamp, _ cursors: PageCursors
  ) throws -> SearchAnalyticsPage {
    guard (1...100).contains(limit) else {
      throw MarketError.invalid("?limit", rule: "range", "A page has 1 to 100 rows.")
    }
    let last = SearchDay.number(of: to ?? now)
    let first = from.map { SearchDay.number(of: $0) } ?? last - Self.daysDefault + 1
    guard first <= last, last - first <= SearchDay.daysKept else {
      throw MarketError.invalid(
        "?from", rule: "range", "A period has 1 to \(SearchDay.daysKept + 1) days.")
    }
    var page = SearchAnalyticsPage()
    page.from = SearchDay.name(of: first)
    page.to = SearchDay.name(of: last)
    let period = KeyRange(from: key(first), to: key(last + 1))
    var totals = SearchCounts()
    for day in try reader.all(SearchDay.self, period) {
      totals += day.counts
      var figures = SearchDayFigures()
      figures.day = SearchDay.name(of: day.day)
      figures.searches = day.counts.searches
      figures.withoutResults = day.counts.withoutResults
      figures.clicks = day.counts.clicks
      page.days.append(figures)
    }
    page.totals = SearchFigures(totals)
    try addQueries(to: &page, reader, period, cursors)
    return page
  }

  private func addQueries(
    to page: inout SearchAnalyticsPage, _ reader: some RecordReader, _ period: KeyRange,
    _ cursors: PageCursors
  ) throws {
    var rows: [String: SearchedQuery] = [:]
    try reader.forEach(SearchedQuery.self, period) {
      (row: SearchedQuery) throws(StoreError) -> ScanStep in
      guard !row.query.isEmpty else { return .next }
      var sum = rows[row.query] ?? SearchedQuery()
      sum.query = row.query
      sum.counts += row.counts
      sum.lastAt = max(sum.lastAt, row.lastAt)
      rows[row.query] = sum
      return .next
    }
    let filter = "searchAnalytics|\(report.rawValue)|\(page.from)|\(page.to)"
    let after = try cursor.map { try Self.place(cursors.decode($0, filter: filter)) }
    let listed = rows.values.filter { row in
      measure(row) > 0 && after.map { precedes($0, place(row)) } ?? true
    }.sorted { precedes(place($0), place($1)) }
    page.data = listed.prefix(limit).map { row in
      var figures = SearchQueryFigures()
      figures.query = row.query
      figures.figures = SearchFigures(row.counts)
      figures.lastSearchedAt = row.lastAt
      return figures
    }
    page.hasMore = listed.count > limit
    guard page.hasMore, let last = listed.prefix(limit).last else { return }
    var writer = ByteWriter()
    writer.i64(measure(last))
    writer.append(Array(last.query.utf8))
    page.nextCursor = cursors.encode(position: writer.bytes, filter: filter)
  }

  private func measure(_ row: SearchedQuery) -> Int64 {
    switch report {
    case .top: row.counts.searches
    case .withoutResults: row.counts.withoutResults
    case .clicks: row.counts.clicks
    }
  }

  // MARK: Order: by the measure, most first; then by the question.

  private typealias Place = (measure: Int64, query: String)

  private func place(_ row: SearchedQuery) -> Place { (measure(row), row.query) }

  private func precedes(_ left: Place, _ right: Place) -> Bool {
    left.measure != right.measure ? left.measure > right.measure : left.query < right.query
  }

  private static func place(_ bytes: [UInt8]) throws(MarketError) -> Place {
    do throws(DecodeError) {
      var reader = ByteReader(bytes.span.bytes)
      return (try reader.i64(), String(decoding: bytes.dropFirst(8), as: UTF8.self))
    } catch {
      throw MarketError(.invalidInput, "The cursor does not belong to this list.")
    }
  }
}
