// SearchLog: every search is an event. An event costs its search an entry of a table in memory; what has
// come together is written in one commit every few seconds, by nobody who waits for an answer.
//
// Invariants
// 1. Memory is bounded: so many questions, and so many opened products that are known to be counted. A
//    question that finds no place is counted in its day, without its words.
// 2. What was taken to be written is either committed, or put back. Only a crash loses it: the events of
//    the last `secondsMax`, and of a commit under way. A stop that is asked for writes all.
// 3. A product that is opened again from the same search is counted once.

import Bytes
import Database
import RecordStore
import Synchronization

public final class SearchLog: Sendable {
  static let questionsMax = 4096
  /// Opened products that are remembered; twice as many at most.
  static let clicksMax = 32_768
  /// After which what is waiting is due, and the number of questions after which it is due at once.
  public static let secondsMax: Int64 = 5
  static let questionsDue = 1024

  struct Key: Hashable, Sendable {
    var day: Int64
    var query: String
  }

  struct Entry: Equatable, Sendable {
    var counts = SearchCounts()
    var lastAt = Timestamp.zero

    mutating func add(_ other: Entry) {
      counts += other.counts
      lastAt = max(lastAt, other.lastAt)
    }
  }

  /// What waits to be written.
  struct Batch: Sendable {
    var days: [Int64: SearchCounts] = [:]
    var questions: [Key: Entry] = [:]
    var since = Timestamp.zero
    var isEmpty: Bool { days.isEmpty }

    mutating func add(_ counts: SearchCounts, _ key: Key, at time: Timestamp) {
      if isEmpty { since = time }
      days[key.day, default: SearchCounts()] += counts
      add(Entry(counts: counts, lastAt: time), key)
    }

    mutating func add(_ other: Batch) {
      if isEmpty { since = other.since }
      for (day, counts) in other.days { days[day, default: SearchCounts()] += counts }
      for (key, entry) in other.questions { add(entry, key) }
    }

    private mutating func add(_ entry: Entry, _ key: Key) {
      guard questions.count < SearchLog.questionsMax || questions[key] != nil else { return }
      questions[key, default: Entry()].add(entry)
    }
  }

  private struct State: Sendable {
    var waiting = Batch()
    var number: UInt64 = UInt64.random(in: 0 ... .max)
    /// Two generations: when the younger is full the older is forgotten.
    var clicks: Set<UInt64> = []
    var olderClicks: Set<UInt64> = []

    /// Whether it is the first time.
    mutating func isFirst(_ hash: UInt64) -> Bool {
      if clicks.contains(hash) || olderClicks.contains(hash) { return false }
      if clicks.count >= SearchLog.clicksMax {
        olderClicks = clicks
        clicks.removeAll(keepingCapacity: true)
      }
      clicks.insert(hash)
      return true
    }
  }

  private let state = Mutex(State())
  /// Counted up with every commit of events.
  private let written = Atomic<UInt64>(0)

  public init() {}

  var generation: UInt64 { written.load(ordering: .acquiring) }

  // MARK: Events

  /// Counts a search; the text by which what is opened of its hits is told.
  public func searched(
    _ query: SearchQuery, results: Int64, at time: Timestamp, _ cursors: PageCursors
  ) -> String {
    let counted = SearchText.counted(query.text)
    var counts = query.filterCounts
    counts.searches = 1
    counts.withoutResults = results == 0 ? 1 : 0
    counts.results = results
    let number = state.withLock { state in
      state.waiting.add(
        counts, Key(day: SearchDay.number(of: time), query: counted), at: time)
      state.number &+= 1
      return state.number
    }
    return SearchTicket(time: time, number: number, query: counted).text(cursors)
  }

  /// Counts that `productID`, hit number `position` of the search, was opened. Errors: VAL_3001 for a
  /// search that is none.
  public func clicked(
    searchID: String, productID: UUIDv7, position: Int64, at time: Timestamp,
    _ cursors: PageCursors
  ) throws(MarketError) {
    let ticket = try SearchTicket(searchID, cursors, at: time)
    var search = Hasher()
    search.combine(ticket.time)
    search.combine(ticket.number)
    var click = search
    click.combine(productID)
    let (searchHash, clickHash) = (Self.bits(search), Self.bits(click))
    let place = max(1, position)
    state.withLock { state in
      guard state.isFirst(clickHash) else { return }
      var counts = SearchCounts()
      counts.clicks = 1
      counts.positions = place
      if state.isFirst(searchHash) {
        counts.clickedSearches = 1
        counts.reciprocals = 1_000_000 / place
      }
      state.waiting.add(
        counts, Key(day: SearchDay.number(of: ticket.time), query: ticket.query), at: time)
    }
  }

