// SegmentScan: walks a segment's frames from its header to the first thing that is not the next frame.

import Bytes

struct SegmentScan {
  enum Stop: Equatable {
    /// A seal: nothing after it belongs to the log.
    case sealed
    /// No valid frame at `end`: the end of the log, a tear or damage.
    case noFrame
    /// A valid frame at `end` that cannot be there.
    case misplaced(String)
  }

  /// Where to start reading for an LSN, one for every stretch of a segment.
  struct Mark: Sendable {
    var lsn: LSN
    var offset: Int
  }

  static let markEvery = 64 << 10

  var header: SegmentHeader
  var stop = Stop.noFrame
  /// Frames in place, the seal included.
  var frames = 0
  var end = SegmentHeader.byteCount
  var nextLSN: LSN
  /// Hash of the last frame in place.
  var chain: UInt64
  var lastFrame: Range<Int>?
  var lastKind: FrameKind?
  var lastTime: Timestamp
  var marks: [Mark] = []

  var entries: UInt64 { nextLSN.rawValue - header.firstLSN.rawValue }

  init(
    _ bytes: inout [UInt8], header: SegmentHeader, each: (Int, FrameHeader) -> Void = { _, _ in }
  ) {
    self.header = header
    nextLSN = header.firstLSN
    chain = header.chainIn
    lastTime = header.created
    let seed = header.seed
    while stop != .sealed, let frame = FrameHeader.valid(&bytes, at: end, seed: seed) {
      guard accept(frame, bytes) else { return }
      each(end, frame)
      lastFrame = end..<end + frame.frameBytes
      end += frame.frameBytes
    }
  }

  private mutating func accept(_ frame: FrameHeader, _ bytes: [UInt8]) -> Bool {
    func refuse(_ reason: String) -> Bool {
      stop = .misplaced(reason)
      return false
    }
    guard let kind = FrameKind(rawValue: frame.kind) else {
      return refuse("frame of unknown kind \(frame.kind)")
    }
    guard frame.previousHash == chain else {
      return refuse("frame is not chained to the one before")
    }
    guard frame.firstLSN == nextLSN, let next = frame.nextLSN else {
      return refuse("frame has LSN \(frame.firstLSN), expected \(nextLSN)")
    }
    guard (kind == .group) == (frame.transactionCount > 0) else {
      return refuse("frame has an impossible transaction count")
    }
    if kind == .seal {
      var reader = ByteReader(bytes.span.bytes)
      guard (try? reader.skip(end + FrameHeader.byteCount)) != nil,
        (try? reader.u64()) == nextLSN.rawValue &- 1, (try? reader.u64()) == UInt64(frames)
      else { return refuse("seal does not count what it seals") }
      stop = .sealed
    }
    if marks.last.map({ end - $0.offset >= Self.markEvery }) ?? true {
      marks.append(Mark(lsn: nextLSN, offset: end))
    }
    frames += 1
    nextLSN = next
    chain = frame.hash
    lastKind = kind
    lastTime = frame.time
    return true
  }

  /// The offset of a valid frame of this segment behind `end`: as one write is under way at a time,
  /// it proves that what stood at `end` had been synced.
  func evidence(in bytes: inout [UInt8]) -> Int? {
    let seed = header.seed
    var offset = end + 8
    let span = UInt64(bytes.count)
    while offset < bytes.count {
      // The cheap questions first: frames of the file's earlier life are never hashed.
      if let frame = FrameHeader.plausible(bytes, at: offset), frame.firstLSN >= nextLSN,
        frame.firstLSN.rawValue - nextLSN.rawValue <= span,
        FrameHeader.valid(&bytes, at: offset, seed: seed) != nil
      {
        return offset
      }
      offset += 8
    }
    return nil
  }
}
