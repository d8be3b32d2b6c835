// Scans: leaf by leaf, with one read section a leaf. Between two leaves only references and indexes
// are kept, never pointers, so that a slow scan does not hold up the cache.

import Bytes

extension TreeReader {
  /// Visits the pairs of `range` in key order, or in reverse, until `body` says stop. The spans are
  /// valid during the call.
  public func scan(
    _ range: KeyRange, reverse: Bool,
    _ body: (_ key: RawSpan, _ value: RawSpan) throws(StoreError) -> ScanStep
  ) throws(StoreError) {
    if root.isEmpty { return }
    if let upper = range.upper, !range.lower.isBelow(upper) { return }
    let keyBuffer = UnsafeMutableRawPointer.allocate(
      byteCount: KeyLimits.keyBytesMax, alignment: 16)
    defer { keyBuffer.deallocate() }
    var cursor = LeafCursor(pages: pages, root: root)
    var isFirst = true
    while try scanLeaf(&cursor, isFirst, range, reverse, keyBuffer, body) == .next {
      isFirst = false
    }
  }

  /// Moves to the next leaf and visits what of it lies in the range; stop at the range's end.
  private func scanLeaf(
    _ cursor: inout LeafCursor, _ isFirst: Bool, _ range: KeyRange, _ reverse: Bool,
    _ keyBuffer: UnsafeMutableRawPointer,
    _ body: (_ key: RawSpan, _ value: RawSpan) throws(StoreError) -> ScanStep
  ) throws(StoreError) -> ScanStep {
    let ticket = pages.beginReading()
    defer { pages.endReading(ticket) }
    let leaf: PageView
    if isFirst {
      leaf = try cursor.seek(reverse ? range.upper : range.lower)
    } else {
      guard let next = try cursor.advance(reverse: reverse) else { return .stop }
      leaf = next
    }
    let count = leaf.count
    let start = range.lower.withBorrowedBytes { leaf.search($0, from: 0).index }
    let end = range.upper?.withBorrowedBytes { leaf.search($0, from: 0).index } ?? count
    let prefix = leaf.prefix
    keyBuffer.copyMemory(from: prefix.start, byteCount: prefix.count)
    var index = reverse ? end - 1 : start
    while reverse ? index >= start : index < end {
      let suffix = leaf.suffix(index)
      var keyStart = suffix.start
      if prefix.count > 0 {
        (keyBuffer + prefix.count).copyMemory(from: suffix.start, byteCount: suffix.count)
        keyStart = UnsafeRawPointer(keyBuffer)
      }
      let key = UnsafeRawBufferPointer(start: keyStart, count: prefix.count + suffix.count)
      let step: ScanStep
      if leaf.isOverflow(index) {
        step = try Self.withPayload(leaf, index, pages) { (value) throws(StoreError) in
          try body(key.bytes, value)
        }
      } else {
        step = try body(key.bytes, leaf.payload(index).buffer.bytes)
      }
      if step == .stop { return .stop }
      index += reverse ? -1 : 1
    }
    return (reverse ? start > 0 : end < count) ? .stop : .next
  }
}

extension Array where Element == UInt8 {
  /// Order as byte strings.
  package func isBelow(_ other: [UInt8]) -> Bool {
    withBorrowedBytes { left in
      other.withBorrowedBytes { right in BorrowedBytes.compare(left, right) < 0 }
    }
  }
}

/// The way from the root to a leaf, as references and child indexes.
struct LeafCursor {
  private struct Step {
    var reference: PageReference
    var index: Int
  }

  private let pages: any PageReader
  private let root: TreeRoot
  private let size: Int
  /// Branches, the root first: steps[i] has level root.level - i.
  private var steps: [Step] = []

  init(pages: any PageReader, root: TreeRoot) {
    self.pages = pages
    self.root = root
    size = pages.pageSize
    steps.reserveCapacity(root.level)
  }

  /// Goes to the leaf of `key`, or to the last leaf.
  mutating func seek(_ key: [UInt8]?) throws(StoreError) -> PageView {
    steps.removeAll(keepingCapacity: true)
    return try descend(root.reference) { page in
      key?.withBorrowedBytes { page.childIndex(for: $0) } ?? page.count - 1
    }
  }

  /// Goes to the leaf after this one, or before it; nil at the end of the tree.
  mutating func advance(reverse: Bool) throws(StoreError) -> PageView? {
    while let step = steps.popLast() {
      let page = try TreeReader.page(
        step.reference, level: root.level - steps.count, size: size, pages)
      let index = reverse ? step.index - 1 : step.index + 1
      guard index >= 0, index < page.count else { continue }
      steps.append(Step(reference: step.reference, index: index))
      return try descend(page.child(index)) { reverse ? $0.count - 1 : 0 }
    }
    return nil
  }

  private mutating func descend(
    _ start: PageReference, _ choose: (PageView) -> Int
  ) throws(StoreError) -> PageView {
    var reference = start
    while true {
      let page = try TreeReader.page(
        reference, level: root.level - steps.count, size: size, pages)
      if page.isLeaf { return page }
      let index = choose(page)
      steps.append(Step(reference: reference, index: index))
      reference = page.child(index)
    }
  }
}
