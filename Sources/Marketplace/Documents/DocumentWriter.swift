// DocumentWriter: changes of documents inside one transaction: put, create, update in part, delete, each on
// condition of what is there.
//
// Invariants
// 1. An action that is refused has changed neither a document nor a mapping; the index that its name made
//    stays.
// 2. `finish` writes the rows of the indices whose mapping grew, once.
// 3. A document's ordinal stays its own as long as it lives; `sequence` goes up with every change.

import Bytes
import RecordStore

public struct DocumentAction: Sendable {
  public enum Kind: Sendable, Equatable {
    /// Whatever is there.
    case index(JSONValue)
    /// Only where nothing is.
    case create(JSONValue)
    case update(DocumentUpdate)
    case delete

    /// Whether there may be a document of its index afterwards where there was none.
    var mayMake: Bool {
      switch self {
      case .index, .create: true
      case .update(let update): update.upsert != nil || update.partIsUpsert
      case .delete: false
      }
    }
  }

  public var index: String
  /// Nil: one is made.
  public var id: String?
  public var kind: Kind
  /// The change is made only if this is the document's last one.
  public var expected: Int64?

  public init(index: String, id: String?, _ kind: Kind, expected: Int64? = nil) {
    (self.index, self.id, self.kind, self.expected) = (index, id, kind, expected)
  }
}

public struct DocumentUpdate: Sendable, Equatable {
  /// Merged into what is there, objects member by member.
  public var part: JSONValue?
  /// What is written when nothing is there.
  public var upsert: JSONValue?
  public var partIsUpsert = false
  /// A change that changes nothing is none.
  public var detectsNoop = true

  public init() {}
}

public struct DocumentOutcome: Sendable, Equatable {
  public enum Result: String, Sendable {
    case created, updated, deleted, noop
    case notFound = "not_found"
  }

  public var index: String
  public var id: String
  public var result: Result
  public var version: Int64
  public var sequence: Int64
  /// After an update.
  public var source: JSONValue?

  public var status: Int {
    switch result {
    case .created: 201
    case .notFound: 404
    default: 200
    }
  }
}

public struct DocumentWriter {
  private let transaction: Transaction
  private var mappings: [String: DocumentMapping] = [:]
  private var changed: Set<String> = []
  /// What there is room for.
  private var room: DocumentRoom

  /// - Parameter room: what the indices hold now.
  public init(_ transaction: Transaction, _ room: DocumentRoom) {
    (self.transaction, self.room) = (transaction, room)
  }

  public mutating func perform(_ action: DocumentAction) throws -> DocumentOutcome {
    var mapping = try self.mapping(of: action.index, isMade: action.kind.mayMake)
    let before = mapping.index
    let id = try Self.identifier(action.id, transaction)
    let old = try transaction.get(
      IndexedDocument.self, IndexedDocument.primaryKey(before.number, id))
    if let expected = action.expected, old?.sequence != expected {
      let found = old.map { "\($0.sequence)" } ?? "none"
      throw Self.conflict(
        id, "required seqNo [\(expected)], primary term [1]. current document has seqNo [\(found)]")
    }
    var outcome = DocumentOutcome(
      index: before.name, id: id, result: old == nil ? .created : .updated,
      version: (old?.version ?? 0) + 1, sequence: 0)
    let source: JSONValue
    switch action.kind {
    case .index(let document): source = document
    case .create(let document):
      guard old == nil else {
        throw Self.conflict(id, "document already exists (current version [\(old?.version ?? 0)])")
      }
      source = document
    case .delete: return try delete(old, &outcome, mapping)
    case .update(let update):
      guard let made = try Self.updated(update, old, id: id, in: before.name) else {
        outcome.result = .noop
        outcome.version = old?.version ?? 0
        outcome.sequence = old?.sequence ?? 0
        outcome.source = old?.json
        return outcome
      }
      source = made
      outcome.source = made
    }
    if old == nil { try room.takeOne() }
    try mapping.absorb(source)
    let hasGrown = mapping.seal(since: before)
    try write(source, old, &outcome, mapping)
    mappings[before.name] = mapping
    if hasGrown { changed.insert(before.name) }
    return outcome
  }

  /// Writes the mappings that grew.
  public mutating func finish() throws {
    for name in changed.sorted() {
      if let mapping = mappings[name] { try transaction.put(mapping.index) }
    }
    changed = []
  }

  // MARK: Steps

  /// - Parameter isMade: the first document of a name makes the index.
  private mutating func mapping(of name: String, isMade: Bool) throws -> DocumentMapping {
    if let known = mappings[name] { return known }
    if let index = try transaction.lookup(DocumentIndex.byName, key(name)) {
      mappings[name] = DocumentMapping(index)
      return DocumentMapping(index)
    }
    guard isMade else { throw Documents.missing(name) }
    let index = try Documents.create(transaction, name: name, mappings: nil)
    mappings[name] = DocumentMapping(index)
    return DocumentMapping(index)
  }

