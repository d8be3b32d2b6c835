// No file without its test. Below the marketplace, the tests of a module name something that each of
// its files declares and no other file of the module does: a type, or a function that is not private.
// What no test can name, because it is internal, stands in a table with the suite that goes through it.

import Foundation
import Testing

@Suite struct CoverRules {
  /// Files of an engine that no test of its module names: the test file that exercises them, and how.
  static let covers: [String: (test: String, how: String)] = [
    "Sources/Bytes/Fields/BinarySource.swift": (
      "Tests/BytesTests/Fields/HostileInputTests.swift",
      "each decoding of a damaged record reads through it"
    ),
    "Sources/Bytes/Fields/FieldValue+Containers.swift": (
      "Tests/BytesTests/Fields/FieldBinaryTests.swift",
      "the sample records have arrays and optionals"
    ),
    "Sources/Bytes/Fields/FieldValue+Fields.swift": (
      "Tests/BytesTests/Fields/FieldBinaryTests.swift", "the sample records hold records"
    ),
    "Sources/Bytes/Fields/FieldValue+Unsigned.swift": (
      "Tests/BytesTests/Fields/FieldBinaryTests.swift",
      "the sample records have fields of every width"
    ),
    "Sources/CommitLog/FileCommitLog+read.swift": (
      "Tests/CommitLogTests/FileCommitLogTests.swift", "all that is appended is read again"
    ),
    "Sources/CommitLog/LogEntryCodec.swift": (
      "Tests/CommitLogTests/GoldenLogTests.swift", "every operation has its bytes, written and read"
    ),
    "Sources/CommitLog/SegmentHeader.swift": (
      "Tests/CommitLogTests/RecoveryTableTests.swift", "rows 2 and 3: each wrong field is refused"
    ),
    "Sources/CommitLog/SparePool.swift": (
      "Tests/CommitLogTests/DiskFullTests.swift", "spares on a full volume; crashes in FailureTests"
    ),
    "Sources/Database/DataDirectory.swift": (
      "Tests/DatabaseTests/OpenTests.swift", "locks, missing and taken folders, secrets"
    ),
    "Sources/Database/Database+History.swift": (
      "Tests/DatabaseTests/RestoreTests.swift",
      "the hash at a commit is compared with the restored one"
    ),
    "Sources/Database/Database+Open.swift": (
      "Tests/DatabaseTests/OpenTests.swift", "what an opening finds, and what it refuses"
    ),
    "Sources/Database/SystemClock.swift": (
      "Tests/DatabaseTests/ConcurrencyTests.swift",
      "the threads of a database on a real disk live by it"
    ),
    "Sources/RecordStore/Pages/FramePool.swift": (
      "Tests/RecordStoreTests/FramePoolTests.swift", "through the cache, its only owner"
    ),
    "Sources/RecordStore/Pages/PageTable.swift": (
      "Tests/RecordStoreTests/FramePoolTests.swift", "through the cache, its only owner"
    ),
    "Sources/RecordStore/Pages/Pager+checkpoint.swift": (
      "Tests/RecordStoreTests/StoreTests.swift",
      "work goes on while a checkpoint is written; crashes at each call"
    ),
    "Sources/RecordStore/Pages/Pager.swift": (
      "Tests/RecordStoreTests/StoreTests.swift",
      "a store under random work equals its model, pages accounted for"
    ),
    "Sources/RecordStore/RecordStore+compact.swift": (
      "Tests/DatabaseTests/CompactTests.swift", "what it keeps, how small, and a crash at each call"
    ),
    "Sources/RecordStore/RecordStore+inspect.swift": (
      "Tests/DatabaseTests/InspectorTests.swift", "the numbers of trees and free space add up"
    ),
    "Sources/RecordStore/SnapshotRegistry.swift": (
      "Tests/RecordStoreTests/StoreDamageTests.swift",
      "expired snapshots throw, and their pages are used again"
    ),
    "Sources/RecordStore/TransactionMerge.swift": (
      "Tests/RecordStoreTests/TransactionModelTests.swift",
      "scans of a transaction are compared with the model's"
    ),
    "Sources/RecordStore/TransactionOverlay+replay.swift": (
      "Tests/RecordStoreTests/TransactionModelTests.swift",
      "every transaction is replayed, alone and merged"
    ),
    "Sources/RecordStore/Tree/OverflowValue.swift": (
      "Tests/RecordStoreTests/BigNumberTests.swift",
      "values of 16 MiB; every size in TreeModelTests"
    ),
    "Sources/RecordStore/Tree/TreeEditor+rewrite.swift": (
      "Tests/RecordStoreTests/TreeModelTests.swift",
      "splits and merges under random puts and deletes"
    ),
    "Sources/RecordStore/Tree/TreeEditor+seal.swift": (
      "Tests/RecordStoreTests/TreeModelTests.swift",
      "every group is sealed, and its hashes are checked"
    ),
    "Sources/RecordStore/Tree/TreeReader+scan.swift": (
      "Tests/RecordStoreTests/TreeModelTests.swift", "scans both ways are compared with the model's"
    ),
    "Sources/TextSearch/Evaluation/CombiningNodes.swift": (
      "Tests/TextSearchTests/ExpressionTests.swift", "unions and bools of random expressions"
    ),
    "Sources/TextSearch/Evaluation/Explainer.swift": (
      "Tests/TextSearchTests/ExpressionTests.swift",
      "explanations of random expressions end in the score"
    ),
    "Sources/TextSearch/Evaluation/FunctionNode.swift": (
      "Tests/TextSearchTests/ExpressionTests.swift",
      "functions of random expressions are computed from the definitions"
    ),
    "Sources/TextSearch/Evaluation/PhraseNode.swift": (
      "Tests/TextSearchTests/ExpressionTests.swift",
      "phrases of random expressions try every choice of places"
    ),
    "Sources/TextSearch/Evaluation/Pruning.swift": (
      "Tests/TextSearchTests/ExpressionTests.swift",
      "the best hits with and without it, in every layout of segments"
    ),
    "Sources/TextSearch/Evaluation/Search.swift": (
      "Tests/TextSearchTests/ExpressionTests.swift", "every search of a random expression is one"
    ),
    "Sources/TextSearch/Evaluation/SegmentBinder.swift": (
      "Tests/TextSearchTests/ExpressionTests.swift",
      "each case of a plan in each layout of segments"
    ),
    "Sources/TextSearch/Evaluation/WindowNode.swift": (
      "Tests/TextSearchTests/ExpressionTests.swift", "through every node of random expressions"
    ),
    "Sources/TextSearch/Evaluation/WordsNode.swift": (
      "Tests/TextSearchTests/ExpressionTests.swift", "words with minimums, readings and ties"
    ),
    "Sources/TextSearch/Segment/FieldBuilder.swift": (
      "Tests/TextSearchTests/ExpressionTests.swift", "what is indexed is found, and nothing else"
    ),
    "Sources/TextSearch/Segment/LiveSegment.swift": (
      "Tests/TextSearchTests/ExpressionTests.swift", "scores after deletes are those of a rebuild"
    ),
    "Sources/TextSearch/Segment/SegmentMerge.swift": (
      "Tests/TextSearchTests/ExpressionTests.swift", "answers before and after merging are compared"
    ),
    "Sources/TextSearch/Aggregations/InnerBuckets.swift": (
      "Tests/TextSearchTests/AggregationTests.swift", "nested aggregations equal a scan"
    ),
    "Sources/TextSearch/Aggregations/MeasureCollectors.swift": (
      "Tests/TextSearchTests/AggregationTests.swift",
      "measures, filters and hits of buckets equal a scan"
    ),
    "Sources/TextSearch/Aggregations/TermsCollector.swift": (
      "Tests/TextSearchTests/AggregationTests.swift",
      "values, with and without others inside, equal a scan"
    ),
  ]

