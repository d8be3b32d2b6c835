// SearchTests: the index against naive answers, in every layout of segments.

import Bytes
import CommitLog
import Testing
import TextSearch
import Views

private func makeIndex(_ policy: MergePolicy = MergePolicy()) -> TextIndex {
  TextIndex(schema: Shop.schema, tables: [1, 2], policy: policy, projection: Shop.projection)
}

private func rebuilt(_ model: inout Model) throws -> TextIndex {
  let index = makeIndex()
  let rows = model.shuffledRows()
  try index.rebuild(at: model.lsn) { body in
    for row in rows { body(row.table, row.key.span.bytes, row.value.span.bytes) }
  }
  return index
}

private func queries(_ random: inout Random) -> [TextQuery] {
  var queries: [TextQuery] = []
  for sort in [
    [SortKey.score, .descending("year")], [.ascending("price")], [.distance, .score],
    [.descending("stock"), .score],
  ] {
    let words = (0..<random.below(4)).map { _ in "w\(random.below(30))" }
    var query = TextQuery(words.joined(separator: " "), limit: 1 + random.below(30))
    query.origin = GeoPoint(degreesLatitude: 89, degreesLongitude: 179.5)
    query.sort = sort
    if random.below(2) == 0 { query.ranges = [NumericRange("stock", minimum: 1)] }
    if random.below(2) == 0 { query.keywords = [KeywordFilter("category", anyOf: ["w1", "w3"])] }
    if random.below(3) == 0 { query.radiusMetres = Double(random.below(12_000_000)) }
    query.facets = [
      .keywords(column: "category", top: 4),
      .ranges(column: "price", buckets: [.init(to: 10), .init(from: 10, to: 30), .init(from: 30)]),
    ]
    queries.append(query)
  }
  return queries
}

private func check(_ result: TextResult, _ query: TextQuery, _ model: Model, _ seed: UInt64) {
  let words = query.text.split(separator: " ").map(String.init)
  let scores = model.scores(words)
  let matches = model.things.values.filter { thing in
    if !words.isEmpty && scores[thing.ordinal] == nil { return false }
    if !query.ranges.isEmpty && model.stock(of: thing.ordinal) < 1 { return false }
    if !query.keywords.isEmpty && !thing.categories.contains(where: ["w1", "w3"].contains) {
      return false
    }
    guard let radius = query.radiusMetres, let origin = query.origin else { return true }
    return thing.place.map { origin.metres(to: $0) <= radius } ?? false
  }
  #expect(result.total == matches.count, "seed \(seed) \(query)")
  let expectedValues = matches.map { thing in
    query.sort.map { key -> Double in
      switch key {
      case .score: -((scores[thing.ordinal] ?? 0) * 1e9).rounded()
      case .ascending: Double(thing.price)
      case .descending(let name):
        -Double(name == "year" ? thing.year : model.stock(of: thing.ordinal))
      case .distance: thing.place.flatMap { query.origin?.metres(to: $0) } ?? .infinity
      }
    } + [Double(thing.ordinal)]
  }.sorted { $0.lexicographicallyPrecedes($1) }
  let found = result.hits.map { hit in
    hit.sortValues.enumerated().map { index, value -> Double in
      switch value {
      case .score(let score): -(score * 1e9).rounded()
      case .number(let number):
        query.sort[index] == .ascending("price") ? Double(number) : -Double(number)
      case .metres(let metres): metres
      }
    } + [Double(hit.ordinal)]
  }
  #expect(found == Array(expectedValues.prefix(query.limit)), "seed \(seed) \(query)")
  for hit in result.hits {
    #expect(abs(hit.score - (scores[hit.ordinal] ?? 0)) < 1e-9, "seed \(seed)")
    #expect(hit.key == Shop.thingKey(hit.ordinal), "seed \(seed)")
  }
  var counts: [String: Int] = [:]
  for thing in matches { for name in Set(thing.categories) { counts[name, default: 0] += 1 } }
  let best = counts.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
  #expect(
    result.facets == [
      .keywords(best.prefix(4).map { .init(value: $0.key, count: $0.value) }),
      .ranges([
        matches.count { $0.price < 10 }, matches.count { (10..<30).contains($0.price) },
        matches.count { $0.price >= 30 },
      ]),
    ], "seed \(seed) \(query)")
}

@Test(arguments: 1...12 as ClosedRange<UInt64>)
func everyLayoutAnswersAsTheNaiveModelDoesAndBitForBitAlike(seed: UInt64) throws {
  var model = Model(seed: seed)
  let many = makeIndex(MergePolicy(fanIn: 1_000_000, segmentsMax: 1_000_000))
  let tiered = makeIndex(MergePolicy(fanIn: 2))
  let maintained = makeIndex(MergePolicy(fanIn: 3, inlineDocumentsMax: 0))
  for _ in 0..<60 {
    let entry = model.commit(changes: 1 + model.random.below(20), ordinals: 150)
    for index in [many, tiered, maintained] {
      index.apply(entry)
      // What was applied once changes nothing a second time.
      index.apply(entry)
    }
    _ = maintained.maintain()
  }
  let fresh = try rebuilt(&model)
  let again = try rebuilt(&model)
  let snapshots = [many, tiered, maintained, fresh, again].map { $0.textSnapshot() }
  #expect(snapshots[0].segmentCount > snapshots[1].segmentCount)
  for snapshot in snapshots {
    #expect(snapshot.digest == snapshots[0].digest, "seed \(seed)")
    #expect(snapshot.lsn == model.lsn)
    #expect(snapshot.documentCount == model.things.count)
  }
  for _ in 0..<15 {
    for query in queries(&model.random) {
      let result = try snapshots[0].search(query)
      check(result, query, model, seed)
      for snapshot in snapshots.dropFirst() {
        let other = try snapshot.search(query)
        #expect(other == result, "seed \(seed) \(query)")
      }
    }
  }
}