  private static func identifier(_ id: String?, _ transaction: Transaction) throws -> String {
    guard let id else { return transaction.newID().description }
    guard !id.isEmpty, id.utf8.count <= DocumentLimits.identifierBytes, !id.utf8.contains(0) else {
      throw DocumentRefusal.illegal(
        "an id has 1 to \(DocumentLimits.identifierBytes) bytes, none of them zero")
    }
    return id
  }

  private static func conflict(_ id: String, _ reason: String) -> DocumentRefusal {
    DocumentRefusal(
      "version_conflict_engine_exception", "[\(id)]: version conflict, \(reason)", status: 409)
  }

  private func write(
    _ source: JSONValue, _ old: IndexedDocument?, _ outcome: inout DocumentOutcome,
    _ mapping: DocumentMapping
  ) throws {
    let bytes = source.bytes
    guard bytes.count <= DocumentLimits.documentBytes else {
      throw DocumentRefusal.illegal(
        "a document has at most \(DocumentLimits.documentBytes) bytes, and [\(outcome.id)] has "
          + "\(bytes.count)")
    }
    var document = old ?? IndexedDocument()
    if old == nil {
      document.index = mapping.index.number
      document.id = outcome.id
      let space = Documents.ordinalSpace(mapping.index.number)
      document.ordinal = try transaction.nextOrdinal(space: space)
      guard document.ordinal < DocumentLimits.ordinals else {
        throw DocumentRefusal.illegal(
          "index [\(mapping.index.name)] has numbered \(DocumentLimits.ordinals) documents, which is all "
            + "that it can; index what is left into a new one")
      }
    }
    outcome.sequence = try nextSequence(mapping.index)
    document.version = outcome.version
    document.sequence = outcome.sequence
    document.mappingVersion = mapping.index.mappingVersion
    document.source = String(decoding: bytes, as: UTF8.self)
    try transaction.put(document)
  }

  private func nextSequence(_ index: DocumentIndex) throws -> Int64 {
    Int64(try transaction.nextOrdinal(space: Documents.sequenceSpace(index.number)))
  }

  private func delete(
    _ old: IndexedDocument?, _ outcome: inout DocumentOutcome, _ mapping: DocumentMapping
  ) throws -> DocumentOutcome {
    outcome.sequence = try nextSequence(mapping.index)
    guard let old else {
      outcome.result = .notFound
      return outcome
    }
    outcome.result = .deleted
    try transaction.delete(IndexedDocument.self, old.primaryKey)
    return outcome
  }

  /// The whole document after an update; nil when it changes nothing.
  private static func updated(
    _ update: DocumentUpdate, _ old: IndexedDocument?, id: String, in index: String
  ) throws -> JSONValue? {
    guard let old else {
      if let upsert = update.upsert { return upsert }
      if update.partIsUpsert, let part = update.part { return part }
      throw DocumentRefusal(
        "document_missing_exception", "[\(id)]: document missing", status: 404)
    }
    guard let source = old.json else {
      throw MarketError(.internalError, "The document \(index)/\(id) is damaged.")
    }
    guard let part = update.part else {
      throw DocumentRefusal("action_request_validation_exception", "an update requires [doc]")
    }
    let merged = merge(part, into: source)
    return update.detectsNoop && merged == source ? nil : merged
  }

  static func merge(_ part: JSONValue, into whole: JSONValue) -> JSONValue {
    guard case .object(let changes) = part, case .object(var members) = whole else { return part }
    for change in changes {
      if let place = members.firstIndex(where: { $0.name == change.name }) {
        members[place].value = merge(change.value, into: members[place].value)
      } else {
        members.append(change)
      }
    }
    return .object(members)
  }
}

/// How many more documents there is room for.
public struct DocumentRoom: Sendable {
  private var documents: Int
  private let isFull: Bool

  public init(_ held: DocumentViewSnapshot?) {
    documents = DocumentLimits.documents - (held?.documentCount ?? 0)
    isFull = (held?.memoryBytes ?? 0) >= DocumentLimits.memoryBytes
  }

  mutating func takeOne() throws(DocumentRefusal) {
    guard documents > 0, !isFull else {
      throw DocumentRefusal(
        "circuit_breaking_exception",
        "all indices together hold \(DocumentLimits.documents) documents and "
          + "\(DocumentLimits.memoryBytes >> 20) MiB of memory at most; delete some", status: 429)
    }
    documents -= 1
  }
}
