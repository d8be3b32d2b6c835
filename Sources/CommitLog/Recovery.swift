// Recovery: what opening a log finds, and what it does about it. The code below is this table.
//
// First of all (R0) every segment and the folder are synced, so that nothing is believed that only
// the page cache holds. X is the offset of the first thing that is not the next frame of a segment,
// n the LSN expected there, E the highest LSN that a checkpoint knows to be durable.
//
//     found                                                             decision
//  1  a read error                                                      refuse: corrupt
//  2  no segment; a bad header; a size that is not the header's         refuse: corrupt
//  3  a header of another database, of a newer version                  refuse: foreign, newerFormat
//  4  not the last segment, and no seal at X                            refuse: corrupt
//  5  a segment whose first LSN or chain is not its predecessor's end   refuse: corrupt
//  6  a valid frame at X that is out of chain or order                  refuse: corrupt
//  7  last segment, nothing valid at X, a valid frame of it behind X    refuse: corrupt
//  8  last segment ends before E (n <= E)                               refuse: corrupt
//  9  last segment is sealed                                            go on in a new segment
// 10  last segment, only zeros from X on                                go on at X
// 11  last segment, anything else from X on, entries before X           seal at X, go on in a new one
// 12  last segment, anything else from X on, no entry before X          replace it by a new segment
//
// Why 7 tells a tear from damage: one write is under way at a time, so a frame is written only after
// the one before it was synced. Rows 1 to 8 change no byte. A crash within 9 to 12 leaves one of the
// states 9 to 12 again; the new segment has its name only when it is complete.
// Before 9 to 11 the last frame (of an empty segment the header) is written again, with the same
// bytes, and synced: a sync that failed just before the process died left it in the cache only,
// marked clean, and R0 could not tell.

import Bytes
import Disk

/// What opening a log found and did.
public struct LogRecoveryReport: Equatable, Sendable {
  public enum Decision: String, Sendable {
    /// Row 10: nothing was under way.
    case wentOn
    /// Row 9.
    case startedAfterSeal
    /// Row 11: the tail was sealed off.
    case sealedOff
    /// Row 12: an empty segment was replaced.
    case replaced
  }

  public var segments = 0
  public var frames = 0
  public var entries: UInt64 = 0
  public var durableLSN = LSN.zero
  public var decision = Decision.wentOn
  /// Bytes that the torn frame claims; 0 when none can be made out, as after a clean stop.
  public var tornBytes = 0
  /// Whether the last byte of the torn frame was there: the tear is in its middle then.
  public var hasClosingByte = false
}

struct Recovery {
  static let advice =
    ". Nothing was changed. Look at it with `tools/read-log.py`, then restore a backup"

  let disk: any Disk
  let folder: String
  let databaseID: UUIDv7
  var report = LogRecoveryReport()
  var segments: [LogSegment] = []
  /// The scan of the last segment.
  var tail: SegmentScan?
  /// The bytes to write again: the last frame, or the header.
  var rewrite: (offset: Int, bytes: [UInt8]) = (0, [])
  var highestEpoch: UInt64 = 0

  init(disk: any Disk, folder: String, databaseID: UUIDv7) {
    self.disk = disk
    self.folder = folder
    self.databaseID = databaseID
  }

  /// Rows 1 to 12 up to the decision; changes no byte.
  mutating func decide(evidence: LSN) throws(LogError) {
    var files: [(path: String, file: any DiskFile)] = []
    do {
      for name in try disk.list(folder) where LogFileName.firstLSN(name) != nil {
        let path = folder + "/" + name
        files.append((path, try disk.open(path, mode: .readWrite)))
      }
      for (_, file) in files { try file.sync() }
      try disk.syncDirectory(folder)
    } catch {
      throw .disk("\(error)")
    }
    guard let last = files.last else {
      throw .corrupt(file: folder, offset: 0, reason: "the log has no segment" + Self.advice)
    }
    for (path, file) in files {
      try walk(path, file, isLast: path == last.path, evidence: evidence)
    }
    report.segments = segments.count
    report.durableLSN = LSN((tail?.nextLSN.rawValue ?? 1) - 1)
  }

