// TextSnapshot+words: advice on a question's spelling, and highlights of what a request matches, from the
// terms of the index.

extension TextSnapshot {
  /// What `text` may have meant, best first; none when its words are known. `field` should be one whose
  /// terms are words.
  public func advice(
    on text: String, field: String, limit: Int = 3
  ) throws(TextError) -> [TextAdvice] {
    guard let index = state.schema.fields.firstIndex(where: { $0.name == field }) else {
      throw .unknownField(field)
    }
    let source = FieldWords(state: state, field: index)
    return SpellingAdvice(source, analyser: state.schema.fields[index].analyser)
      .advice(on: text, limit: limit)
  }

  /// The best fragments of a document's texts (by the names of their fields), for the fields that the
  /// request wants highlighted and in which something was matched.
  public func highlights(
    of request: TextRequest, in texts: [String: String], escapesHTML: Bool = false
  ) throws(TextError) -> [String: [String]] {
    try highlights(of: request, inEach: [texts], escapesHTML: escapesHTML)[0]
  }

  /// The same for several documents; what the request looks for is found out once.
  public func highlights(
    of request: TextRequest, inEach documents: [[String: String]], escapesHTML: Bool = false
  ) throws(TextError) -> [[String: [String]]] {
    var highlights = [[String: [String]]](repeating: [:], count: documents.count)
    guard let style = request.highlight else { return highlights }
    var compiler = QueryCompiler(state)
    let plan = try compiler.compile(request.expression)
    for name in style.fields {
      guard let index = state.schema.fields.firstIndex(where: { $0.name == name }) else {
        throw .unknownField(name)
      }
      var matched = HighlightTerms()
      matched.add(plan, field: index)
      guard !matched.isEmpty else { continue }
      let analyser = state.schema.fields[index].analyser
      let highlighter = Highlighter(style, analyser: analyser, escapesHTML: escapesHTML)
      for (place, texts) in documents.enumerated() {
        guard let text = texts[name] else { continue }
        let fragments = highlighter.fragments(of: text, matching: matched)
        if !fragments.isEmpty { highlights[place][name] = fragments }
      }
    }
    return highlights
  }
}

/// The terms of one field over all segments.
private struct FieldWords: WordSource {
  let state: IndexState
  let field: Int

  func walks() -> [TermWalker] {
    state.segments.map { TermWalker($0.segment.fields[field].terms) }
  }

  func documents(with term: [UInt8]) -> Int { state.find(field, term).frequency }
}

extension HighlightTerms {
  /// Adds what the plan looks for in a field; not what it excludes.
  fileprivate mutating func add(_ plan: QueryPlan, field: Int) {
    switch plan {
    case .words(let words):
      for list in words.words.flatMap(\.lists) where list.field == field { terms.insert(list.term) }
    case .phrase(let phrase):
      guard phrase.field == field else { return }
      if phrase.slop > 0 {
        // Where the words may stand apart, each is shown where it stands.
        for word in phrase.words { terms.formUnion(word.terms) }
      } else {
        phrases.append(
          Phrase(words: phrase.words.map { (offset: $0.offset, terms: Set($0.terms)) }))
      }
    case .lists(let lists, _):
      guard case .field(field) = lists.source else { return }
      switch lists.choice {
      case .values(let values): terms.formUnion(values)
      case .prefix(let prefix): prefixes.append(prefix)
      }
    case .best(let plans, _), .sum(let plans):
      for plan in plans { add(plan, field: field) }
    case .bool(let bool):
      for plan in bool.must + bool.should + bool.filter { add(plan, field: field) }
    case .constant(let plan, _): add(plan, field: field)
    case .function(let function): add(function.query, field: field)
    case .nothing, .all, .cells, .exists, .keys, .area: break
    }
  }
}
