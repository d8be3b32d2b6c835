// DocumentView: the indices that administrators made, as a view of the log: one text index each, in memory,
// made anew from the records when the database opens.
//
// Invariants
// 1. It holds the rows of DocumentIndex, and of IndexedDocument those whose index is there. What is left
//    of an index that is gone is passed over, here and in a rebuild.
// 2. In a commit the indices' rows come first, so that documents find the fields that they brought.
// 3. The digest is of the rows; the engine's own is not used, for it depends on when fields were added.

import Bytes
import CommitLog
import RecordStore
import Synchronization
import TextSearch
import Views

public final class DocumentView: View {
  public let name = "documents"
  /// Indices first: a rebuild from a store then never has to keep a document for later.
  public let tables = [DocumentIndex.table.number, IndexedDocument.table.number]

  fileprivate struct Entry: Sendable {
    var mapping: DocumentMapping
    let text: GrowingTextIndex
    /// Of the documents.
    var digest = Digest()
    /// The index's own row, as an element of the digest.
    var row: [UInt8]
  }

  fileprivate struct State: Sendable {
    var appliedLSN = LSN.zero
    var entries: [UInt32: Entry] = [:]
    /// The snapshots of indices that have not changed since they were taken.
    var frozen: [UInt32: DocumentIndexSnapshot] = [:]
  }

  private let state = Mutex(State())
  /// How many documents of a rebuild become a segment.
  private static let rebuildDocuments = 4_096

  public init() {}

  public var appliedLSN: LSN { state.withLock { $0.appliedLSN } }

  public func makeEmpty() -> any View { DocumentView() }

  public func apply(_ entry: LogEntry) {
    state.withLock { state in
      guard entry.lsn > state.appliedLSN else { return }
      state.appliedLSN = entry.lsn
      var changes: [Change] = []
      for operation in entry.operations {
        guard let change = Change(operation), tables.contains(change.table) else { continue }
        if change.table == DocumentIndex.table.number {
          state.take(change)
        } else {
          changes.append(change)
        }
      }
      guard !changes.isEmpty else { return }
      var steps: [UInt32: [TextOperation]] = [:]
      for change in changes { state.take(change, &steps) }
      state.perform(steps, at: entry.lsn)
    }
  }

  public func rebuild(
    at lsn: LSN, from rows: (_ body: (UInt32, RawSpan, RawSpan) -> Void) throws -> Void
  ) throws {
    var fresh = State()
    var early: [Change] = []
    var steps: [UInt32: [TextOperation]] = [:]
    var count = 0
    try rows { table, key, value in
      guard tables.contains(table) else { return }
      let change = Change(table: table, key: Array(copying: key), after: Array(copying: value))
      if table == DocumentIndex.table.number {
        fresh.take(change)
      } else if fresh.hasIndex(of: change) {
        fresh.take(change, &steps)
        count += 1
        guard count % Self.rebuildDocuments == 0 else { return }
        fresh.perform(steps, at: lsn)
        steps = [:]
      } else {
        early.append(change)
      }
    }
    for change in early where fresh.hasIndex(of: change) { fresh.take(change, &steps) }
    fresh.perform(steps, at: lsn)
    fresh.appliedLSN = lsn
    let made = fresh
    state.withLock { $0 = made }
  }

  public func snapshot() -> any ViewSnapshot {
    state.withLock { state in
      for (number, entry) in state.entries where state.frozen[number] == nil {
        state.frozen[number] = DocumentIndexSnapshot(
          mapping: entry.mapping, text: entry.text.textSnapshot())
      }
      var digest = Digest()
      for entry in state.entries.values {
        digest.add(entry.row)
        digest.high &+= entry.digest.high
        digest.low &+= entry.digest.low
      }
      return DocumentViewSnapshot(lsn: state.appliedLSN, digest: digest, byNumber: state.frozen)
    }
  }

