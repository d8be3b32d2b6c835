// TextSchema: what a document of the index has, and the operations that change it. The engine knows
// rows and meanings only through the projection that it is given.

import Views

/// The shape of an index; fixed for the life of a `TextIndex`.
public struct TextSchema: Sendable {
  /// A field that is searched by its words.
  public struct Field: Sendable {
    public var name: String
    /// Factor of the field's score, above zero.
    public var boost: Double
    public var analyser: Analyser
    /// Whether the words' places are kept, which phrases need.
    public var keepsPositions: Bool

    public init(
      _ name: String, boost: Double = 1, analyser: Analyser = .standard,
      keepsPositions: Bool = true
    ) {
      precondition(boost > 0 && boost.isFinite, "a boost is a positive number")
      self.name = name
      self.boost = boost
      self.analyser = analyser
      self.keepsPositions = keepsPositions
    }
  }

  /// A number for each ordinal, or none.
  public struct Column: Sendable {
    public enum Kind: Sendable {
      /// Comes with the document and goes with it; none where the document says none.
      case document
      /// The sum of all `.add`, zero before; outlives the document, so that rows may come in any order.
      case sum
      /// The last `.set`, none before; outlives the document.
      case assigned
    }

    public var name: String
    public var kind: Kind

    public init(_ name: String, _ kind: Kind) {
      self.name = name
      self.kind = kind
    }
  }

  public var fields: [Field]
  public var columns: [Column]
  /// Names of the columns of exact strings, for filters and facets; several values a document.
  public var keywords: [String]

  public init(fields: [Field], columns: [Column] = [], keywords: [String] = []) {
    precondition(
      fields.count <= TextLimits.fields, "a document has at most \(TextLimits.fields) text fields")
    precondition(
      Set(fields.map(\.name)).count == fields.count
        && Set(columns.map(\.name)).count == columns.count
        && Set(keywords).count == keywords.count,
      "names are unique")
    self.fields = fields
    self.columns = columns
    self.keywords = keywords
  }

  func column(_ name: String) -> Int? { columns.firstIndex { $0.name == name } }
  func keyword(_ name: String) -> Int? { keywords.firstIndex(of: name) }
  func field(_ name: String) -> Int? { fields.firstIndex { $0.name == name } }
}

/// What is indexed under one ordinal. Names are the schema's; what is left out is empty or has no
/// value.
public struct TextDocument: Equatable, Sendable {
  /// The row's own key, given back with every hit.
  public var key: [UInt8]
  public var texts: [String: String]
  public var keywords: [String: [String]]
  /// Values of columns of kind `.document`, above `Int64.min`.
  public var numbers: [String: Int64]
  public var location: GeoPoint?

  public init(
    key: [UInt8], texts: [String: String] = [:], keywords: [String: [String]] = [:],
    numbers: [String: Int64] = [:], location: GeoPoint? = nil
  ) {
    self.key = key
    self.texts = texts
    self.keywords = keywords
    self.numbers = numbers
    self.location = location
  }
}

/// One step of the index. Ordinals are dense: the store gives them out from zero.
public enum TextOperation: Equatable, Sendable {
  /// Indexes `document`, in place of what was there.
  case put(ordinal: UInt32, document: TextDocument)
  /// Takes the document out; cells of `.sum` and `.assigned` columns stay.
  case remove(ordinal: UInt32)
  /// Adds to a cell of a `.sum` column. Wraps around, so that any order gives the same sum.
  case add(ordinal: UInt32, column: String, delta: Int64)
  /// Replaces a cell of an `.assigned` column; nil: there is no value any more. Above `Int64.min`.
  case set(ordinal: UInt32, column: String, value: Int64?)
}

/// Turns a row's change into index operations. Pure: the same change gives the same operations. The
/// operations of a row's first put must not depend on other rows, for a rebuild delivers rows in any
/// order; an ordinal's document, and each of its `.assigned` cells, come from one row.
public typealias TextProjection = @Sendable (Change) -> [TextOperation]
