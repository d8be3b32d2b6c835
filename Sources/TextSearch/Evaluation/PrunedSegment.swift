// PrunedSegment: the best hits of a text query in a segment, without looking at what cannot be one of them
// (MAXSCORE: Turtle and Flood, "Query evaluation: strategies and optimizations", 1995, with a bound for
// each block of postings).
//
// In a window each list has a bound: the score of its blocks' largest count at their least norm. A document's
// score is at most the sum of its lists' bounds, whatever way the plan combines them, as no way gives more
// than the sum. Lists whose bounds together stay below the worst hit that is kept do not make a hit by
// themselves: only documents of the other lists are looked at, and of those only the ones whose partial
// score and the bounds of the rest reach so far. Each of these is then scored in full.
//
// Invariant: `score` does, for one document, the additions and comparisons of the nodes of the plan in
// their order and in the same precision, so a pruned search gives the same bits as one that looks at
// everything. A window in which nothing can be left out is evaluated by the nodes themselves.

import Kernels

/// The part of a plan that can be pruned: words, of which one is enough, and sums and bests of them.
indirect enum PrunablePlan {
  case words([WordsPlan.Word])
  case best([PrunablePlan], tie: Float)
  case sum([PrunablePlan])

  /// Nil for other plans.
  init?(_ plan: QueryPlan) {
    switch plan {
    case .words(let words):
      guard words.minimum == 1 else { return nil }
      self = .words(words.words)
    case .best(let plans, let tie):
      let parts = plans.compactMap { PrunablePlan($0) }
      guard parts.count == plans.count else { return nil }
      self = .best(parts, tie: tie)
    case .sum(let plans):
      let parts = plans.compactMap { PrunablePlan($0) }
      guard parts.count == plans.count else { return nil }
      self = .sum(parts)
    default: return nil
    }
  }
}

final class PrunedSegment {
  private struct List {
    /// Collects the documents of windows, and looks up single ones.
    var cursor: PostingsCursor
    var lookup: PostingsCursor
    let norms: UnsafePointer<UInt8>
    let inverse: UnsafePointer<Float>
    let weight: Float
    /// The first block that is not before the present window.
    var block = 0
    var bound: Float = 0
  }

  /// The plan with the lists that are in the segment by number.
  private indirect enum Node {
    case words([(lists: Range<Int>, tie: Float)])
    case best([Node], tie: Float)
    case sum([Node])
  }

  private let view: LiveSegment
  private var lists: [List] = []
  private var root = Node.sum([])
  private var order: [Int] = []
  private let buffer: WindowBuffer
  private let enough: UnsafeMutablePointer<UInt64>
  private let parts: UnsafeMutablePointer<Float>
  /// Added to sums of bounds, for their rounding is not that of the scores.
  private static let slack = 1 + 1e-5

  /// When pruning pays; answers do not depend on it.
  struct Costs {
    /// In smaller segments the nodes are as quick.
    var documentsLeast = 1 << 18
    /// Postings that must be spared for each that is scored, or the nodes are as quick.
    var worthwhile = 3
    /// Postings that the nodes score in the time of one lookup, which unpacks a block.
    var lookup = 40
  }

  private let costs: Costs

  init(_ plan: PrunablePlan, _ binder: SegmentBinder, _ costs: Costs) {
    self.costs = costs
    view = binder.view
    buffer = binder.scratch.makeBuffer()
    enough = binder.scratch.makeBits()
    parts = binder.scratch.make(Float.self, Postings.blockDocuments)
    root = bind(plan, binder)
    order = Array(lists.indices)
  }

  private func bind(_ plan: PrunablePlan, _ binder: SegmentBinder) -> Node {
    switch plan {
    case .best(let plans, let tie): return .best(plans.map { bind($0, binder) }, tie: tie)
    case .sum(let plans): return .sum(plans.map { bind($0, binder) })
    case .words(let words):
      return .words(
        words.map { word in
          let start = lists.count
          for list in word.lists { add(list, binder) }
          return (start..<lists.count, word.tie)
        })
    }
  }

  private func add(_ list: WordsPlan.List, _ binder: SegmentBinder) {
    let field = binder.segment.fields[list.field]
    guard let term = field.terms.find(list.term) else { return }
    func cursor() -> PostingsCursor {
      PostingsCursor(
        field.postings, term: term,
        scratch: binder.scratch.make(UInt32.self, 2 * Postings.blockDocuments))
    }
    lists.append(
      List(
        cursor: cursor(), lookup: cursor(), norms: field.norms.base,
        inverse: binder.scales[list.field].inverse.base, weight: list.weight))
  }

  // MARK: Windows

