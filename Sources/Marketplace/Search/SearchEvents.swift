// SearchEvents: what is kept of searches: sums for a day and for each question of a day, in UTC. Who
// searched is not kept.
//
// Invariants
// 1. A day's sums are of all its searches that were counted; its questions may be fewer than were asked,
//    and what was asked least is forgotten first (SearchDay.questionsMax).
// 2. A question is in the form of `SearchText.counted`; the empty one stands for searches without words.

import Bytes
import RecordStore

/// How often something happened.
public struct SearchCounts: Fields, Equatable {
  public var searches: Int64 = 0
  /// That found nothing.
  public var withoutResults: Int64 = 0
  /// Hits that were found, in all searches together.
  public var results: Int64 = 0
  /// Products that were opened.
  public var clicks: Int64 = 0
  /// Searches of which at least one product was opened.
  public var clickedSearches: Int64 = 0
  /// Sum of the places of what was opened.
  public var positions: Int64 = 0
  /// Sum of 1,000,000 / place, of what was opened first in each search.
  public var reciprocals: Int64 = 0
  /// Searches with a filter, by what it was about.
  public var byCategory: Int64 = 0
  public var byBrand: Int64 = 0
  public var byPrice: Int64 = 0
  public var byStock: Int64 = 0
  public var byRating: Int64 = 0
  public var byPlace: Int64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "searches", &searches)
    try visitor.field(2, "withoutResults", &withoutResults)
    try visitor.field(3, "results", &results)
    try visitor.field(4, "clicks", &clicks)
    try visitor.field(5, "clickedSearches", &clickedSearches)
    try visitor.field(6, "positions", &positions)
    try visitor.field(7, "reciprocals", &reciprocals)
    try visitor.field(8, "byCategory", &byCategory)
    try visitor.field(9, "byBrand", &byBrand)
    try visitor.field(10, "byPrice", &byPrice)
    try visitor.field(11, "byStock", &byStock)
    try visitor.field(12, "byRating", &byRating)
    try visitor.field(13, "byPlace", &byPlace)
  }

  static func += (left: inout SearchCounts, right: SearchCounts) {
    // Sums never trap: after 2^63 they wrap.
    left.searches &+= right.searches
    left.withoutResults &+= right.withoutResults
    left.results &+= right.results
    left.clicks &+= right.clicks
    left.clickedSearches &+= right.clickedSearches
    left.positions &+= right.positions
    left.reciprocals &+= right.reciprocals
    left.byCategory &+= right.byCategory
    left.byBrand &+= right.byBrand
    left.byPrice &+= right.byPrice
    left.byStock &+= right.byStock
    left.byRating &+= right.byRating
    left.byPlace &+= right.byPlace
  }
}

/// A day. Table 80.
public struct SearchDay: Record, Equatable {
  /// Questions of a day that are told apart.
  public static let questionsMax: Int64 = 2000
  /// Days that are kept; 90 days of full rows are some 20 MiB.
  public static let daysKept: Int64 = 90

  /// Since 1970-01-01.
  public var day: Int64 = 0
  public var counts = SearchCounts()
  /// Rows of `SearchedQuery`.
  public var questions: Int64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "day", &day)
    try visitor.field(2, "counts", &counts)
    try visitor.field(3, "questions", &questions)
  }

  public static let table = Table<SearchDay>(number: 80, name: "searchDays")
  public var primaryKey: [UInt8] { key(day) }

  static func number(of time: Timestamp) -> Int64 {
    let day: Int64 = 86_400_000_000
    let quotient = time.microseconds / day
    return time.microseconds % day < 0 ? quotient - 1 : quotient
  }

  /// `2026-11-26`.
  static func name(of day: Int64) -> String {
    let (start, isOver) = day.multipliedReportingOverflow(by: 86_400_000_000)
    return String(Timestamp(microseconds: isOver ? 0 : start).description.prefix(10))
  }
}

/// A question of a day. Table 81.
public struct SearchedQuery: Record, Equatable {
  public var day: Int64 = 0
  public var query = ""
  public var counts = SearchCounts()
  public var lastAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "day", &day)
    try visitor.field(2, "query", &query)
    try visitor.field(3, "counts", &counts)
    try visitor.field(4, "lastAt", &lastAt)
  }

  public static let table = Table<SearchedQuery>(number: 81, name: "searchedQueries")
  public var primaryKey: [UInt8] { key(day, query) }
}

public enum SearchTables {
  public static let all: [TableDescriptor] = [
    SearchDay.table.descriptor, SearchedQuery.table.descriptor, SearchRule.table.descriptor,
  ]
}
