// ExpressionTests: every shape of expression against the naive oracle, in every layout of segments, where
// all layouts must agree bit for bit.

import Bytes
import CommitLog
import Testing
import Views

@testable import TextSearch

func makeIndex(_ policy: MergePolicy = MergePolicy()) -> TextIndex {
  TextIndex(schema: Shop.schema, tables: [1, 2], policy: policy, projection: Shop.projection)
}

func rebuilt(_ model: inout Model) throws -> TextIndex {
  let index = makeIndex()
  let rows = model.shuffledRows()
  try index.rebuild(at: model.lsn) { body in
    for row in rows { body(row.table, row.key.span.bytes, row.value.span.bytes) }
  }
  return index
}

/// The same commits in four layouts: a segment a commit, tiers, merged beside, rebuilt.
func layouts(_ model: inout Model, commits: Int, ordinals: Int) throws -> [TextSnapshot] {
  let many = makeIndex(MergePolicy(fanIn: 1_000_000, segmentsMax: 1_000_000))
  let tiered = makeIndex(MergePolicy(fanIn: 2))
  let maintained = makeIndex(MergePolicy(fanIn: 3, inlineDocumentsMax: 0))
  for _ in 0..<commits {
    let entry = model.commit(changes: 1 + model.random.below(20), ordinals: ordinals)
    for index in [many, tiered, maintained] {
      index.apply(entry)
      // What was applied once changes nothing a second time.
      index.apply(entry)
    }
    _ = maintained.maintain()
  }
  return [many, tiered, maintained, try rebuilt(&model)].map { $0.textSnapshot() }
}

private func isClose(_ left: Double, _ right: Double) -> Bool {
  abs(left - right) <= 2e-5 * max(abs(left), abs(right), 1e-3)
}

@Test(arguments: 1...6 as ClosedRange<UInt64>)
func expressionsMatchAndScoreAsTheOracleSaysInEveryLayout(seed: UInt64) throws {
  var model = Model(seed: seed)
  let snapshots = try layouts(&model, commits: 60, ordinals: 150)
  #expect(snapshots[0].segmentCount > snapshots[1].segmentCount)
  for snapshot in snapshots {
    #expect(snapshot.digest == snapshots[0].digest, "seed \(seed)")
    #expect(snapshot.lsn == model.lsn)
    #expect(snapshot.documentCount == model.things.count)
  }
  let oracle = Oracle(model)
  var expressions = RandomExpressions(random: Random(seed &* 77))
  for round in 0..<40 {
    let expression = expressions.expression(3)
    let request = TextRequest(expression, limit: TextLimits.window)
    let response = try snapshots[0].search(request)
    let expected = oracle.matches(expression)
    let found = Dictionary(uniqueKeysWithValues: response.hits.map { ($0.ordinal, $0.score) })
    #expect(
      Set(found.keys) == Set(expected.keys), "seed \(seed) round \(round) \(expression)")
    #expect(response.total == expected.count)
    for (ordinal, score) in found {
      #expect(
        isClose(score, expected[ordinal] ?? -1),
        "seed \(seed) round \(round): \(score) \(expected[ordinal] ?? -1) \(expression)")
    }
    for snapshot in snapshots.dropFirst() {
      let other = try snapshot.search(request)
      #expect(other == response, "seed \(seed) round \(round) \(expression)")
    }
  }
}

@Test(arguments: 1...4 as ClosedRange<UInt64>)
func hitsComeInTheOrderAskedForAndPagesJoin(seed: UInt64) throws {
  var model = Model(seed: seed &+ 100)
  let snapshots = try layouts(&model, commits: 60, ordinals: 150)
  var expressions = RandomExpressions(random: Random(seed &* 13))
  for sort in [
    [TextSort.score(descending: true)], [.score(descending: false)],
    [.score(descending: true), .column("year", descending: true)],
    [.column("price", descending: false)],
    [.column("stock", descending: true), .score(descending: true)],
    [.keyword("category", descending: false), .column("price", descending: true)],
    [.keyword("category", descending: true)], [.distance(descending: false)],
    [.distance(descending: true), .column("price", descending: false)],
  ] {
    var request = TextRequest(expressions.expression(2), limit: TextLimits.window)
    request.sort = sort
    request.origin = expressions.place()
    let all = try snapshots[0].search(request)
    let sorted = all.hits.sorted { precedes($0, $1, sort) }
    #expect(all.hits == sorted, "seed \(seed) \(sort)")
    request.limit = 7
    for snapshot in snapshots {
      request.after = nil
      var paged: [TextHit] = []
      while true {
        let page = try snapshot.search(request)
        #expect(page.total == all.total)
        paged += page.hits
        guard page.hits.count == 7, let last = page.hits.last else { break }
        request.after = last.position
      }
      #expect(paged == all.hits, "seed \(seed) \(sort)")
      request.after = nil
      request.offset = 3
      let skipped = try snapshot.search(request).hits
      #expect(skipped == Array(all.hits.dropFirst(3).prefix(7)))
      request.offset = 0
    }
  }
}

