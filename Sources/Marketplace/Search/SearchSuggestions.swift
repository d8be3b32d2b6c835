// SearchSuggestions: GET /search/suggestions. What others searched for and found, the most frequent first,
// and other spellings of what was typed.
//
// Invariant: a question is suggested only if a product that is for sale has all of its words now. So
// nobody is shown what somebody else typed by mistake, or what does not concern goods; and nobody leads
// others to what is not there.

import Bytes
import Database
import RecordStore
import Synchronization
import TextSearch

public struct SearchSuggestion: Fields, Equatable {
  public var query = ""
  /// Searches of the last 30 days that found something.
  public var searches: Int64 = 0
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "query", &query)
    try visitor.field(2, "searches", &searches)
  }
}

public struct SearchSuggestions: Fields, Equatable {
  public var data: [SearchSuggestion] = []
  public var didYouMean: [String] = []
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
    try visitor.field(2, "didYouMean", &didYouMean)
  }

  /// Questions that are asked of the index for one answer, at most.
  private static let probesPerSuggestion = 4

  public static func of(
    _ typed: String, limit: Int, _ snapshot: DatabaseSnapshot, _ popular: [SearchSuggestion]
  ) throws -> SearchSuggestions {
    guard let index = snapshot.view(TextSnapshot.self) else {
      throw MarketError(.serviceUnavailable, "This server keeps no text index.")
    }
    var suggestions = SearchSuggestions()
    let words = SearchText.words(of: typed)
    var probes = limit * probesPerSuggestion
    for candidate in popular where isRelated(candidate.query, to: words) {
      guard suggestions.data.count < limit, probes > 0 else { break }
      probes -= 1
      if isThere(candidate.query, index) { suggestions.data.append(candidate) }
    }
    if !words.isEmpty {
      suggestions.didYouMean = SearchSpelling.advice(on: typed, index) { request($0) }
    }
    return suggestions
  }

  /// Whether `query` has all words of what was typed, the last one as a beginning, and is not the same.
  private static func isRelated(_ query: String, to typed: String) -> Bool {
    guard query != typed else { return false }
    let own = query.split(separator: " ")
    let wanted = typed.split(separator: " ")
    return wanted.dropLast().allSatisfy { own.contains($0) }
      && (wanted.last.map { last in own.contains { $0.hasPrefix(last) } } ?? true)
  }

  private static func isThere(_ query: String, _ index: TextSnapshot) -> Bool {
    let found = try? index.search(request(query))
    return (found?.total ?? 0) > 0
  }

  private static func request(_ text: String) -> TextRequest {
    var match = TextMultiMatch(
      ProductSearch.schema.fields.map { TextMultiMatch.Field($0.name, boost: $0.boost) }, text)
    match.kind = .crossFields(tieBreaker: 0)
    match.allWords = true
    return TextRequest(.multiMatch(match), limit: 0)
  }
}

/// The questions that were asked most, kept from one request to the next.
public final class SearchPopularity: Sendable {
  static let questionsMax = 2000
  static let days: Int64 = 30
  /// At most a twentieth of the time goes into looking again.
  private static let restFactor: Int64 = 20

  private struct State: Sendable {
    var questions: [SearchSuggestion] = []
    /// Of the log's events when they were looked at; nil before.
    var generation: UInt64?
    var restsUntil: Int64 = 0
  }

  private let state = Mutex(State())

  public init() {}

  /// The most frequent first, equal ones by their letters. As old as a look takes, times twenty.
  public func questions(
    _ reader: some RecordReader, _ log: SearchLog, at time: Timestamp
  ) throws -> [SearchSuggestion] {
    let generation = log.generation
    let start = SystemClock.monotonicMicroseconds()
    let kept: [SearchSuggestion]? = state.withLock { state in
      if let known = state.generation, known == generation || start < state.restsUntil {
        return state.questions
      }
      // Others go on with what is known while this one looks.
      if state.generation != nil { state.restsUntil = .max }
      return nil
    }
    if let kept { return kept }
    do {
      let found = try Self.look(reader, at: time)
      let end = SystemClock.monotonicMicroseconds()
      state.withLock { state in
        state.questions = found
        state.generation = generation
        state.restsUntil = end + (end - start) * Self.restFactor
      }
      return found
    } catch {
      state.withLock { $0.restsUntil = 0 }
      throw error
    }
  }

  private static func look(
    _ reader: some RecordReader, at time: Timestamp
  ) throws -> [SearchSuggestion] {
    let first = SearchDay.number(of: time) - days + 1
    var sums: [String: Int64] = [:]
    try reader.forEach(SearchedQuery.self, KeyRange(from: key(first))) {
      (row: SearchedQuery) throws(StoreError) -> ScanStep in
      let found = row.counts.searches &- row.counts.withoutResults
      if found > 0, !row.query.isEmpty, row.query != SearchText.hidden {
        sums[row.query, default: 0] &+= found
      }
      return .next
    }
    let sorted = sums.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
    return sorted.prefix(questionsMax).map { query, searches in
      var suggestion = SearchSuggestion()
      suggestion.query = query
      suggestion.searches = searches
      return suggestion
    }
  }
}