  private mutating func walk(
    _ path: String, _ file: any DiskFile, isLast: Bool, evidence: LSN
  ) throws(LogError) {
    var bytes = try Self.content(of: file)
    let header = try SegmentHeader.decode(bytes, file: path)
    guard header.databaseID == databaseID else {
      throw .foreign(file: path, reason: "it belongs to database \(header.databaseID)")
    }
    func corrupt(_ offset: Int, _ reason: String) -> LogError {
      .corrupt(file: path, offset: UInt64(offset), reason: reason + Self.advice)
    }
    guard header.segmentBytes == UInt64(bytes.count) else {
      throw corrupt(0, "the file has \(bytes.count) bytes, its header says \(header.segmentBytes)")
    }
    guard header.firstLSN.rawValue > 0, path.hasSuffix(LogFileName.segment(header.firstLSN)) else {
      throw corrupt(0, "the header's first LSN \(header.firstLSN) is not the file's name")
    }
    guard header.epoch > 0, header.epoch < .max else {
      throw corrupt(32, "epoch \(header.epoch)")
    }
    if let tail, tail.nextLSN != header.firstLSN || tail.chain != header.chainIn {
      throw corrupt(
        0, "the segment does not follow the one before, which ends at LSN \(tail.nextLSN)")
    }
    let scan = SegmentScan(&bytes, header: header)
    if case .misplaced(let reason) = scan.stop { throw corrupt(scan.end, reason) }
    if !isLast && scan.stop != .sealed {
      throw corrupt(scan.end, "no valid frame and no seal, but a later segment exists")
    }
    if isLast {
      if scan.stop == .noFrame, let proof = scan.evidence(in: &bytes) {
        throw corrupt(
          scan.end, "no valid frame for LSN \(scan.nextLSN), but a valid one behind it at \(proof)")
      }
      guard evidence < scan.nextLSN else {
        throw corrupt(
          scan.end, "no valid frame for LSN \(scan.nextLSN), but LSN \(evidence) is in a checkpoint"
        )
      }
      decideTail(scan, bytes)
    }
    report.frames += scan.frames
    report.entries += scan.entries
    highestEpoch = max(highestEpoch, header.epoch)
    segments.append(LogSegment(path: path, file: file, scan: scan))
    tail = scan
  }

  private mutating func decideTail(_ scan: SegmentScan, _ bytes: [UInt8]) {
    if let range = scan.lastFrame {
      rewrite = (range.lowerBound, Array(bytes[range]))
    } else {
      rewrite = (0, Array(bytes[..<SegmentHeader.byteCount]))
    }
    if scan.stop == .sealed {
      report.decision = .startedAfterSeal
    } else if bytes[scan.end...].allSatisfy({ $0 == 0 }) {
      report.decision = .wentOn
    } else {
      report.decision = scan.entries > 0 ? .sealedOff : .replaced
      if let torn = FrameHeader.plausible(bytes, at: scan.end), torn.firstLSN == scan.nextLSN {
        report.tornBytes = torn.frameBytes
        report.hasClosingByte = bytes[scan.end + torn.frameBytes - 1] == FrameHeader.closingByte
      }
    }
  }

  /// Row 1: a read error is damage, never a tear.
  static func content(of file: any DiskFile) throws(LogError) -> [UInt8] {
    do throws(DiskError) {
      let size = try file.size()
      guard let count = Int(exactly: size), count <= Int(UInt32.max),
        let bytes = try file.read(count, at: 0)
      else {
        throw DiskError(.inputOutput(0), call: "read", path: file.path)
      }
      return bytes
    } catch {
      if error.kind == .crashed { throw .disk("\(error)") }
      throw .corrupt(file: file.path, offset: 0, reason: "\(error)" + advice)
    }
  }
}