@Test func aSnapshotKeepsItsAnswersWhateverIsApplied() throws {
  var model = Model(seed: 77)
  let index = makeIndex()
  for _ in 0..<10 { index.apply(model.commit(changes: 30, ordinals: 200)) }
  let snapshot = index.textSnapshot()
  let frozen = model
  var query = TextQuery("w1 w2 w3", limit: 1_000)
  query.ranges = [NumericRange("stock", minimum: 1)]
  query.facets = [
    .keywords(column: "category", top: 4),
    .ranges(column: "price", buckets: [.init(to: 10), .init(from: 10, to: 30), .init(from: 30)]),
  ]
  let before = try snapshot.search(query)
  let digest = snapshot.digest
  for _ in 0..<50 {
    index.apply(model.commit(changes: 30, ordinals: 200))
    while index.maintain() {}
  }
  let after = try snapshot.search(query)
  #expect(after == before)
  #expect(snapshot.digest == digest)
  check(before, query, frozen, 77)
  check(try index.textSnapshot().search(query), query, model, 77)
}

@Test(arguments: [1, 3, 17])
func pagingVisitsEveryHitExactlyOnce(limit: Int) throws {
  var model = Model(seed: 5)
  let index = makeIndex()
  for _ in 0..<10 { index.apply(model.commit(changes: 40, ordinals: 200)) }
  let snapshot = index.textSnapshot()
  for sort in [[SortKey.score], [.descending("year"), .ascending("price")], [.distance], []] {
    var query = TextQuery("w0 w1 w5", limit: 1_000)
    query.origin = GeoPoint(latitude: 0, longitude: 0)
    query.sort = sort
    let all = try snapshot.search(query).hits
    #expect(all.count > 20)
    query.limit = limit
    var paged: [TextHit] = []
    while true {
      let page = try snapshot.search(query).hits
      paged += page
      guard page.count == limit, let last = page.last else { break }
      query.after = last.position
    }
    #expect(paged == all)
  }
}

@Test func readersSearchWhileTheWriterAppliesAndMerges() async throws {
  var model = Model(seed: 9)
  let index = makeIndex()
  let entries = (0..<300).map { _ in model.commit(changes: 10, ordinals: 300) }
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { for entry in entries { index.apply(entry) } }
    group.addTask { while index.appliedLSN < LSN(300) { _ = index.maintain() } }
    group.addTask {
      while index.appliedLSN < LSN(300) {
        let snapshot = index.textSnapshot()
        let query = TextQuery("w1 w2", limit: 50)
        let first = try snapshot.search(query)
        let second = try snapshot.search(query)
        #expect(first == second)
        let all = try snapshot.search(TextQuery())
        #expect(all.total == snapshot.documentCount)
      }
    }
    try await group.waitForAll()
  }
  let fresh = try rebuilt(&model)
  #expect(index.textSnapshot().digest == fresh.textSnapshot().digest)
  let query = TextQuery("w1 w2", limit: 1_000)
  let incremental = try index.textSnapshot().search(query)
  let anew = try fresh.textSnapshot().search(query)
  #expect(incremental == anew)
}

@Test func explainedPartsAddUpToTheScore() throws {
  var model = Model(seed: 21)
  let index = makeIndex()
  for _ in 0..<10 { index.apply(model.commit(changes: 40, ordinals: 200)) }
  let snapshot = index.textSnapshot()
  let query = TextQuery("w1 w4", limit: 20)
  for hit in try snapshot.search(query).hits {
    let parts = try snapshot.explain(hit.ordinal, query)
    let sums = Dictionary(grouping: parts, by: \.field).mapValues { $0.reduce(0) { $0 + $1.score } }
    #expect(abs((sums.values.max() ?? 0) - hit.score) < 1e-12)
  }
}

@Test func queriesThatCannotBeAnsweredAreRefused() {
  let snapshot = makeIndex().textSnapshot()
  var query = TextQuery(limit: 1_001)
  #expect(throws: TextError.limitOutOfRange(1_001)) { try snapshot.search(query) }
  query = TextQuery((0..<65).map { "x\($0)" }.joined(separator: " "))
  #expect(throws: TextError.tooManyTerms) { try snapshot.search(query) }
  query = TextQuery()
  query.sort = [.ascending("weight")]
  #expect(throws: TextError.unknownColumn("weight")) { try snapshot.search(query) }
  query.sort = [.distance]
  #expect(throws: TextError.invalidDistance) { try snapshot.search(query) }
  query.sort = [.score]
  query.after = TextPosition(values: [.number(1)], ordinal: 0)
  #expect(throws: TextError.invalidPosition) { try snapshot.search(query) }
}

@Test func commitsDuringAMergeAreNotUndoneByIt() throws {
  var model = Model(seed: 33)
  let index = makeIndex(MergePolicy(fanIn: 3, inlineDocumentsMax: 0, segmentsMax: 1_000_000))
  var merges = 0
  for _ in 0..<120 {
    index.apply(model.commit(changes: 15, ordinals: 100))
    _ = index.maintain {
      merges += 1
      index.apply(model.commit(changes: 15, ordinals: 100))
    }
    let query = TextQuery("w1 w2 w3", limit: 1_000)
    let found = try index.textSnapshot().search(query)
    let expected = model.scores(["w1", "w2", "w3"])
    #expect(Set(found.hits.map(\.ordinal)) == Set(expected.keys))
    #expect(found.total == expected.count)
  }
  #expect(merges > 20)
  let fresh = try rebuilt(&model).textSnapshot()
  #expect(index.textSnapshot().digest == fresh.digest)
}
