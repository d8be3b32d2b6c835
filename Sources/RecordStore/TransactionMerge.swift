// OverlayMerge: walks a transaction's new entries of one tree beside a scan of the tree, so that the
// caller sees one ordered sequence: new values for old ones, new keys between them, deleted keys not
// at all.

import Bytes

struct OverlayMerge {
  private let overlay: TransactionOverlay
  private let tree: UInt32
  private let range: KeyRange
  private let reverse: Bool
  /// The next new entry; in reverse the one before it is next.
  private var position: TransactionOverlay.Position
  private var isStopped = false

  init(_ overlay: TransactionOverlay, _ tree: UInt32, _ range: KeyRange, reverse: Bool) {
    self.overlay = overlay
    self.tree = tree
    self.range = range
    self.reverse = reverse
    if !reverse {
      position = overlay.lowerBound(tree, range.lower).position
    } else if let upper = range.upper {
      position = overlay.lowerBound(tree, upper).position
    } else {
      position = overlay.end(of: tree)
    }
  }

  /// The tree's scan has come to `key`: visits the new entries before it, then it or its new value.
  mutating func visit(
    _ key: RawSpan, _ value: RawSpan,
    _ body: (_ key: RawSpan, _ value: RawSpan) throws(StoreError) -> ScanStep
  ) throws(StoreError) -> ScanStep {
    while let entry = peek() {
      let order = Self.compare(entry.key, key)
      if reverse ? order < 0 : order > 0 { break }
      advance()
      if let new = entry.value, try body(entry.key.span.bytes, new.span.bytes) == .stop {
        isStopped = true
        return .stop
      }
      if order == 0 { return .next }
    }
    let step = try body(key, value)
    isStopped = step == .stop
    return step
  }

  /// The tree's scan is over: visits the new entries that are left.
  mutating func finish(
    _ body: (_ key: RawSpan, _ value: RawSpan) throws(StoreError) -> ScanStep
  ) throws(StoreError) {
    while !isStopped, let entry = peek() {
      advance()
      if let value = entry.value, try body(entry.key.span.bytes, value.span.bytes) == .stop {
        return
      }
    }
  }

  private mutating func peek() -> TransactionOverlay.Entry? {
    if reverse {
      if position.index == 0 {
        guard position.chunk > 0 else { return nil }
        position.chunk -= 1
        position.index = overlay.chunks[position.chunk].count
      }
      let entry = overlay.chunks[position.chunk][position.index - 1]
      return entry.tree < tree || entry.key.isBelow(range.lower) ? nil : entry
    }
    guard position.chunk < overlay.chunks.count else { return nil }
    if position.index == overlay.chunks[position.chunk].count {
      position.chunk += 1
      position.index = 0
      guard position.chunk < overlay.chunks.count else { return nil }
    }
    let entry = overlay.chunks[position.chunk][position.index]
    guard entry.tree == tree else { return nil }
    if let upper = range.upper, !entry.key.isBelow(upper) { return nil }
    return entry
  }

  private mutating func advance() { position.index += reverse ? -1 : 1 }

  private static func compare(_ key: [UInt8], _ span: RawSpan) -> Int {
    span.withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress else { return key.count }
      return key.withBorrowedBytes {
        BorrowedBytes.compare($0, BorrowedBytes(start: start, count: buffer.count))
      }
    }
  }
}
