// Search: one request over one state, segment by segment and window by window: first the window's
// matches and their scores, then the counts over all of them, then the best hits.

import Kernels

struct Search {
  private let state: IndexState
  private let request: TextRequest
  private let plan: QueryPlan
  private let postFilter: QueryPlan?
  /// Set where only the best hits are wanted.
  private let pruning: Pruning?
  private let scales: [FieldScale]
  private let isScored: Bool
  private var ranking: Ranking
  private var collectors: [any AggregationCollector]
  private var total = 0
  private var maximumScore: Float = -1
  private let scratch = SearchScratch()
  private let documents: UnsafeMutablePointer<UInt32>
  private let ordinals: UnsafeMutablePointer<UInt32>
  private let scores: UnsafeMutablePointer<Float>

  init(
    _ request: TextRequest, _ state: IndexState, _ collectors: [any AggregationCollector] = []
  ) throws(TextError) {
    guard (0...TextLimits.window).contains(request.limit) else {
      throw .limitOutOfRange(request.limit)
    }
    let window = request.limit.addingReportingOverflow(request.offset)
    guard request.offset >= 0, !window.overflow, window.partialValue <= TextLimits.window else {
      throw .limitOutOfRange(request.offset)
    }
    self.state = state
    self.request = request
    self.collectors = collectors
    var compiler = QueryCompiler(state)
    plan = try compiler.compile(request.expression)
    postFilter = try request.postFilter.map { expression throws(TextError) in
      try compiler.compile(expression)
    }
    scales = compiler.scales
    let wantsOnlyHits =
      !request.countsTotal && collectors.isEmpty && request.postFilter == nil
      && request.minimumScore == nil && request.sort.first == .score(descending: true)
    pruning = wantsOnlyHits ? Pruning() : nil
    ranking = try Ranking(
      request.sort, limit: window.partialValue, after: request.after, origin: request.origin,
      state)
    isScored = true
    documents = scratch.make(UInt32.self, Window.documents)
    ordinals = scratch.make(UInt32.self, Window.documents)
    scores = scratch.make(Float.self, Window.documents)
  }

  mutating func run() -> TextResponse {
    for (index, view) in state.segments.enumerated() { search(view, index) }
    var results: [TextAggregationResult] = []
    for index in collectors.indices { results.append(collectors[index].finish()) }
    return TextResponse(
      hits: ranking.finish(skipping: request.offset),
      total: pruning?.hasLeftOut == true ? nil : total,
      maximumScore: maximumScore >= 0 ? Double(maximumScore) : nil, aggregations: results)
  }

  private mutating func search(_ view: LiveSegment, _ index: Int) {
    let binder = SegmentBinder(view, at: index, scales, scratch)
    guard let root = binder.bind(plan, isScored: isScored) else { return }
    let filter = postFilter.map { binder.bind($0, isScored: false) }
    let segment = SegmentColumns(view: view, index: index)
    ranking.begin(segment)
    for index in collectors.indices { collectors[index].begin(segment) }
    let buffer = scratch.makeBuffer()
    let count = view.segment.count
    if let pruning { root.prune(by: pruning) }
    for start in stride(from: 0, to: count, by: Window.documents) {
      let window = Window(start: start, count: count)
      pruning?.least = ranking.leastScore
      guard root.evaluate(window, buffer) else { continue }
      keepLive(view, window, buffer)
      if let least = request.minimumScore { keep(atLeast: least, buffer) }
      if !collectors.isEmpty {
        let block = block(window, buffer, view.segment)
        guard block.count > 0 else { continue }
        for index in collectors.indices { collectors[index].collect(block) }
        if filter == nil {
          finish(block)
          continue
        }
      }
      if let filter {
        guard let filter else { continue }
        filter.restrict(window, buffer.bits, binder.spare)
      }
      finish(window, buffer, view.segment)
    }
    for index in collectors.indices { collectors[index].end() }
  }

  private func keepLive(_ view: LiveSegment, _ window: Window, _ buffer: WindowBuffer) {
    guard view.deadCount > 0 else { return }
    let first = window.start / 64
    for word in 0..<min(Window.words, view.live.count - first) {
      buffer.bits[word] &= view.live[first + word]
    }
  }

  private func keep(atLeast least: Double, _ buffer: WindowBuffer) {
    for word in 0..<Window.words {
      var kept = buffer.bits[word]
      forEachBit(buffer.bits[word], word) { slot in
        if Double(buffer.scores[slot]) < least { kept &= ~(1 << UInt64(slot & 63)) }
      }
      buffer.bits[word] = kept
    }
  }

  /// The window's matches side by side.
  private func block(
    _ window: Window, _ buffer: WindowBuffer, _ segment: Segment
  ) -> DocumentBlock {
    var count = 0
    let own = segment.ordinals.base + window.start
    let start = UInt32(window.start)
    for word in 0..<Window.words {
      forEachBit(buffer.bits[word], word) { slot in
        documents[count] = start + UInt32(slot)
        ordinals[count] = own[slot]
        scores[count] = buffer.scores[slot]
        count += 1
      }
    }
    return DocumentBlock(
      documents: UnsafeBufferPointer(start: documents, count: count),
      ordinals: UnsafeBufferPointer(start: ordinals, count: count),
      scores: UnsafeBufferPointer(start: scores, count: count))
  }

  /// Takes the window's best. Where the score comes first, what is below the worst that is kept is only
  /// counted; the greatest score is never below it.
  private mutating func finish(_ window: Window, _ buffer: WindowBuffer, _ segment: Segment) {
    var matches = 0
    for word in 0..<Window.words { matches += buffer.bits[word].nonzeroBitCount }
    if ranking.isByScore {
      kernels_keep_at_least(
        buffer.scores, buffer.bits, Window.words, max(0, ranking.leastScore))
    }
    let best = block(window, buffer, segment)
    finish(best)
    total += matches - best.count
  }

  private mutating func finish(_ block: DocumentBlock) {
    total += block.count
    for score in block.scores where score > maximumScore { maximumScore = score }
    ranking.offer(block)
  }
}
