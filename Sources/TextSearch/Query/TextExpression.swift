// TextExpression: which documents a search matches, and what each match scores. A tree of clauses, as
// in Elasticsearch's query language, whose names its cases keep.
//
// A clause in `must` or `should` adds its score; one in `filter` or `mustNot` only decides. Clauses
// about numbers, keywords and places score one where they score at all.

public indirect enum TextExpression: Equatable, Sendable {
  /// Every document, with score one.
  case all
  /// No document.
  case nothing
  case match(TextMatch)
  case multiMatch(TextMultiMatch)
  case phrase(TextPhrase)
  /// An exact value of a keyword column, or an exact term of a text field (as indexed, not analysed).
  case term(field: String, value: String)
  case terms(field: String, values: [String])
  /// Values of a keyword column, or terms of a text field, that begin so.
  case prefix(field: String, value: String)
  case fuzzy(field: String, value: String, TextFuzziness)
  /// Cells of a numeric column; both ends are included, nil is open. Documents without a value never
  /// match.
  case range(column: String, from: Int64?, to: Int64?)
  /// Documents with a value in a text field, a keyword or numeric column, or a place (`location`).
  case exists(String)
  /// Documents of these external keys.
  case keys([[UInt8]])
  case withinDistance(of: GeoPoint, metres: Double)
  /// A box may cross the date line: its left side is then east of its right one.
  case withinBox(topLeft: GeoPoint, bottomRight: GeoPoint)
  case bool(TextBool)
  /// Matches what any clause matches, with the best clause's score, plus `tieBreaker` (0 ... 1) times the
  /// others'.
  case best([TextExpression], tieBreaker: Double)
  /// Matches what `filter` matches, each with the same score.
  case constant(TextExpression, score: Double)
  /// The score of the clause times a factor of zero or more.
  case boosted(TextExpression, by: Double)
  case function(TextFunctionScore)
}

/// The words of a text in one field.
public struct TextMatch: Equatable, Sendable {
  public var field: String
  public var text: String
  public var allWords = false
  /// How many of the words a document needs at least, when not all.
  public var minimumWords = 1
  public var fuzziness = TextFuzziness.none
  /// The last word is the beginning of a word.
  public var isLastPrefix = false

  public init(_ field: String, _ text: String) { (self.field, self.text) = (field, text) }
}

/// The words of a text in several fields.
public struct TextMultiMatch: Equatable, Sendable {
  public enum Kind: Equatable, Sendable {
    /// The best field's score, plus `tieBreaker` (0 ... 1) times the others'.
    case bestFields(tieBreaker: Double)
    /// The sum of the fields' scores.
    case mostFields
    /// Each word is looked for in all fields as if they were one; statistics are blended.
    case crossFields(tieBreaker: Double)
  }

  public struct Field: Equatable, Sendable {
    public var name: String
    public var boost: Double

    public init(_ name: String, boost: Double = 1) { (self.name, self.boost) = (name, boost) }
  }

  public var fields: [Field]
  public var text: String
  public var kind = Kind.bestFields(tieBreaker: 0)
  public var allWords = false
  public var minimumWords = 1
  public var fuzziness = TextFuzziness.none
  public var isLastPrefix = false

  public init(_ fields: [Field], _ text: String) { (self.fields, self.text) = (fields, text) }
}

/// Words that stand one after another, with at most `slop` moves between them.
public struct TextPhrase: Equatable, Sendable {
  public var field: String
  public var text: String
  public var slop = 0
  /// The last word is the beginning of a word.
  public var isLastPrefix = false

  public init(_ field: String, _ text: String) { (self.field, self.text) = (field, text) }
}

/// How many edits a word may be away: insertions, deletions, substitutions, and swaps of neighbours.
public enum TextFuzziness: Equatable, Sendable {
  case none
  /// By the word's length in characters: none up to 2, one up to 5, then two.
  case auto
  /// At most two.
  case edits(Int)
}

public struct TextBool: Equatable, Sendable {
  public var must: [TextExpression] = []
  public var should: [TextExpression] = []
  public var filter: [TextExpression] = []
  public var mustNot: [TextExpression] = []
  /// How many of `should` must match; nil: one when there is neither `must` nor `filter`, else none.
  public var minimumShould: Int?

  public init() {}
}

/// A query's score, multiplied by functions of the document.
public struct TextFunctionScore: Equatable, Sendable {
  public enum Function: Equatable, Sendable {
    public enum Modifier: Equatable, Sendable { case none, log1p, ln1p, sqrt, square, reciprocal }

    case weight(Double)
    /// modifier(factor × cell); `missing` where there is no value.
    case column(String, factor: Double, modifier: Modifier, missing: Double)
    /// exp(-(max(0, |cell - origin| - offset))² / 2σ²), 'decay' at `scale` from `offset`.
    case gaussColumn(String, origin: Double, scale: Double, offset: Double, decay: Double)
    case gaussDistance(GeoPoint, scaleMetres: Double, offsetMetres: Double, decay: Double)
  }

  public enum Combination: Equatable, Sendable { case multiply, sum, average, first, max, min }
  public enum BoostMode: Equatable, Sendable { case multiply, replace, sum, average, max, min }

  public var query: TextExpression
  /// Each with the documents that it is for; nil: all.
  public var functions: [(filter: TextExpression?, function: Function)]
  public var scoreMode = Combination.multiply
  public var boostMode = BoostMode.multiply

  public init(_ query: TextExpression, _ functions: [(TextExpression?, Function)]) {
    self.query = query
    self.functions = functions.map { (filter: $0.0, function: $0.1) }
  }

  public static func == (left: Self, right: Self) -> Bool {
    left.query == right.query && left.scoreMode == right.scoreMode
      && left.boostMode == right.boostMode
      && left.functions.elementsEqual(right.functions) {
        $0.filter == $1.filter && $0.function == $1.function
      }
  }
}
