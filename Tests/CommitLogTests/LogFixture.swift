// What the log's tests share: a small log on a simulated disk, entries from a seed, and reading all.

import Bytes
import CommitLog
import Disk

enum Fixture {
  static let folder = "log"
  static let databaseID = UUIDv7(high: 0x0190_0000_0000_7abc, low: 0x8000_0000_0000_0001)
  static let time = Timestamp(microseconds: 1_790_000_000_000_000)

  static func options(_ segmentBytes: Int = 16 << 10) -> FileCommitLog.Options {
    var options = FileCommitLog.Options()
    options.segmentBytes = segmentBytes
    return options
  }

  static func create(_ disk: any Disk, _ segmentBytes: Int = 16 << 10) throws -> FileCommitLog {
    let log = try FileCommitLog.create(
      disk: disk, folder: folder, databaseID: databaseID, options: options(segmentBytes),
      time: time)
    try disk.syncDirectory("")
    return log
  }

  static func open(
    _ disk: any Disk, evidence: LSN = .zero, _ segmentBytes: Int = 16 << 10
  ) throws -> (log: FileCommitLog, report: LogRecoveryReport) {
    try FileCommitLog.open(
      disk: disk, folder: folder, databaseID: databaseID, options: options(segmentBytes),
      evidence: evidence, time: time)
  }

  /// Entry `lsn` is a function of its number: any reader can tell what it must be.
  static func entry(_ lsn: UInt64, valueBytes: Int? = nil) -> LogEntry {
    var random = SplitMix64(seed: lsn)
    let count = valueBytes ?? Int.random(in: 0..<300, using: &random)
    let value = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    let operation: Operation =
      switch lsn % 4 {
      case 0: .event(stream: UInt32(lsn), payload: value)
      case 1: .put(table: 7, key: key(lsn), value: value, before: nil)
      case 2: .put(table: .max, key: [], value: value, before: [0, 1, 2])
      default: .delete(table: 0, key: value, before: lsn % 8 == 3 ? [] : nil)
      }
    return LogEntry(
      lsn: LSN(lsn), time: Timestamp(microseconds: Self.time.microseconds + Int64(lsn)),
      requestID: UUIDv7(high: lsn, low: ~lsn), operations: lsn % 5 == 0 ? [] : [operation])
  }

  static func group(_ lsns: ClosedRange<UInt64>, valueBytes: Int? = nil) -> [LogEntry] {
    lsns.map { entry($0, valueBytes: valueBytes) }
  }

  static func all(_ log: FileCommitLog, from start: LSN? = nil) throws -> [LogEntry] {
    var entries: [LogEntry] = []
    try log.read(from: start ?? log.oldestLSN) { entries.append(copy $0) }
    return entries
  }
}