  private static let type = Pattern(
    #"^\s*(?:[@\w()]+ )*(?:struct|class|enum|protocol|actor|typealias) (\w+)"#)
  private static let member = Pattern(
    #"^\s*(?:@\w+(?:\([^)]*\))? )*(?:(?:public|package|open|static|mutating|final|nonisolated|consuming|borrowing|class)(?:\(set\))? )*func (\w+)"#
  )

  /// What a file declares for others: types, and functions that are not private.
  static func names(_ source: Source) -> Set<String> {
    var names: Set<String> = []
    for line in source.code where !line.contains("private ") {
      if let name = type.groups(in: line)?[1] { names.insert(name) }
      // Functions of a type stand at most two levels deep; deeper ones are local.
      guard line.prefix(5).filter({ $0 == " " }).count < 5 else { continue }
      if let name = member.groups(in: line)?[1] { names.insert(name) }
    }
    return names
  }

  /// The names of each file that no other file of its module declares.
  private static let ownNames: [String: Set<String>] = {
    var files: [String: [Source]] = [:]
    for source in Source.all {
      for name in names(source) { files[source.module + "." + name, default: []].append(source) }
    }
    var own: [String: Set<String>] = [:]
    for source in Source.all {
      own[source.path] = names(source).filter { files[source.module + "." + $0]?.count == 1 }
    }
    return own
  }()

  private static let words: [String: Set<String>] = {
    var words: [String: Set<String>] = [:]
    for test in Source.tests {
      for line in test.code {
        words[test.module, default: []].formUnion(
          line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
      }
    }
    return words
  }()

  private static func isNamed(_ source: Source) -> Bool {
    !(ownNames[source.path] ?? []).isDisjoint(with: words[source.module + "Tests"] ?? [])
  }

  @Test func everyFileOfAnEngineHasItsTest() {
    for source in Source.all where source.isBelowMarketplace && source.module != "COpenSSL" {
      #expect(
        Self.isNamed(source) || Self.covers[source.path] != nil,
        "\(source.path): no test of \(source.module) names any of \(Self.ownNames[source.path] ?? [])"
      )
    }
  }

  @Test func theTableHoldsOnlyWhatItMust() {
    for (path, cover) in Self.covers {
      let source = Source.all.first { $0.path == path }
      #expect(source.map { !Self.isNamed($0) } == true, "\(path) is named by a test, or is gone")
      #expect(Source.tests.contains { $0.path == cover.test }, "\(path): there is no \(cover.test)")
      #expect(cover.how.count > 20, "\(path): \(cover.how)")
    }
  }
}
