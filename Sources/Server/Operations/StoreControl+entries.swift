// The questions `get` and `scan`: entries of one tree, decoded, and what is answered.

import Bytes
import Database
import RecordStore

public struct StoreGetQuestion: StoreQuestion {
  public static let verb = "get"
  public var tree = ""
  /// As `KeyParts` reads it.
  public var key = ""
  /// Print secrets.
  public var reveals = false
  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "tree", &tree)
    try visitor.field(2, "key", &key)
    try visitor.field(3, "reveal", &reveals)
  }

  public func answer(
    from database: Database, progress: (String) -> Void
  ) throws -> StoreEntriesReport {
    let tree = StoreTree(try database.treeNumber(orFail: tree))
    let bytes = try tree.key.bytes(of: key, isPrefix: false)
    let name = database.treeName(tree.number)
    guard let entry = try database.get(tree: tree.number, key: bytes) else {
      throw StoreFailure("\(name) has no entry with the key \(key)")
    }
    var report = StoreEntriesReport()
    report.commit = database.visibleLSN.rawValue
    report.tree = name
    report.entries = [tree.entry(key: entry.key, value: entry.value, reveal: reveals)]
    return report
  }
}

public struct StoreScanQuestion: StoreQuestion {
  public static let verb = "scan"
  /// So that an answer fits in memory, with values of 16 MiB too.
  public static let entriesMax = 10_000

  public var tree = ""
  /// Inclusive; keys may lack their last components.
  public var from: String?
  /// Exclusive.
  public var to: String?
  public var prefix: String?
  public var limit: Int64 = 20
  public var isReverse = false
  public var reveals = false
  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "tree", &tree)
    try visitor.field(2, "from", &from)
    try visitor.field(3, "to", &to)
    try visitor.field(4, "prefix", &prefix)
    try visitor.field(5, "limit", &limit)
    try visitor.field(6, "reverse", &isReverse)
    try visitor.field(7, "reveal", &reveals)
  }

  public func answer(
    from database: Database, progress: (String) -> Void
  ) throws -> StoreEntriesReport {
    guard (1...Int64(Self.entriesMax)).contains(limit) else {
      throw StoreFailure.usage("a scan takes from 1 to \(Self.entriesMax) entries, not \(limit)")
    }
    let tree = StoreTree(try database.treeNumber(orFail: tree))
    let scan = try database.scan(
      tree: tree.number, range: try range(of: tree), limit: Int(limit), reverse: isReverse)
    var report = StoreEntriesReport()
    report.commit = scan.lsn.rawValue
    report.tree = database.treeName(tree.number)
    report.entries = scan.entries.map {
      tree.entry(key: $0.key, value: $0.value, reveal: reveals)
    }
    report.hasMore = scan.hasMore
    return report
  }

  private func range(of tree: StoreTree) throws(StoreFailure) -> KeyRange {
    if let prefix {
      guard from == nil, to == nil else {
        throw .usage("a scan takes a prefix, or from and to, not both")
      }
      return KeyRange(prefix: try tree.key.bytes(of: prefix, isPrefix: true))
    }
    var range = KeyRange()
    if let from { range.lower = try tree.key.bytes(of: from, isPrefix: true) }
    if let to { range.upper = try tree.key.bytes(of: to, isPrefix: true) }
    return range
  }
}

/// `get` and `scan`: entries of one tree in key order.
public struct StoreEntriesReport: Fields {
  public var commit: UInt64 = 0
  public var tree = ""
  public var entries: [StoreEntry] = []
  /// A limit ended it, not the range.
  public var hasMore = false

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "commit", &commit)
    try visitor.field(2, "tree", &tree)
    try visitor.field(3, "entries", &entries)
    try visitor.field(4, "hasMore", &hasMore)
  }
}

/// An entry as people read it.
public struct StoreEntry: Fields {
  /// As `get` takes it.
  public var key = ""
  /// The record; nil for an entry of an index and for what does not decode.
  public var value: AnyJSON?
  /// The key of the record that an entry of an index leads to.
  public var primaryKey: String?
  /// The bytes of a value that is no record of ours.
  public var valueHex: String?
  public var valueBytes: Int64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "key", &key)
    try visitor.field(2, "value", &value)
    try visitor.field(3, "primaryKey", &primaryKey)
    try visitor.field(4, "valueHex", &valueHex)
    try visitor.field(5, "valueBytes", &valueBytes)
  }
}

/// Any JSON value in a field; unlike `JSONText` it is never stored and has no bound of its own.
public struct AnyJSON: FieldElement, Equatable {
  public var value: JSONValue

  public init(_ value: JSONValue) { self.value = value }

  public static var wireKind: WireKind { .bytes }

  public func writeBinary(to writer: inout ByteWriter) {
    writer.string(String(decoding: value.bytes, as: UTF8.self))
  }

  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> AnyJSON {
    let start = source.offset
    let text = try source.string("JSON text")
    guard let value = try? JSONValue(parsing: Array(text.utf8)) else {
      throw DecodeError(.invalid, "JSON text", at: start)
    }
    return AnyJSON(value)
  }

  public func writeJSON(to writer: inout JSONWriter) { value.write(to: &writer) }

  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> AnyJSON? {
    AnyJSON(try JSONValue(from: &source.reader))
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema { .any }
}
