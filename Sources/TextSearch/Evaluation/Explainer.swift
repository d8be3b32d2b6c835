// Explainer: how a document's score comes about, as a tree in the shape of the plan.
//
// Each part is found by binding its part of the plan anew and looking at the document's window, by the same
// code as the search: an explanation cannot disagree with the score.

/// A score, what it is, and what it was made from.
public struct ScoreExplanation: Equatable, Sendable {
  public var value: Double
  public var description: String
  public var details: [ScoreExplanation]

  public init(_ value: Double, _ description: String, _ details: [ScoreExplanation] = []) {
    self.value = value
    self.description = description
    self.details = details
  }
}

struct Explainer {
  private let state: IndexState
  private let plan: QueryPlan
  private let scales: [FieldScale]

  init(_ request: TextRequest, _ state: IndexState) throws(TextError) {
    var compiler = QueryCompiler(state)
    plan = try compiler.compile(request.expression)
    scales = compiler.scales
    self.state = state
  }

  /// The document's place in the state.
  private struct Spot {
    var view: LiveSegment
    var segment: Int
    var document: Int
  }

  func explain(_ ordinal: UInt32) -> ScoreExplanation? {
    let place = state.places[ordinal]
    guard place != 0,
      let segment = state.segments.firstIndex(where: {
        $0.segment.number == Place.segment(place)
      })
    else { return nil }
    return explain(
      plan,
      Spot(
        view: state.segments[segment], segment: segment, document: Place.document(place)))
  }

  /// The plan's score of the document; nil when it does not match.
  private func score(_ plan: QueryPlan, _ spot: Spot) -> Double? {
    let binder = SegmentBinder(spot.view, at: spot.segment, scales, SearchScratch())
    guard let node = binder.bind(plan, isScored: true) else { return nil }
    let buffer = binder.scratch.makeBuffer()
    let start = spot.document / Window.documents * Window.documents
    guard node.evaluate(Window(start: start, count: spot.view.segment.count), buffer) else {
      return nil
    }
    let slot = spot.document - start
    guard buffer.bits[slot >> 6] >> UInt64(slot & 63) & 1 == 1 else { return nil }
    return Double(buffer.scores[slot])
  }

  private func explain(_ plan: QueryPlan, _ spot: Spot) -> ScoreExplanation? {
    guard let value = score(plan, spot) else { return nil }
    switch plan {
    case .words(let words):
      return ScoreExplanation(value, "sum of words:", words.words.compactMap { word($0, spot) })
    case .phrase(let phrase):
      return ScoreExplanation(
        value, "phrase in \(name(phrase.field)), idf of its words \(phrase.idf)")
    case .best(let plans, let tie):
      return ScoreExplanation(
        value, tie > 0 ? "best of, plus \(tie) times the others:" : "best of:",
        plans.compactMap { explain($0, spot) })
    case .sum(let plans):
      return ScoreExplanation(value, "sum of:", plans.compactMap { explain($0, spot) })
    case .bool(let bool):
      return ScoreExplanation(
        value, "sum of:", (bool.must + bool.should).compactMap { explain($0, spot) })
    case .function(let function):
      let query = explain(function.query, spot)
      return ScoreExplanation(
        value, "score changed by \(function.functions.count) functions of:",
        query.map { [$0] } ?? [])
    case .constant, .all, .lists, .cells, .exists, .keys, .area, .nothing:
      return ScoreExplanation(value, "constant score of a filter")
    }
  }

  private func name(_ field: Int) -> String { state.schema.fields[field].name }

  private func word(_ word: WordsPlan.Word, _ spot: Spot) -> ScoreExplanation? {
    let alone = QueryPlan.words(WordsPlan(words: [word], minimum: 1))
    guard let value = score(alone, spot) else { return nil }
    let lists = word.lists.compactMap { list($0, spot) }
    if lists.count == 1, lists[0].value == value { return lists[0] }
    return ScoreExplanation(value, "best reading of a word:", lists)
  }

  private func list(_ list: WordsPlan.List, _ spot: Spot) -> ScoreExplanation? {
    let alone = QueryPlan.words(WordsPlan(words: [.init(lists: [list])], minimum: 1))
    let field = spot.view.segment.fields[list.field]
    guard let value = score(alone, spot), let term = list.places.number(in: spot.segment) else {
      return nil
    }
    let count = withUnsafeTemporaryAllocation(
      of: UInt32.self, capacity: 2 * Postings.blockDocuments
    ) { memory -> UInt32 in
      guard let scratch = memory.baseAddress else { return 0 }
      var cursor = PostingsCursor(field.postings, term: term, scratch: scratch)
      cursor.seek(UInt32(spot.document))
      return cursor.count
    }
    let text = String(decoding: list.term, as: UTF8.self)
    let length = Norm.length(ofNorm: field.norms[spot.document])
    return ScoreExplanation(
      value, "\(name(list.field)):\(text)",
      [
        ScoreExplanation(list.boost, "boost"), ScoreExplanation(list.idf, "idf"),
        ScoreExplanation(Double(count), "times in the field"),
        ScoreExplanation(Double(length), "length of the field"),
      ])
  }
}