  private static func bits(_ hasher: Hasher) -> UInt64 {
    UInt64(bitPattern: Int64(hasher.finalize()))
  }

  // MARK: Writing

  public func isDue(at time: Timestamp) -> Bool {
    state.withLock { state in
      !state.waiting.isEmpty
        && (state.waiting.since.adding(seconds: Self.secondsMax) <= time
          || state.waiting.questions.count >= Self.questionsDue)
    }
  }

  private func take() -> Batch {
    state.withLock { state in
      defer { state.waiting = Batch() }
      return state.waiting
    }
  }

  /// Writes what is waiting; `then` is called with whether nothing is left of it, on some thread.
  public func write(
    to database: Database, then: @escaping @Sendable (Result<Void, any Error>) -> Void
  ) {
    let batch = take()
    guard !batch.isEmpty else { return then(.success(())) }
    database.write(requestID: .zero) { transaction in
      try batch.write(transaction)
    } completion: { [self] result in
      switch result {
      case .success:
        written.add(1, ordering: .releasing)
        then(.success(()))
      case .failure(let error):
        state.withLock { $0.waiting.add(batch) }
        then(.failure(error))
      }
    }
  }

  /// The same, waiting for it: at a stop, and before the figures are read.
  public func writeBlocking(to database: Database) throws {
    let batch = take()
    guard !batch.isEmpty else { return }
    do {
      _ = try database.writeBlocking { transaction in try batch.write(transaction) }
      written.add(1, ordering: .releasing)
    } catch {
      state.withLock { $0.waiting.add(batch) }
      throw error
    }
  }
}

extension SearchQuery {
  fileprivate var filterCounts: SearchCounts {
    var counts = SearchCounts()
    counts.byCategory = category == nil ? 0 : 1
    counts.byBrand = brand == nil ? 0 : 1
    counts.byPrice = minPrice == nil && maxPrice == nil ? 0 : 1
    counts.byStock = inStock ? 1 : 0
    counts.byRating = minRating == nil ? 0 : 1
    counts.byPlace = radius == nil ? 0 : 1
    return counts
  }
}

extension SearchLog.Batch {
  /// Old rows that one commit removes at most.
  static let removedMax = 2000

  func write(_ transaction: Transaction) throws {
    for (day, counts) in days.sorted(by: { $0.key < $1.key }) {
      var row = try transaction.get(SearchDay.self, key(day)) ?? SearchDay()
      row.day = day
      row.counts += counts
      for (key, entry) in questions where key.day == day {
        try add(entry, key, &row, transaction)
      }
      try transaction.put(row)
    }
    try Self.forgetOldDays(transaction)
  }

  private func add(
    _ entry: SearchLog.Entry, _ place: SearchLog.Key, _ day: inout SearchDay,
    _ transaction: Transaction
  ) throws {
    var row = SearchedQuery()
    if let known = try transaction.get(SearchedQuery.self, key(place.day, place.query)) {
      row = known
    } else {
      if day.questions >= SearchDay.questionsMax { try Self.makeRoom(&day, transaction) }
      day.questions += 1
      row.day = place.day
      row.query = place.query
    }
    row.counts += entry.counts
    row.lastAt = max(row.lastAt, entry.lastAt)
    try transaction.put(row)
  }

  /// Forgets the quarter of a full day's questions that were asked least, so that those that are asked
  /// often stay, whatever else is asked.
  private static func makeRoom(_ day: inout SearchDay, _ transaction: Transaction) throws {
    var rows = try transaction.all(SearchedQuery.self, KeyRange(prefix: key(day.day)))
    rows.sort {
      ($0.counts.clicks, $0.counts.searches, $0.lastAt)
        < ($1.counts.clicks, $1.counts.searches, $1.lastAt)
    }
    for row in rows.prefix(rows.count / 4) {
      try transaction.delete(SearchedQuery.self, row.primaryKey)
    }
    day.questions = Int64(rows.count - rows.count / 4)
  }

  private static func forgetOldDays(_ transaction: Transaction) throws {
    let first = SearchDay.number(of: transaction.time) - SearchDay.daysKept
    let old = KeyRange(to: key(first))
    for row in try transaction.all(SearchedQuery.self, old, limit: removedMax) {
      try transaction.delete(SearchedQuery.self, row.primaryKey)
    }
    for row in try transaction.all(SearchDay.self, old, limit: removedMax) {
      try transaction.delete(SearchDay.self, row.primaryKey)
    }
  }
}
