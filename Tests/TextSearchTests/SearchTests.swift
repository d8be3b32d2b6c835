// SearchTests: snapshots that stay as they were, readers beside the writer, merges beside commits, and
// requests that are refused.

import Bytes
import CommitLog
import Testing
import TextSearch
import Views

/// Matches with one of the words in any field.
private func words(_ text: String, limit: Int = 1_000) -> TextRequest {
  let fields = Shop.schema.fields.map { TextMultiMatch.Field($0.name, boost: $0.boost) }
  return TextRequest(.multiMatch(TextMultiMatch(fields, text)), limit: limit)
}

@Test func aSnapshotKeepsItsAnswersWhateverIsApplied() throws {
  var model = Model(seed: 77)
  let index = makeIndex()
  for _ in 0..<10 { index.apply(model.commit(changes: 30, ordinals: 200)) }
  let snapshot = index.textSnapshot()
  var request = words("w1 w2 w3")
  request.postFilter = .range(column: "stock", from: 1, to: nil)
  request.sort = [.column("stock", descending: true), .score(descending: true)]
  let before = try snapshot.search(request)
  let digest = snapshot.digest
  for _ in 0..<50 {
    index.apply(model.commit(changes: 30, ordinals: 200))
    while index.maintain() {}
  }
  let after = try snapshot.search(request)
  #expect(after == before)
  #expect(snapshot.digest == digest)
  #expect(try index.textSnapshot().search(request) != before)
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
        let first = try snapshot.search(words("w1 w2", limit: 50))
        let second = try snapshot.search(words("w1 w2", limit: 50))
        #expect(first == second)
        let all = try snapshot.search(TextRequest(.all))
        #expect(all.total == snapshot.documentCount)
      }
    }
    try await group.waitForAll()
  }
  let fresh = try rebuilt(&model)
  #expect(index.textSnapshot().digest == fresh.textSnapshot().digest)
  let incremental = try index.textSnapshot().search(words("w1 w2"))
  let anew = try fresh.textSnapshot().search(words("w1 w2"))
  #expect(incremental == anew)
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
    let request = words("w1 w2 w3")
    let found = try index.textSnapshot().search(request)
    let expected = Oracle(model).matches(request.expression)
    #expect(Set(found.hits.map(\.ordinal)) == Set(expected.keys))
    #expect(found.total == expected.count)
  }
  #expect(merges > 20)
  let fresh = try rebuilt(&model).textSnapshot()
  #expect(index.textSnapshot().digest == fresh.digest)
}

@Test func requestsThatCannotBeAnsweredAreRefused() throws {
  let snapshot = makeIndex().textSnapshot()
  func refusal(_ expression: TextExpression, _ change: (inout TextRequest) -> Void = { _ in })
    -> TextError?
  {
    var request = TextRequest(expression)
    change(&request)
    do {
      _ = try snapshot.search(request)
      return nil
    } catch {
      return error
    }
  }
  #expect(refusal(.all) { $0.limit = 10_001 } == .limitOutOfRange(10_001))
  #expect(refusal(.all) { $0.offset = 9_995 } == .limitOutOfRange(9_995))
  #expect(refusal(.all) { $0.offset = -1 } == .limitOutOfRange(-1))
  #expect(
    refusal(.all) { $0.sort = [.column("weight", descending: true)] } == .unknownColumn("weight"))
  #expect(refusal(.all) { $0.sort = [.distance(descending: false)] } == .invalidDistance)
  #expect(
    refusal(.all) { $0.sort = Array(repeating: .score(descending: true), count: 5) }
      == .tooManySortKeys)
  #expect(
    refusal(.all) { $0.after = TextPosition(values: [.number(1)], ordinal: 0) }
      == .invalidPosition)
  #expect(refusal(.match(TextMatch("body", "x"))) == .unknownField("body"))
  #expect(refusal(.range(column: "weight", from: 1, to: 2)) == .unknownColumn("weight"))
  let many = (0..<257).map { "x\($0)" }.joined(separator: " ")
  #expect(refusal(.match(TextMatch("title", many))) == .tooManyTerms)
  var wide = TextBool()
  wide.should = Array(repeating: .all, count: 1_024)
  #expect(refusal(.bool(wide)) == .tooManyClauses)
  var deep = TextExpression.all
  for _ in 0..<32 { deep = .boosted(deep, by: 1) }
  #expect(refusal(deep) == .tooDeep)
  #expect(refusal(.boosted(.all, by: -1)) == .invalidNumber("a boost"))
  #expect(refusal(.boosted(.all, by: .nan)) == .invalidNumber("a boost"))
  let place = try #require(GeoPoint(latitude: 0, longitude: 0))
  #expect(refusal(.withinDistance(of: place, metres: -1)) == .invalidDistance)
}

@Test func priceAndStockChangesTouchNoSegment() throws {
  var model = Model(seed: 3)
  let index = makeIndex()
  for _ in 0..<10 { index.apply(model.commit(changes: 30, ordinals: 100)) }
  let before = index.textSnapshot()
  let ordinal = try #require(model.things.keys.min())
  var lsn = model.lsn
  for count in 1...50 as ClosedRange<Int64> {
    lsn = lsn.next
    let old = model.stock[ordinal]?[9].map(Shop.stockBytes)
    model.stock[ordinal, default: [:]][9] = count
    index.apply(
      LogEntry(
        lsn: lsn, time: .zero,
        operations: [
          .put(
            table: 2, key: Shop.stockKey(ordinal, 9), value: Shop.stockBytes(count), before: old)
        ]))
    #expect(index.textSnapshot().value("stock", of: ordinal) == model.stock(of: ordinal))
  }
  #expect(index.textSnapshot().segmentCount == before.segmentCount)
  #expect(index.textSnapshot().segmentBytes == before.segmentBytes)
}
