// TextSnapshot: the index frozen at one LSN. Here is a query; give me the hits.

import CommitLog
import Views

public final class TextSnapshot: ViewSnapshot {
  let state: IndexState

  init(_ state: IndexState) { self.state = state }

  public var lsn: LSN { state.appliedLSN }
  public var digest: Digest { state.digest }
  /// Number of live documents.
  public var documentCount: Int { state.documentCount }
  public var segmentCount: Int { state.segments.count }

  /// Bytes that the segments' arrays hold.
  public var segmentBytes: Int { state.segments.reduce(0) { $0 + $1.segment.sizeBytes } }

  /// A cell of a numeric column; zero where nothing was said. Nil for a column that is not there.
  public func value(_ column: String, of ordinal: UInt32) -> Int64? {
    state.schema.column(column).map { state.columns[$0][ordinal] }
  }

  public func search(_ query: TextQuery) throws(TextError) -> TextResult {
    var search = try Search(query, state)
    return search.run()
  }

  /// The parts of a document's score, in the order of summation; empty when it has none of the
  /// query's words or is not there. The score is the highest field's.
  public func explain(_ ordinal: UInt32, _ query: TextQuery) throws(TextError) -> [ScorePart] {
    let place = state.places[ordinal]
    guard place != 0 else { return [] }
    let search = try Search(query, state)
    let number = Place.segment(place)
    let document = Place.document(place)
    guard let view = state.segments.first(where: { $0.segment.number == number }) else { return [] }
    var parts: [ScorePart] = []
    for (index, field) in view.segment.fields.enumerated() {
      for (number, term) in search.scorer.terms.enumerated() {
        guard let rank = field.terms.find(term.bytes[...]) else { continue }
        for posting in field.postings(of: rank) where field.documents[posting] == document {
          parts.append(
            search.scorer.explain(
              field: index, term: number, frequency: field.frequencies[posting],
              length: field.lengths[document], name: state.schema.fields[index].name))
        }
      }
    }
    return parts
  }
}

/// One term's share of one field's score.
public struct ScorePart: Equatable, Sendable {
  public var field: String
  public var term: String
  /// Times the term stands in the field, and the field's number of terms.
  public var frequency: UInt32
  public var length: UInt32
  public var inverseDocumentFrequency: Double
  /// Boost included.
  public var score: Double
}
