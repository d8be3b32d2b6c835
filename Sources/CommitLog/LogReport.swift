// What LogInspector says of a log, as plain values: to be printed as text and as JSON.

import Bytes

/// One file of a log's folder.
public struct LogFileInfo: Equatable, Sendable {
  public enum Kind: String, Sendable {
    case segment
    /// Ready to become a segment.
    case spare
    /// A spare that was being made; the next opening removes it.
    case unfinished
  }

  public enum HeaderState: Equatable, Sendable {
    case sound
    case damaged
    case foreign
    case newerFormat(UInt32)
  }

  public var name: String
  public var kind: Kind
  /// Size of the file.
  public var bytes: UInt64
  /// What follows is said of segments only.
  public var headerState = HeaderState.sound
  /// Nil when the header is not sound.
  public var header: SegmentHeader?
  /// By the file's name.
  public var firstLSN: LSN?
  /// The last commit in place; one less than `firstLSN` when there is none, nil without a header.
  public var lastLSN: LSN?
  /// Frames in place, ticks and the seal included.
  public var frames = 0
  /// Bytes up to the end of the last frame in place.
  public var usedBytes = 0
  public var isSealed = false

  init(name: String, kind: Kind, bytes: UInt64) {
    self.name = name
    self.kind = kind
    self.bytes = bytes
  }

  mutating func note(_ scan: SegmentScan) {
    lastLSN = LSN(scan.nextLSN.rawValue - 1)
    frames = scan.frames
    usedBytes = scan.end
    isSealed = scan.stop == .sealed
  }
}

extension LogFileInfo.HeaderState {
  init(_ error: LogError, header: SegmentHeader?) {
    switch error {
    case .newerFormat(_, let version): self = .newerFormat(version)
    case .foreign: self = .foreign
    default: self = header == nil ? .damaged : .sound
    }
  }
}

/// A frame in place.
public struct LogFrameInfo: Equatable, Sendable {
  public var file: String
  public var offset: UInt64
  public var bytes: Int
  public var kind: FrameKind
  /// Written by a recovery, over a torn tail.
  public var isSealOfRecovery: Bool
  public var firstLSN: LSN
  public var transactions: Int
  /// Of its last commit.
  public var time: Timestamp
  public var hash: UInt64

  init(_ header: FrameHeader, file: String, offset: Int) {
    self.file = file
    self.offset = UInt64(offset)
    bytes = header.frameBytes
    // A frame in place has a kind that is known.
    kind = FrameKind(rawValue: header.kind) ?? .group
    isSealOfRecovery = kind == .seal && header.flags & FrameHeader.sealedByRecovery != 0
    firstLSN = header.firstLSN
    transactions = Int(header.transactionCount)
    time = header.time
    hash = header.hash
  }
}

/// One thing that is wrong with a log.
public struct LogFinding: Equatable, Sendable, CustomStringConvertible {
  public enum Kind: String, Sendable {
    case corrupt, foreign, newerFormat
  }

  /// Inside the log's folder.
  public var file: String
  public var offset: UInt64
  public var kind: Kind
  public var reason: String

  init(file: String, offset: UInt64, kind: Kind, reason: String) {
    self.file = file
    self.offset = offset
    self.kind = kind
    self.reason = reason
  }

  init(_ error: LogError, file: String) {
    switch error {
    case .corrupt(_, let offset, let reason):
      self.init(file: file, offset: offset, kind: .corrupt, reason: reason)
    case .foreign(_, let reason):
      self.init(file: file, offset: 16, kind: .foreign, reason: reason)
    case .newerFormat(_, let version):
      self.init(
        file: file, offset: 8, kind: .newerFormat,
        reason: "written in format version \(version), newer than \(SegmentHeader.formatVersion)")
    case .released, .groupTooLarge, .disk:
      self.init(file: file, offset: 0, kind: .corrupt, reason: "\(error)")
    }
  }

  public var description: String { "\(file), byte \(offset): \(reason)" }
}

/// What stands behind the last frame of the last segment. None of it is damage.
public struct LogTail: Equatable, Sendable {
  public var file: String
  public var offset: UInt64
  public var nextLSN: LSN
  /// What an opening would do about it: rows 9 to 12 of the table in Recovery.swift.
  public var decision: LogRecoveryReport.Decision
  /// Bytes that a torn frame claims; 0 when none can be made out.
  public var tornBytes: Int

  init(_ tail: SegmentTail, _ scan: SegmentScan, file: String) {
    self.file = file
    offset = UInt64(scan.end)
    nextLSN = scan.nextLSN
    decision = tail.decision
    tornBytes = tail.tornBytes
  }
}

/// One step of a walk.
public enum LogItem: Equatable, Sendable {
  case file(LogFileInfo)
  case frame(LogFrameInfo)
  case entry(LogEntry)
  case finding(LogFinding)
  case tail(LogTail)
}

/// The proof of a log, or what stands against it.
public struct LogVerification: Equatable, Sendable {
  public var segments = 0
  public var bytes: UInt64 = 0
  public var frames = 0
  public var entries = 0
  public var operations = 0
  public var oldestLSN: LSN?
  /// Nil when the last segment has a finding.
  public var tail: LogTail?
  public var findings: [LogFinding] = []
  public var isSound: Bool { findings.isEmpty }
}
