// Reading a log while it is appended to. A reader takes the list of segments as it is, with the
// durable end of each, and reads with its own buffer; it waits for nobody and nobody waits for it.

import Bytes
import Disk

extension FileCommitLog {
  /// Bytes read at a time; a larger frame is read on its own.
  private static let windowBytes = 256 << 10

  /// Calls `body` with each entry from `start` to the durable end, in order. Throws
  /// `LogError.released` when `start` is gone, also when it goes while it is being read, and whatever
  /// `body` throws.
  public func read(from start: LSN, _ body: (borrowing LogEntry) throws -> Void) throws {
    let segments = shared.withLock { $0.segments }
    guard let oldest = segments.first, start >= oldest.header.firstLSN else {
      throw LogError.released(start)
    }
    for segment in segments where segment.nextLSN > start {
      try read(segment, from: start, body)
    }
  }

  private func read(
    _ segment: LogSegment, from start: LSN, _ body: (borrowing LogEntry) throws -> Void
  ) throws {
    var window: [UInt8] = []
    var base = segment.start(for: start)
    var offset = 0
    var expected: LSN?
    while base + offset < segment.end {
      guard let frame = FrameHeader.valid(&window, at: offset, seed: segment.seed) else {
        try refill(&window, segment, at: base + offset, isSecond: offset == 0 && !window.isEmpty)
        base += offset
        offset = 0
        continue
      }
      guard expected == nil || frame.firstLSN == expected, let next = frame.nextLSN else {
        throw damage(segment, base + offset, "frame out of order")
      }
      expected = next
      guard next <= segment.nextLSN else {
        throw damage(segment, base + offset, "frame beyond LSN \(segment.nextLSN)")
      }
      if frame.kind == FrameKind.group.rawValue && next > start {
        let from = offset + FrameHeader.byteCount
        do {
          try LogEntryCodec.decodeGroup(
            window.span.bytes.extracting(from..<from + frame.payloadBytes),
            firstLSN: frame.firstLSN, count: Int(frame.transactionCount)
          ) { entry in
            if entry.lsn >= start { try body(entry) }
          }
        } catch let error as DecodeError {
          throw damage(segment, base + offset, "\(error)")
        }
      }
      offset += frame.frameBytes
      if frame.kind == FrameKind.seal.rawValue { break }
    }
    // Of a segment that was not walked at opening only the beginning of the next one is known.
    guard expected == nil || expected == segment.nextLSN else {
      throw damage(segment, base + offset, "the segment ends before LSN \(segment.nextLSN)")
    }
  }

  /// Reads the window again from `position`: a whole frame at least. Asked twice for the same place,
  /// the frame there is bad.
  private func refill(
    _ window: inout [UInt8], _ segment: LogSegment, at position: Int, isSecond: Bool
  ) throws {
    if isSecond { throw damage(segment, position, "no valid frame") }
    let rest = segment.end - position
    window = try bytes(of: segment, min(rest, Self.windowBytes), at: position)
    let claimed = FrameHeader.claimedBytes(window)
    if claimed > window.count, claimed <= rest {
      window = try bytes(of: segment, claimed, at: position)
    }
    if window.isEmpty { throw damage(segment, position, "the file ends") }
  }

  private func bytes(
    of segment: LogSegment, _ count: Int, at position: Int
  ) throws(LogError) -> [UInt8] {
    do throws(DiskError) {
      return try segment.file.read(count, at: UInt64(position)) ?? []
    } catch {
      throw damage(segment, position, "\(error)")
    }
  }

  /// Damage, unless the segment was released and used again under the reader.
  private func damage(_ segment: LogSegment, _ offset: Int, _ reason: String) -> LogError {
    if segment.header.firstLSN < oldestLSN { return .released(segment.header.firstLSN) }
    return LogError.corrupt(file: segment.path, offset: UInt64(offset), reason: reason)
  }
}

// MARK: Followers

extension FileCommitLog {
  public func whenDurable(_ lsn: LSN, _ body: @escaping @Sendable (Bool) -> Void) {
    // The appender stores `durableLSN` before it takes this lock: it is seen here, or we are there.
    let answer = waiters.withLock { waiters -> Bool? in
      if durableLSN >= lsn { return true }
      if waiters.isOver { return false }
      waiters.waiting.append((lsn, body))
      return nil
    }
    if let answer { body(answer) }
  }

  func wakeWaiting() {
    let durable = durableLSN
    let woken = waiters.withLock { waiters -> [(lsn: LSN, body: @Sendable (Bool) -> Void)] in
      guard !waiters.waiting.isEmpty else { return [] }
      let woken = waiters.waiting.filter { $0.lsn <= durable }
      if !woken.isEmpty { waiters.waiting.removeAll { $0.lsn <= durable } }
      return woken
    }
    for waiter in woken { waiter.body(true) }
  }

  func endWaiting() {
    let woken = waiters.withLock { waiters in
      waiters.isOver = true
      defer { waiters.waiting = [] }
      return waiters.waiting
    }
    for waiter in woken { waiter.body(waiter.lsn <= durableLSN) }
  }

  public func retainedBytes(from lsn: LSN) -> UInt64 {
    shared.withLock { shared in
      shared.segments.dropLast().reduce(0) { $0 + ($1.nextLSN > lsn ? $1.header.segmentBytes : 0) }
    }
  }
}
