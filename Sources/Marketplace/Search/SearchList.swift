// SearchList: the hits of a search in the order in which they are told, a page at a time: three lists of
// the index as one.
//
//   pinned   each at its place, or as soon after as it can be found; past the end of the others, at the end
//   ordered  all others in the search's own order
//   buried   behind them, in the same order
//
// Invariants
// 1. The three have no product in common, and together are what the expression matches: the total and
//    the counts are of exactly the hits of all pages.
// 2. A page tells what was not told before it: cursors carry the place in each list (SearchPlace).

import TextSearch

struct SearchList {
  let index: TextSnapshot
  /// Without a place to begin; its limit is the page's.
  let request: TextRequest
  var pins: [(position: Int, key: [UInt8])] = []
  var buried: [[UInt8]] = []

  struct Page {
    var hits: [TextHit] = []
    /// Where the next page begins; nil at the end.
    var next: SearchPlace?
    var total = 0
    /// Pinned hits that none of the words is in.
    var withoutWords = 0
    var aggregations: [TextAggregationResult] = []
  }

  func page(after place: SearchPlace) throws -> Page {
    var ordered = request
    // One more than is shown tells whether there is more.
    ordered.limit = place.isBuried ? 0 : request.limit + 1
    ordered.after = place.isBuried ? nil : place.position
    let apart = pins.map(\.key) + buried
    if !apart.isEmpty {
      var others = TextBool()
      others.mustNot = [.keys(apart)]
      ordered.postFilter = .bool(others)
    }
    let main = try run(ordered)
    var page = Page()
    page.aggregations = main.aggregations
    page.total = main.total ?? 0
    let pinned = try pinnedHits()
    page.total += pinned.count
    page.withoutWords = pinned.count { $0.hit.score == 0 }
    var tail: [TextHit] = []
    if !buried.isEmpty {
      var asked = only(buried)
      asked.limit = request.limit + 1
      asked.after = place.isBuried ? place.position : nil
      let found = try run(asked)
      tail = found.hits
      page.total += found.total ?? 0
    }
    merge(main.hits[...], pinned, tail[...], place, &page)
    return page
  }

  private func merge(
    _ ordered: ArraySlice<TextHit>, _ pinned: [(position: Int, hit: TextHit)],
    _ tail: ArraySlice<TextHit>, _ place: SearchPlace, _ page: inout Page
  ) {
    var (ordered, tail, place) = (ordered, tail, place)
    var waiting = pinned.filter { !place.pinned.contains($0.hit.ordinal) }[...]
    while !waiting.isEmpty || !ordered.isEmpty || !tail.isEmpty {
      guard page.hits.count < request.limit else {
        page.next = place
        return
      }
      place.told += 1
      if let pin = waiting.first,
        pin.position <= place.told || (ordered.isEmpty && tail.isEmpty)
      {
        waiting.removeFirst()
        place.pinned.append(pin.hit.ordinal)
        page.hits.append(pin.hit)
        continue
      }
      place.isBuried = ordered.isEmpty
      if let hit = ordered.popFirst() ?? tail.popFirst() {
        place.position = hit.position
        page.hits.append(hit)
      }
    }
  }

  /// Those that pass the filters, by rising places.
  private func pinnedHits() throws -> [(position: Int, hit: TextHit)] {
    guard !pins.isEmpty else { return [] }
    var asked = only(pins.map(\.key))
    asked.limit = pins.count
    let hits = try run(asked).hits
    return pins.compactMap { pin in
      hits.first { $0.key == pin.key }.map { (pin.position, $0) }
    }
  }

  /// The request for some of its matches, without counts.
  private func only(_ keys: [[UInt8]]) -> TextRequest {
    var part = request
    part.aggregations = []
    if case .bool(var bool) = part.expression {
      bool.filter.append(.keys(keys))
      part.expression = .bool(bool)
    }
    return part
  }

  private func run(_ request: TextRequest) throws -> TextResponse {
    do {
      return try index.search(request)
    } catch {
      throw MarketError(.invalidInput, "The search cannot be answered: \(error).")
    }
  }
}
