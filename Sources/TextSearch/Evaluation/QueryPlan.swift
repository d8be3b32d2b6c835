// QueryPlan: an expression with everything resolved that does not depend on a segment: words to terms
// and weights, names to columns. A plan is bound to one segment after another (`bind`).
//
// BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009) as Lucene computes it:
//
//   idf(t)      = ln(1 + (N - n + 0.5) / (n + 0.5))   N documents have the field, n of them the term
//   part(t, d)  = w - w / (1 + count / (k1 * (1 - b + b * length / meanLength)))   w = boost * idf
//
// with the length of the document's norm. Everything is a function of the standing documents alone and
// is added in the plan's order, so a score has the same bits in any layout of segments. The form of the
// part, unlike the textbook's fraction, never falls in floating point when the count grows or the length
// shrinks: a block's bound bounds each of its scores.

import Glibc

indirect enum QueryPlan {
  case nothing
  case all(score: Float)
  case words(WordsPlan)
  case phrase(PhrasePlan)
  /// Documents on any of the lists.
  case lists(ListsPlan, score: Float)
  case cells(CellReader<Int64>, ClosedRange<Int64>, score: Float)
  case exists(ExistsPlan, score: Float)
  case keys([[UInt8]], score: Float)
  case area(GeoCells, score: Float)
  /// The best score, plus `tie` times the others'.
  case best([QueryPlan], tie: Float)
  case sum([QueryPlan])
  case bool(BoolPlan)
  case constant(QueryPlan, score: Float)
  case function(FunctionPlan)
}

/// Words of a text; each is one or more postings lists, of which a document counts the best.
struct WordsPlan {
  struct List {
    var field: Int
    var term: [UInt8]
    var places: TermPlaces
    var weight: Float
    /// For the explanation.
    var idf: Double
    var boost: Double
  }

  struct Word {
    var lists: [List]
    /// Of the lists that are not the best.
    var tie: Float = 0
  }

  var words: [Word]
  /// How many of the words a document needs.
  var minimum: Int
}

/// Words at given distances.
struct PhrasePlan {
  struct Word {
    /// From the first word.
    var offset: UInt32
    var terms: [[UInt8]]
  }

  var field: Int
  var words: [Word]
  var slop: UInt32
  var weight: Float
  var idf: Double
}

struct ListsPlan {
  enum Source {
    case field(Int)
    case keyword(Int)
  }

  enum Choice {
    case values([[UInt8]])
    case prefix([UInt8])
  }

  var source: Source
  var choice: Choice
}

enum ExistsPlan {
  case field(Int)
  case keyword(Int)
  case place
}

struct BoolPlan {
  var must: [QueryPlan]
  var should: [QueryPlan]
  var filter: [QueryPlan]
  var mustNot: [QueryPlan]
  var minimumShould: Int
}

struct FunctionPlan {
  enum Function {
    case weight(Double)
    case column(
      CellReader<Int64>, factor: Double, modifier: TextFunctionScore.Function.Modifier,
      missing: Double)
    /// exp(-max(0, |value - origin| - offset)² / spread), a cell or metres from a place.
    case gaussColumn(CellReader<Int64>, origin: Double, offset: Double, spread: Double)
    case gaussDistance(GeoPoint, offset: Double, spread: Double)
  }

  var query: QueryPlan
  var functions: [(filter: QueryPlan?, function: Function)]
  var scoreMode: TextFunctionScore.Combination
  var boostMode: TextFunctionScore.BoostMode
  var boost: Double

  static func naturalLogarithm(_ value: Double) -> Double { log(value) }
}

/// What scores of one field have in common.
struct FieldScale {
  static let k1 = 1.2
  static let b = 0.75

  let documents: Int
  /// By norm: one over k1 * (1 - b + b * length / meanLength).
  let inverse: Frozen<Float>

  init(_ statistics: FieldStatistics) {
    documents = statistics.documents
    let mean = Double(statistics.terms) / Double(max(1, statistics.documents))
    inverse = Frozen(
      (0...255).map { norm in
        let length = Double(Norm.length(ofNorm: UInt8(norm)))
        return Float(1 / (Self.k1 * (1 - Self.b + (mean > 0 ? Self.b * length / mean : 0))))
      })
  }

  static func idf(documents: Int, frequency: Int) -> Double {
    log(1 + (Double(max(documents, frequency) - frequency) + 0.5) / (Double(frequency) + 0.5))
  }
}