private func precedes(_ left: TextHit, _ right: TextHit, _ sort: [TextSort]) -> Bool {
  for (index, key) in sort.enumerated() {
    let descending: Bool
    switch key {
    case .score(let down), .column(_, let down), .keyword(_, let down), .distance(let down):
      descending = down
    }
    let order = compare(left.sortValues[index], right.sortValues[index], descending)
    if order != 0 { return order < 0 }
  }
  return left.ordinal < right.ordinal
}

private func compare(_ left: SortValue, _ right: SortValue, _ descending: Bool) -> Int {
  func order<T: Comparable>(_ a: T, _ b: T) -> Int {
    a == b ? 0 : (a < b) != descending ? -1 : 1
  }
  switch (left, right) {
  case (.missing, .missing): return 0
  case (.missing, _): return 1
  case (_, .missing): return -1
  case (.metres(let a), .metres(let b)):
    if a.isInfinite || b.isInfinite { return a == b ? 0 : a.isInfinite ? 1 : -1 }
    return order(a, b)
  case (.score(let a), .score(let b)): return order(a, b)
  case (.number(let a), .number(let b)): return order(a, b)
  case (.keyword(let a), .keyword(let b)): return order(a, b)
  default: return 0
  }
}

@Test func explanationsEndInTheScore() throws {
  var model = Model(seed: 21)
  let snapshots = try layouts(&model, commits: 30, ordinals: 100)
  var expressions = RandomExpressions(random: Random(5))
  for _ in 0..<60 {
    let request = TextRequest(expressions.expression(2), limit: 20)
    let response = try snapshots[1].search(request)
    for hit in response.hits {
      let explanation = try snapshots[1].explain(hit.ordinal, request)
      #expect(explanation?.value == hit.score, "\(request.expression)")
    }
    let hits = Set(response.hits.map(\.ordinal))
    guard response.hits.count < 20 else { continue }
    for ordinal in 0..<100 as Range<UInt32> where !hits.contains(ordinal) {
      #expect(try snapshots[1].explain(ordinal, request) == nil)
    }
  }
}

/// Words that are rare and frequent, in texts short and long, over many segments and within one.
@Test(arguments: 1...2 as ClosedRange<UInt64>)
func leavingOutWhatCannotBeAHitChangesNoBit(seed: UInt64) throws {
  var model = Model(seed: seed &+ 500)
  var snapshots = try layouts(&model, commits: 50, ordinals: 300)
  snapshots.append(try largeSegment(seed))
  var expressions = RandomExpressions(random: Random(seed &* 31))
  var left = 0
  for round in 0..<50 {
    var match = TextMultiMatch(
      [.init("title", boost: 3), .init("category", boost: 2), .init("description")],
      expressions.text(4))
    let tie = Double(expressions.random.below(3)) / 4
    match.kind =
      [.bestFields(tieBreaker: tie), .mostFields, .crossFields(tieBreaker: tie)][
        expressions.random.below(3)]
    if expressions.chance(4) { match.fuzziness = .auto }
    var request = TextRequest(.multiMatch(match), limit: 1 + expressions.random.below(12))
    if expressions.chance(3) {
      request.sort = [.score(descending: true), .column("price", descending: false)]
    }
    for snapshot in snapshots {
      request.countsTotal = true
      let all = try snapshot.search(request)
      request.countsTotal = false
      let pruned = try snapshot.search(request)
      #expect(pruned.hits == all.hits, "seed \(seed) round \(round) \(request)")
      #expect(pruned.maximumScore == all.maximumScore)
      if pruned.total == nil { left += 1 }
    }
  }
  #expect(left > 30, "hardly anything was left out")
}

/// 9,000 documents of a few words in one segment, so that it has several windows.
func largeSegment(_ seed: UInt64) throws -> TextSnapshot {
  var model = Model(seed: seed)
  let index = makeIndex()
  try index.rebuild(at: LSN(1)) { body in
    for ordinal in 0..<9_000 as Range<UInt32> {
      func words(_ most: Int) -> [Int] {
        (0..<model.random.below(most)).map { _ in
          min(model.random.below(30), model.random.below(30))
        }
      }
      let thing = Shop.Thing(
        ordinal: ordinal, title: words(3),
        description: words(model.random.below(60) == 0 ? 80 : 4), categories: [],
        price: Int64(model.random.below(50)), year: 2001, place: nil)
      body(1, Shop.thingKey(ordinal).span.bytes, thing.bytes.span.bytes)
    }
  }
  while index.maintain() {}
  return index.textSnapshot()
}
