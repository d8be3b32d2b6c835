// The golden log: three small segments of format version 1, made by calls that never change. They are
// kept in DataFormats/golden/log-v1, and every version of the program must read them for ever.
//
//   first segment   every kind of operation, a tick, a seal
//   second          a frame torn by a crash, sealed off by the recovery
//   third           a used file with frames of its earlier life behind the last frame, a tick

import Bytes
import CommitLog
import Disk

enum GoldenLog {
  static let databaseID = UUIDv7(high: 0x0193_5a00_0000_7123, low: 0x8abc_def0_1234_5678)
  static let time = Timestamp(microseconds: 1_795_342_530_123_456)
  static let oldest: UInt64 = 15
  static let newest: UInt64 = 39
  static let files = [15, 29, 31].map { "000000000000000000\($0).log" }

  static func entry(_ lsn: UInt64) -> LogEntry {
    func bytes(_ count: UInt64) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: lsn &* 31 &+ $0 &* 7) }
    }
    let key = bytes(lsn % 17)
    let operations: [Operation] =
      switch lsn % 6 {
      case 0: [.put(table: 3, key: key, value: bytes(lsn * 9), before: nil)]
      case 1: [.put(table: 300, key: key, value: [], before: bytes(200))]
      case 2: [.delete(table: 3, key: key, before: nil), .event(stream: 1, payload: bytes(130))]
      case 3:
        [
          .delete(table: .max, key: key, before: bytes(5)),
          .put(table: 0, key: [], value: bytes(300), before: []),
        ]
      case 4: [.event(stream: 70_000, payload: bytes(250))]
      default: []
      }
    return LogEntry(
      lsn: LSN(lsn), time: Timestamp(microseconds: time.microseconds + Int64(lsn) * 1000),
      requestID: lsn % 2 == 0 ? .zero : UUIDv7(high: lsn << 32 | 0x7000, low: 1 << 63 | lsn),
      operations: operations)
  }

  static func entries(_ lsns: ClosedRange<UInt64>) -> [LogEntry] { lsns.map(entry) }

  static func open(_ disk: any Disk, _ folder: String) throws -> FileCommitLog {
    try FileCommitLog.open(
      disk: disk, folder: folder, databaseID: databaseID, options: Fixture.options(8 << 10),
      time: time
    ).log
  }

  /// Makes the log again, call by call.
  static func make() throws -> SimulatedDisk {
    let disk = SimulatedDisk()
    let log = try FileCommitLog.create(
      disk: disk, folder: "log", databaseID: databaseID, options: Fixture.options(8 << 10),
      time: time)
    try disk.syncDirectory("")
    for lsn in stride(from: 1, to: 31, by: 2) as StrideTo<UInt64> {
      try log.append(entries(lsn...lsn + 1))
      if lsn % 5 == 0 { try log.tick() }
    }
    try log.release(below: LSN(oldest))
    // The first half of a frame is on the disk when the machine stops.
    disk.fail(.write, with: .inputOutput(5), effect: .half)
    do { try log.append(entries(31...33)) } catch {}
    let after = disk.restart(keeping: .all)
    let again = try open(after, "log")
    for lsn in stride(from: 31, to: newest, by: 3) as StrideTo<UInt64> {
      try again.append(entries(lsn...lsn + 2))
    }
    try again.tick()
    // The last file was the first segment once.
    return after
  }
}