  /// A merge changes no answer, so snapshots stay as they are, until the next change.
  public func maintain() -> Bool {
    let texts = state.withLock { $0.entries.values.map(\.text) }
    return texts.reduce(false) { $1.maintain() || $0 }
  }
}

extension DocumentView.State {
  fileprivate mutating func take(_ change: Change) {
    guard let bytes = change.after else {
      guard let number = Self.number(change.key) else { return }
      entries[number] = nil
      frozen[number] = nil
      return
    }
    guard let row = try? FieldBinary.decode(DocumentIndex.self, from: bytes.span.bytes) else {
      return
    }
    let mapping = DocumentMapping(row)
    let element = change.key + bytes
    frozen[row.number] = nil
    if let entry = entries[row.number] {
      let added = mapping.schema(from: entry.mapping.index.fields.count)
      if !added.fields.isEmpty || !added.columns.isEmpty || !added.keywords.isEmpty {
        entry.text.grow(added)
      }
      entries[row.number]?.mapping = mapping
      entries[row.number]?.row = element
    } else {
      entries[row.number] = DocumentView.Entry(
        mapping: mapping, text: GrowingTextIndex(mapping.schema(from: 0)), row: element)
    }
  }

  /// Keys begin with the index's number, four bytes that keep its order.
  private static func number(_ key: [UInt8]) -> UInt32? {
    guard key.count >= 4 else { return nil }
    return key.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
  }

  fileprivate func hasIndex(of change: Change) -> Bool {
    Self.number(change.key).map { entries[$0] != nil } ?? false
  }

  fileprivate mutating func take(_ change: Change, _ steps: inout [UInt32: [TextOperation]]) {
    guard let number = Self.number(change.key), let mapping = entries[number]?.mapping else {
      return
    }
    let old = change.before.flatMap(Self.document)
    if let before = change.before { entries[number]?.digest.remove(change.key + before) }
    if let after = change.after {
      entries[number]?.digest.add(change.key + after)
      guard let row = Self.document(after), let json = row.json else { return }
      let document = mapping.project(
        json, key: Array(row.id.utf8), version: row.mappingVersion)
      // What was deleted and written anew in one commit has another number.
      if let old, old.ordinal != row.ordinal {
        steps[number, default: []].append(.remove(ordinal: old.ordinal))
      }
      steps[number, default: []].append(.put(ordinal: row.ordinal, document: document))
    } else if let old {
      steps[number, default: []].append(.remove(ordinal: old.ordinal))
    }
  }

  private static func document(_ bytes: [UInt8]) -> IndexedDocument? {
    try? FieldBinary.decode(IndexedDocument.self, from: bytes.span.bytes)
  }

  fileprivate mutating func perform(_ steps: [UInt32: [TextOperation]], at lsn: LSN) {
    for (number, operations) in steps {
      entries[number]?.text.apply(operations, at: lsn)
      frozen[number] = nil
    }
  }
}

/// One index, frozen.
public struct DocumentIndexSnapshot: Sendable {
  public let mapping: DocumentMapping
  public let text: TextSnapshot

  public var index: DocumentIndex { mapping.index }
}

/// All indices, frozen at one LSN.
public final class DocumentViewSnapshot: ViewSnapshot {
  public let lsn: LSN
  public let digest: Digest
  private let byName: [String: DocumentIndexSnapshot]

  init(lsn: LSN, digest: Digest, byNumber: [UInt32: DocumentIndexSnapshot]) {
    self.lsn = lsn
    self.digest = digest
    byName = Dictionary(
      byNumber.values.map { ($0.index.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  public subscript(name: String) -> DocumentIndexSnapshot? { byName[name] }

  /// By name.
  public var all: [DocumentIndexSnapshot] {
    byName.values.sorted { $0.index.name < $1.index.name }
  }

  public var documentCount: Int { byName.values.reduce(0) { $0 + $1.text.documentCount } }
  public var memoryBytes: Int { byName.values.reduce(0) { $0 + $1.text.segmentBytes } }
}
