// SegmentCheck: rows 2 to 8 of the table in Recovery.swift, asked of one segment. Recovery refuses by
// its answers, LogInspector reports them; so the two cannot disagree.

import Bytes

/// Where a segment ended, for the one behind it.
struct SegmentEnd {
  var nextLSN: LSN
  /// Hash of the last frame.
  var chain: UInt64
}

struct SegmentCheck {
  /// No segment is larger; a file that says so is not read.
  static let fileBytesMost: UInt64 = 1 << 30

  var path: String
  /// Nil: any database.
  var databaseID: UUIDv7?

  func corrupt(_ offset: Int, _ reason: String) -> LogError {
    .corrupt(file: path, offset: UInt64(offset), reason: reason)
  }

  /// Rows 2 and 3. `bytes` are the first of the file, `fileBytes` is its size.
  func header(_ bytes: [UInt8], fileBytes: UInt64) throws(LogError) -> SegmentHeader {
    let header = try SegmentHeader.decode(bytes, file: path)
    if let databaseID, header.databaseID != databaseID {
      throw .foreign(file: path, reason: "it belongs to database \(header.databaseID)")
    }
    guard header.segmentBytes == fileBytes, fileBytes <= Self.fileBytesMost else {
      throw corrupt(0, "the file has \(fileBytes) bytes, its header says \(header.segmentBytes)")
    }
    guard header.firstLSN.rawValue > 0, path.hasSuffix(LogFileName.segment(header.firstLSN)) else {
      throw corrupt(0, "the header's first LSN \(header.firstLSN) is not the file's name")
    }
    guard header.epoch > 0, header.epoch < .max else {
      throw corrupt(32, "epoch \(header.epoch)")
    }
    return header
  }

  /// Row 5.
  func order(_ header: SegmentHeader, after end: SegmentEnd) throws(LogError) {
    guard end.nextLSN == header.firstLSN, end.chain == header.chainIn else {
      throw corrupt(
        0, "the segment does not follow the one before, which ends at LSN \(end.nextLSN)")
    }
  }

  /// Rows 4 and 6 to 8: what a walk over the frames found.
  func frames(
    _ scan: SegmentScan, _ bytes: inout [UInt8], isLast: Bool, evidence: LSN
  ) throws(LogError) {
    if case .misplaced(let reason) = scan.stop { throw corrupt(scan.end, reason) }
    guard isLast else {
      if scan.stop == .sealed { return }
      throw corrupt(scan.end, "no valid frame and no seal, but a later segment exists")
    }
    if scan.stop == .noFrame, let proof = scan.evidence(in: &bytes) {
      throw corrupt(
        scan.end, "no valid frame for LSN \(scan.nextLSN), but a valid one behind it at \(proof)")
    }
    guard evidence < scan.nextLSN else {
      throw corrupt(
        scan.end, "no valid frame for LSN \(scan.nextLSN), but LSN \(evidence) is in a checkpoint")
    }
  }
}

/// What stands behind the last frame of the last segment: rows 9 to 12.
struct SegmentTail {
  var decision: LogRecoveryReport.Decision
  /// Bytes that the torn frame claims; 0 when none can be made out.
  var tornBytes = 0
  var hasClosingByte = false

  init(_ scan: SegmentScan, _ bytes: [UInt8]) {
    if scan.stop == .sealed {
      decision = .startedAfterSeal
    } else if Self.isZero(bytes, from: scan.end) {
      decision = .wentOn
    } else {
      decision = scan.entries > 0 ? .sealedOff : .replaced
      if let torn = FrameHeader.plausible(bytes, at: scan.end), torn.firstLSN == scan.nextLSN {
        tornBytes = torn.frameBytes
        hasClosingByte = bytes[scan.end + torn.frameBytes - 1] == FrameHeader.closingByte
      }
    }
  }

  /// Eight bytes at a time: the unused part of a segment is most of it.
  private static func isZero(_ bytes: [UInt8], from start: Int) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var offset = start
      // Safe: offset + 8 <= count.
      while offset <= buffer.count - 8 {
        guard buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self) == 0 else {
          return false
        }
        offset += 8
      }
      return buffer[min(offset, buffer.count)...].allSatisfy { $0 == 0 }
    }
  }
}
