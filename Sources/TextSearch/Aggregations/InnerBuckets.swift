// InnerBuckets: the aggregations inside each bucket of another. A block's documents are sorted by their
// buckets, and each bucket's collectors get theirs as a block of their own.
//
// Collectors of a bucket are made when it gets its first document, and hear of a segment only if they get
// one of its documents.

struct InnerBuckets {
  /// A document of a block, by its place there, and one of the buckets that it is in.
  struct Entry {
    var bucket: Int
    var place: Int
  }

  private struct Bucket {
    var collectors: [any AggregationCollector] = []
    var count = 0
    var isOpen = false
    /// Where its entries end in the block's sorted entries.
    var end = 0
  }

  private let plans: [AggregationPlan]
  private let run: AggregationRun
  private var buckets: [Bucket] = []
  private var segment: SegmentColumns?
  private var open: [Int] = []
  private var documents: [UInt32] = []
  private var ordinals: [UInt32] = []
  private var scores: [Float] = []

  init(_ plans: [AggregationPlan], _ run: AggregationRun) {
    (self.plans, self.run) = (plans, run)
  }

  /// Whether there is nothing inside; then only counting is wanted, and nothing here need be called.
  var isEmpty: Bool { plans.isEmpty }

  mutating func begin(_ segment: SegmentColumns) { self.segment = segment }

  /// Entries stand in the order of their places; a document is in a bucket once.
  mutating func collect(_ block: DocumentBlock, _ entries: [Entry]) {
    guard let segment, !entries.isEmpty else { return }
    var touched: [Int] = []
    for entry in entries {
      while entry.bucket >= buckets.count { buckets.append(Bucket()) }
      if buckets[entry.bucket].count == 0 { touched.append(entry.bucket) }
      buckets[entry.bucket].count += 1
    }
    arrange(block, entries, touched)
    for bucket in touched {
      if !buckets[bucket].isOpen { begin(bucket, segment) }
      let end = buckets[bucket].end
      let range = end - buckets[bucket].count..<end
      buckets[bucket].count = 0
      documents.withUnsafeBufferPointer { documents in
        ordinals.withUnsafeBufferPointer { ordinals in
          scores.withUnsafeBufferPointer { scores in
            let part = DocumentBlock(
              documents: UnsafeBufferPointer(rebasing: documents[range]),
              ordinals: UnsafeBufferPointer(rebasing: ordinals[range]),
              scores: UnsafeBufferPointer(rebasing: scores[range]))
            for index in buckets[bucket].collectors.indices {
              buckets[bucket].collectors[index].collect(part)
            }
          }
        }
      }
    }
  }

  /// Sorts the entries' documents by their buckets, each bucket's in the block's order.
  private mutating func arrange(
    _ block: DocumentBlock, _ entries: [Entry], _ touched: [Int]
  ) {
    var end = 0
    for bucket in touched {
      buckets[bucket].end = end
      end += buckets[bucket].count
    }
    if documents.count < entries.count {
      documents = [UInt32](repeating: 0, count: entries.count)
      ordinals = documents
      scores = [Float](repeating: 0, count: entries.count)
    }
    for entry in entries {
      let to = buckets[entry.bucket].end
      buckets[entry.bucket].end += 1
      documents[to] = block.documents[entry.place]
      ordinals[to] = block.ordinals[entry.place]
      scores[to] = block.scores[entry.place]
    }
  }

  private mutating func begin(_ bucket: Int, _ segment: SegmentColumns) {
    if buckets[bucket].collectors.isEmpty {
      buckets[bucket].collectors = plans.map(run.collector)
    }
    for index in buckets[bucket].collectors.indices {
      buckets[bucket].collectors[index].begin(segment)
    }
    buckets[bucket].isOpen = true
    open.append(bucket)
  }

  mutating func end() {
    for bucket in open {
      for index in buckets[bucket].collectors.indices { buckets[bucket].collectors[index].end() }
      buckets[bucket].isOpen = false
    }
    open.removeAll(keepingCapacity: true)
    segment = nil
  }

  /// What is inside a bucket, if need be with nothing in it.
  mutating func finish(_ bucket: Int) -> [TextAggregationResult] {
    guard !plans.isEmpty else { return [] }
    var collectors =
      bucket < buckets.count && !buckets[bucket].collectors.isEmpty
      ? buckets[bucket].collectors : plans.map(run.collector)
    return collectors.indices.map { collectors[$0].finish() }
  }
}
