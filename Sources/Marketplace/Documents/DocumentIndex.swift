// DocumentIndex: an index that an administrator made: its name, and what its documents' fields are.
//
// Invariants
// 1. `number` is given once and never again, so that what is left of an index that is gone cannot turn up
//    in another of its name.
// 2. `fields` only grows, each with the mapping's version that brought it; a field's type never changes.
//    A document is indexed by the fields that there were when it was written.
// 3. A slot is the place of a field among those of the engine's kind: texts, keywords and numbers are
//    counted from zero, in the order of `fields`.

import Bytes
import RecordStore
import TextSearch

/// What a field holds. The raw values are Elasticsearch's names.
public enum DocumentFieldType: String, FieldEnum {
  case text, keyword, long, integer, short, byte, double, float, boolean, date, completion, object
  case nested
  case scaledFloat = "scaled_float"
  case geoPoint = "geo_point"
}

/// What is done with a member that the mapping does not have. The raw values are Elasticsearch's.
public enum DynamicRule: String, FieldEnum {
  /// It becomes a field.
  case yes = "true"
  /// It is kept and not indexed.
  case no = "false"
  /// The document is refused.
  case strict
}

/// One field of a mapping, by its whole path.
public struct DocumentField: Fields, Equatable {
  public var path = ""
  public var type = DocumentFieldType.keyword
  /// Where in a document its value stands: for a second reading of a field, the path of the first.
  public var source = ""
  /// The version of the mapping that brought it.
  public var since: Int64 = 0
  /// False: it is kept and not indexed.
  public var isIndexed = true
  /// Of texts: `standard`, `english` or `autocomplete`.
  public var analyser = ""
  /// Of keywords: longer ones are not indexed; zero: none is too long.
  public var ignoreAbove: Int64 = 0
  /// Of `scaled_float`: how many decimals are kept.
  public var scaleDigits: Int64 = 0
  /// Of objects: nil for the rule of what it is in.
  public var dynamic: DynamicRule?

  public init() {}

  public init(_ path: String, _ type: DocumentFieldType, source: String? = nil) {
    (self.path, self.type, self.source) = (path, type, source ?? path)
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "path", &path)
    try visitor.field(2, "type", &type)
    try visitor.field(3, "source", &source)
    try visitor.field(4, "since", &since)
    try visitor.field(5, "isIndexed", &isIndexed)
    try visitor.field(6, "analyser", &analyser)
    try visitor.field(7, "ignoreAbove", &ignoreAbove)
    try visitor.field(8, "scaleDigits", &scaleDigits)
    try visitor.field(9, "dynamic", &dynamic)
  }

  /// Decimals that the engine's whole numbers stand for; nil where the engine has no number.
  public var digits: Int? {
    switch type {
    case .long, .integer, .short, .byte, .boolean: 0
    case .double, .float: DocumentLimits.floatDigits
    case .scaledFloat: Int(scaleDigits)
    default: nil
    }
  }

  public var isObject: Bool { type == .object || type == .nested }
}

/// An index. Table 60.
public struct DocumentIndex: Record, Equatable {
  public var number: UInt32 = 0
  public var name = ""
  public var id = UUIDv7.zero
  public var createdAt = Timestamp.zero
  public var dynamic = DynamicRule.yes
  /// Goes up with every change of `fields`.
  public var mappingVersion: Int64 = 0
  public var fields: [DocumentField] = []

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "number", &number)
    try visitor.field(2, "name", &name)
    try visitor.field(3, "id", &id)
    try visitor.field(4, "createdAt", &createdAt)
    try visitor.field(5, "dynamic", &dynamic)
    try visitor.field(6, "mappingVersion", &mappingVersion)
    try visitor.field(7, "fields", &fields)
  }

  public static let table = Table<DocumentIndex>(
    number: 60, name: "documentIndices", indexes: [byName])
  public static let byName = Index<DocumentIndex>(number: 1, name: "byName", isUnique: true) {
    [key($0.name)]
  }
  public var primaryKey: [UInt8] { key(number) }
}

/// A document of an index, as it was sent. Table 61.
public struct IndexedDocument: Record, Equatable {
  public var index: UInt32 = 0
  public var id = ""
  /// The engine's number of it, dense in its index; kept as long as the document lives.
  public var ordinal: UInt32 = 0
  /// Goes up with every change, from 1.
  public var version: Int64 = 0
  /// The place of its last change among all of its index.
  public var sequence: Int64 = 0
  /// Of the mapping that it is indexed by.
  public var mappingVersion: Int64 = 0
  /// JSON.
  public var source = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "index", &index)
    try visitor.field(2, "id", &id)
    try visitor.field(3, "ordinal", &ordinal)
    try visitor.field(4, "version", &version)
    try visitor.field(5, "sequence", &sequence)
    try visitor.field(6, "mappingVersion", &mappingVersion)
    try visitor.field(7, "source", &source)
  }

  /// With before-images: a document that goes takes its ordinal along.
  public static let table = Table<IndexedDocument>(
    number: 61, name: "indexedDocuments", logsBeforeImages: true)
  public var primaryKey: [UInt8] { Self.primaryKey(index, id) }
  public static func primaryKey(_ index: UInt32, _ id: String) -> [UInt8] { key(index, id) }

  /// The document as a tree; nil when what is stored is damaged.
  public var json: JSONValue? { try? JSONValue(parsing: Array(source.utf8)) }
}

/// What indices may hold. Documents are searched in memory, so their number has an end.
public enum DocumentLimits {
  public static let indices = 64
  /// In all indices together.
  public static let documents = 1_000_000
  /// Bytes of one document, as JSON.
  public static let documentBytes = 1 << 20
  /// Bytes of memory that the text indices take, all together.
  public static let memoryBytes = 512 << 20
  public static let fields = 256
  public static let identifierBytes = 512
  public static let nameBytes = 255
  /// Objects within objects.
  public static let depth = 20
  /// Numbers with decimals are kept as whole millionths.
  public static let floatDigits = 6
  /// Ordinals that one index gives out; a document that is deleted does not give its own back.
  public static let ordinals: UInt32 = 16 << 20
  public static let keywordBytes = 32_766
}

/// Why a write is not done. The kinds are Elasticsearch's names.
public struct DocumentRefusal: Error, Equatable {
  public var status: Int
  public var type: String
  public var reason: String

  public init(_ type: String, _ reason: String, status: Int = 400) {
    (self.type, self.reason, self.status) = (type, reason, status)
  }

  static func mapping(_ reason: String) -> DocumentRefusal {
    DocumentRefusal("mapper_parsing_exception", reason)
  }

  static func document(_ reason: String) -> DocumentRefusal {
    DocumentRefusal("document_parsing_exception", reason)
  }

  static func illegal(_ reason: String) -> DocumentRefusal {
    DocumentRefusal("illegal_argument_exception", reason)
  }
}
