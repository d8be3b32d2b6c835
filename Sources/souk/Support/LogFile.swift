// LogFile: log lines in a file that is rotated, so that a log can neither fill a disk nor hold up a
// request.
//
// Invariants
// 1. `write` never waits for the disk: lines go to a bounded buffer that a thread of its own empties.
//    What does not fit is counted, and the count is told in the log itself.
// 2. No file is longer than `bytesMax`, unless one line is; there are `filesMax` files at most: NAME,
//    NAME.1 (the newest of the old) … A line is never split.
// 3. A volume that refuses is told once on standard error; serving goes on, and so does the log when
//    the volume takes bytes again.

import Bytes
import Database
import Disk
import Server

package final class LogFile: Sendable {
  private struct Pending {
    var bytes: [UInt8] = []
    var dropped: UInt64 = 0
    /// Counts requests for everything to be written, and those that were met.
    var flushesWanted: UInt64 = 0
    var flushesDone: UInt64 = 0
    var mustReopen = false
    var isOver = false
  }

  private struct Work {
    var bytes: [UInt8]
    var dropped: UInt64
    var flushes: UInt64
    var mustReopen: Bool
    var isOver: Bool
  }

  /// Lines gather this long, so that a busy server writes ten times a second and not once a line.
  private static let gatherMillis = 100
  /// A buffer that grows beyond this is written at once.
  private static let eagerBytes = 64 << 10
  /// More than this is not held for a disk that does not keep up.
  private static let pendingBytesMax = 4 << 20

  private let pending = Monitor(Pending())
  private let worker: Worker

  /// Appends to the file of that name or makes it. Throws when neither can be done.
  package init(
    _ path: String, bytesMax: UInt64, filesMax: Int, disk: any Disk = PosixDisk()
  ) throws(DiskError) {
    var writer = LogFileWriter(
      disk: disk, path: path, bytesMax: max(1, bytesMax), filesMax: max(1, filesMax))
    try writer.open()
    let pending = pending
    let first = writer
    worker = Worker { Self.run(first, pending) }
  }

  package func write(_ line: String) {
    pending.signalIfNeeded { state in
      guard state.bytes.count + line.utf8.count < Self.pendingBytesMax else {
        state.dropped += 1
        return false
      }
      let wasEmpty = state.bytes.isEmpty
      let wasEager = state.bytes.count >= Self.eagerBytes
      state.bytes.append(contentsOf: line.utf8)
      state.bytes.append(UInt8(ascii: "\n"))
      return wasEmpty || (!wasEager && state.bytes.count >= Self.eagerBytes)
    }
  }

  /// Waits until every line that was handed over is in the file, or lost.
  package func flush() {
    let number = pending.signal { state -> UInt64 in
      state.flushesWanted += 1
      return state.flushesWanted
    }
    pending.wait { state in state.flushesDone >= number || state.isOver ? true : nil }
  }

  /// Opens the file anew, for programs that move it away.
  package func reopen() {
    pending.signal { $0.mustReopen = true }
    flush()
  }

  /// Writes what is left and ends the thread.
  package func close() {
    pending.signal { $0.isOver = true }
    worker.join()
  }

  private static func run(_ first: LogFileWriter, _ pending: Monitor<Pending>) {
    var writer = first
    while true {
      pending.wait { state in
        let hasWork = !state.bytes.isEmpty || state.dropped > 0 || isUrgent(state)
        return hasWork ? true : nil
      }
      _ = pending.wait(milliseconds: gatherMillis) { state in
        isUrgent(state) || state.bytes.count >= eagerBytes ? true : nil
      }
      let work = pending.withLock { state in
        let work = Work(
          bytes: state.bytes, dropped: state.dropped, flushes: state.flushesWanted,
          mustReopen: state.mustReopen, isOver: state.isOver)
        state.bytes = []
        state.dropped = 0
        state.mustReopen = false
        return work
      }
      if work.mustReopen { writer.closeFile() }
      writer.write(work.bytes, dropped: work.dropped)
      pending.signal { $0.flushesDone = work.flushes }
      if work.isOver { return writer.closeFile() }
    }
  }

  private static func isUrgent(_ state: Pending) -> Bool {
    state.flushesWanted > state.flushesDone || state.mustReopen || state.isOver
  }
}

/// The writing half; only the thread of its `LogFile` touches it.
private struct LogFileWriter: Sendable {
  let disk: any Disk
  let path: String
  let bytesMax: UInt64
  let filesMax: Int
  private var file: (any DiskFile)?
  private var size: UInt64 = 0
  private var lost: UInt64 = 0
  private var isFailing = false

  init(disk: any Disk, path: String, bytesMax: UInt64, filesMax: Int) {
    self.disk = disk
    self.path = path
    self.bytesMax = bytesMax
    self.filesMax = filesMax
  }

  mutating func open() throws(DiskError) {
    let file =
      try disk.exists(path)
      ? try disk.open(path, mode: .readWrite) : try disk.create(path)
    do throws(DiskError) { size = try file.size() } catch {
      file.close()
      throw error
    }
    self.file = file
  }

  mutating func closeFile() {
    file?.close()
    file = nil
  }

  mutating func write(_ bytes: [UInt8], dropped: UInt64) {
    lost += dropped
    var rest = bytes[...]
    do throws(DiskError) {
      if file == nil { try open() }
      if lost > 0 { try append(Array(Self.notice(of: lost).utf8)[...]) }
      lost = 0
      while !rest.isEmpty {
        let end = endOfWhatFits(rest)
        try append(rest[..<end])
        rest = rest[end...]
      }
      isFailing = false
    } catch {
      lost += UInt64(rest.lazy.filter { $0 == UInt8(ascii: "\n") }.count)
      closeFile()
      if !isFailing {
        StandardError.write("the log file cannot be written, and its lines are lost: \(error)")
      }
      isFailing = true
    }
  }

  private static func notice(of lost: UInt64) -> String {
    "{\"time\":\"\(Timestamp.now)\",\"level\":\"warning\",\"message\":\"log lines were lost\","
      + "\"lines\":\(lost)}\n"
  }

  /// The end of the last line that the file has room for, or of the first line.
  private func endOfWhatFits(_ lines: ArraySlice<UInt8>) -> Int {
    let room = Int(clamping: bytesMax > size ? bytesMax - size : 0)
    if lines.count <= room { return lines.endIndex }
    let newline = UInt8(ascii: "\n")
    if let last = lines.prefix(room).lastIndex(of: newline) { return last + 1 }
    return (lines.firstIndex(of: newline) ?? lines.endIndex - 1) + 1
  }

  private mutating func append(_ lines: ArraySlice<UInt8>) throws(DiskError) {
    let count = UInt64(lines.count)
    if size > 0, size + count > bytesMax { try rotate() }
    guard let file else { return }
    let result: Result<Void, DiskError> = lines.withUnsafeBytes { bytes in
      Result { () throws(DiskError) in try file.write(bytes, at: size) }
    }
    try result.get()
    size += count
  }

  private mutating func rotate() throws(DiskError) {
    closeFile()
    var number = filesMax - 1
    while number > 0 {
      let from = number == 1 ? path : "\(path).\(number - 1)"
      if try disk.exists(from) { try disk.rename(from, to: "\(path).\(number)") }
      number -= 1
    }
    if filesMax == 1 { try disk.remove(path) }
    try open()
  }
}
