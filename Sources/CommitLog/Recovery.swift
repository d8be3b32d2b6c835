// Recovery: what opening a log finds, and what it does about it. The code below is this table.
//
// First of all (R0) every segment and the folder are synced, so that nothing is believed that only
// the page cache holds. X is the offset of the first thing that is not the next frame of a segment,
// n the LSN expected there, E the highest LSN that a checkpoint knows to be durable.
// Segments that hold nothing beyond the checkpoint that the owner goes on from are not walked: they
// are asked rows 2 and 3 only. Whoever reads them finds their damage, or that one is missing.
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
  /// Frames of the segments that were walked.
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

  /// A segment of which only the header was read.
  private struct Candidate {
    var check: SegmentCheck
    var file: any DiskFile
    var header: SegmentHeader
  }

  /// Rows 1 to 12 up to the decision; changes no byte.
  mutating func decide(evidence: LSN, applied: LSN) throws(LogError) {
    let candidates = try openAll()
    var end: SegmentEnd?
    for (candidate, next) in zip(candidates, candidates.dropFirst().map(\.header) + [nil]) {
      if let end { try candidate.check.order(candidate.header, after: end) }
      // A header's first LSN is at least 1.
      if let next, next.firstLSN.rawValue - 1 <= applied.rawValue {
        add(
          LogSegment(
            path: candidate.file.path, file: candidate.file, unread: candidate.header,
            nextLSN: next.firstLSN))
        end = nil
      } else {
        end = try walk(candidate, isLast: next == nil, evidence: evidence)
      }
    }
    report.segments = segments.count
    report.durableLSN = LSN((tail?.nextLSN.rawValue ?? 1) - 1)
  }

  private func openAll() throws(LogError) -> [Candidate] {
    var files: [any DiskFile] = []
    do throws(DiskError) {
      for name in try disk.list(folder) where LogFileName.firstLSN(name) != nil {
        files.append(try disk.open(folder + "/" + name, mode: .readWrite))
      }
      for file in files { try file.sync() }
      try disk.syncDirectory(folder)
    } catch {
      throw .disk("\(error)")
    }
    guard !files.isEmpty else {
      throw .corrupt(file: folder, offset: 0, reason: "the log has no segment")
    }
    var candidates: [Candidate] = []
    for file in files {
      let check = SegmentCheck(path: file.path, databaseID: databaseID)
      let (bytes, size) = try Self.head(of: file)
      let header = try check.header(bytes, fileBytes: size)
      candidates.append(Candidate(check: check, file: file, header: header))
    }
    return candidates
  }

  private mutating func walk(
    _ candidate: Candidate, isLast: Bool, evidence: LSN
  ) throws(LogError) -> SegmentEnd {
    var bytes = try Self.content(of: candidate.file, candidate.header)
    let scan = SegmentScan(&bytes, header: candidate.header)
    try candidate.check.frames(scan, &bytes, isLast: isLast, evidence: evidence)
    if isLast { decideTail(scan, bytes) }
    add(LogSegment(path: candidate.file.path, file: candidate.file, scan: scan))
    return SegmentEnd(nextLSN: scan.nextLSN, chain: scan.chain)
  }

  private mutating func add(_ segment: LogSegment) {
    segments.append(segment)
    report.frames += segment.frames
    report.entries += segment.nextLSN.rawValue - segment.header.firstLSN.rawValue
    highestEpoch = max(highestEpoch, segment.header.epoch)
  }

  private mutating func decideTail(_ scan: SegmentScan, _ bytes: [UInt8]) {
    if let range = scan.lastFrame {
      rewrite = (range.lowerBound, Array(bytes[range]))
    } else {
      rewrite = (0, Array(bytes[..<SegmentHeader.byteCount]))
    }
    let end = SegmentTail(scan, bytes)
    report.decision = end.decision
    report.tornBytes = end.tornBytes
    report.hasClosingByte = end.hasClosingByte
    tail = scan
  }

  /// Row 1: a read error is damage, never a tear.
  static func head(of file: any DiskFile) throws(LogError) -> (bytes: [UInt8], size: UInt64) {
    do throws(DiskError) {
      let size = try file.size()
      let count = Int(min(size, UInt64(SegmentHeader.byteCount)))
      return (try file.read(count, at: 0) ?? [], size)
    } catch {
      throw .unreadable(file.path, error)
    }
  }

  /// All of a segment whose header has been checked.
  static func content(
    of file: any DiskFile, _ header: SegmentHeader
  ) throws(LogError) -> [UInt8] {
    do throws(DiskError) {
      if let bytes = try file.read(Int(header.segmentBytes), at: 0) { return bytes }
    } catch {
      throw .unreadable(file.path, error)
    }
    throw .corrupt(file: file.path, offset: 0, reason: "the file became shorter while it was read")
  }
}

extension LogError {
  static func unreadable(_ path: String, _ error: DiskError) -> LogError {
    if error.kind == .crashed { return .disk("\(error)") }
    return .corrupt(file: path, offset: 0, reason: "\(error)")
  }
}