  /// Offers the window's possible hits to `ranking`, and lifts `maximum` to their best score; false, and
  /// nothing is done, where none can be left out.
  func collect(
    _ window: Window, _ ranking: inout Ranking, _ maximum: inout Float, _ index: Int
  ) -> Bool {
    let least = ranking.leastScore
    guard least > 0 else { return false }
    for list in lists.indices { lists[list].bound = bound(list, window) }
    order.sort { lists[$0].bound < lists[$1].bound }
    // The lists that together stay below the least score.
    var rest = 0.0
    var idle = 0
    while idle < order.count {
      let sum = rest + Double(lists[order[idle]].bound)
      guard sum * Self.slack < Double(least) else { break }
      rest = sum
      idle += 1
    }
    guard idle > 0 else { return false }
    if idle == order.count { return true }
    let work = postings(order[idle...], window)
    let spared = postings(order[..<idle], window)
    guard work * costs.worthwhile < spared else { return false }
    buffer.clearBits()
    buffer.clearScores()
    for list in order[idle...] { accumulate(list, window) }
    let needed = Float((Double(least) - rest * Self.slack) / Self.slack / Self.slack)
    kernels_at_least(buffer.scores, Window.documents, max(0, needed), enough)
    let words = min(Window.words, view.live.count - window.start / 64)
    var candidates = 0
    for word in 0..<words {
      buffer.bits[word] &= enough[word] & view.live[window.start / 64 + word]
      candidates += buffer.bits[word].nonzeroBitCount
    }
    guard candidates * lists.count * costs.lookup < work + spared else { return false }
    for word in 0..<words {
      forEachBit(buffer.bits[word], word) { slot in
        let document = window.start + slot
        let score = score(root, UInt32(document))
        guard score >= ranking.leastScore else { return }
        maximum = max(maximum, score)
        ranking.offer(
          Ranking.Row(
            ordinal: view.segment.ordinals[document], score: score, segment: index,
            document: document))
      }
    }
    return true
  }

  /// No score of the list in the window is above; zero when it has no document there.
  private func bound(_ index: Int, _ window: Window) -> Float {
    lists.withUnsafeMutableBufferPointer { lists in
      let cursor = lists[index].lookup
      var block = lists[index].block
      while block < cursor.blockCount, cursor.last(ofBlock: block) < UInt32(window.start) {
        block += 1
      }
      lists[index].block = block
      var most: Float = 0
      while block < cursor.blockCount {
        let bound = cursor.bound(ofBlock: block)
        let weight = lists[index].weight
        let score =
          bound.count == Postings.countUnbounded
          ? weight
          : weight - weight / (1 + Float(bound.count) * lists[index].inverse[Int(bound.norm)])
        most = max(most, score)
        // Later blocks begin after this one's end.
        if cursor.last(ofBlock: block) >= UInt32(window.end) { break }
        block += 1
      }
      return most
    }
  }

  /// About how many postings of some lists the window has.
  private func postings(_ chosen: ArraySlice<Int>, _ window: Window) -> Int {
    let all = chosen.reduce(0) { $0 + lists[$1].cursor.frequency }
    return all * (window.end - window.start) / max(1, view.segment.count)
  }

  private func accumulate(_ index: Int, _ window: Window) {
    lists.withUnsafeMutableBufferPointer { lists in
      lists[index].cursor.seek(UInt32(window.start))
      while true {
        let (first, count) = lists[index].cursor.take(before: UInt32(window.end))
        guard count > 0 else { return }
        let documents = lists[index].cursor.documents + first
        kernels_scores(
          documents, lists[index].cursor.counts + first, count, lists[index].norms,
          lists[index].inverse, lists[index].weight, parts)
        kernels_scatter_add(
          documents, parts, count, UInt32(window.start), buffer.scores, buffer.bits)
        lists[index].cursor.refill()
      }
    }
  }

  // MARK: Documents

  /// What the nodes of the plan would score.
  private func score(_ node: Node, _ document: UInt32) -> Float {
    switch node {
    case .words(let words):
      var sum: Float = 0
      for word in words { sum += score(word.lists, word.tie, document) }
      return sum
    case .sum(let nodes):
      var sum: Float = 0
      for node in nodes { sum += score(node, document) }
      return sum
    case .best(let nodes, let tie):
      var (best, sum): (Float, Float) = (0, 0)
      for node in nodes {
        let score = score(node, document)
        best = max(best, score)
        sum += score
      }
      return tie > 0 ? best + tie * (sum - best) : best
    }
  }

  private func score(_ range: Range<Int>, _ tie: Float, _ document: UInt32) -> Float {
    var (best, sum): (Float, Float) = (0, 0)
    for index in range {
      let score = part(index, document)
      best = max(best, score)
      sum += score
    }
    return tie > 0 && range.count > 1 ? best + tie * (sum - best) : best
  }

  private func part(_ index: Int, _ document: UInt32) -> Float {
    lists.withUnsafeMutableBufferPointer { lists in
      lists[index].lookup.seek(document)
      guard !lists[index].lookup.isAtEnd, lists[index].lookup.document == document else {
        return 0
      }
      let factor = lists[index].inverse[Int(lists[index].norms[Int(document)])]
      let weight = lists[index].weight
      let product = Float(lists[index].lookup.count) * factor
      return weight - weight / (1 + product)
    }
  }
}
