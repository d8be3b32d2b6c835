// A segment as the tests see it: its frames found and changed by the format's description, with no
// code of the module, so that damage can be aimed and hashes made right again.

import Bytes
import CommitLog
import Disk

struct LogImage {
  struct Frame {
    var range: Range<Int>
    var kind: UInt16
    var firstLSN: UInt64
    var count: UInt32
  }

  static let headerBytes = 4096

  var bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The segment that takes the appends.
  static func last(of disk: SimulatedDisk) -> (path: String, image: LogImage) {
    let path = disk.files.last { $0.hasSuffix(".log") } ?? ""
    return (path, LogImage(disk.contents(path) ?? []))
  }

  static func segments(of disk: SimulatedDisk) -> [String] {
    disk.files.filter { $0.hasSuffix(".log") }
  }

  func number(_ offset: Int, _ width: Int) -> UInt64 {
    (0..<width).reversed().reduce(0) { $0 << 8 | UInt64(bytes[offset + $1]) }
  }

  mutating func set(_ value: UInt64, at offset: Int, _ width: Int) {
    for index in 0..<width { bytes[offset + index] = UInt8(value >> (8 * UInt64(index)) & 0xff) }
  }

  var seed: UInt64 { XXH64.hash(Array(bytes[16..<40])) }

  func hash(of range: Range<Int>) -> UInt64 {
    var frame = Array(bytes[range])
    frame.replaceSubrange(40..<48, with: repeatElement(0, count: 8))
    return XXH64.hash(frame, seed: seed)
  }

  mutating func rehash(_ range: Range<Int>) {
    set(hash(of: range), at: range.lowerBound + 40, 8)
  }

  mutating func rehashHeader() { set(XXH64.hash(Array(bytes[..<4088])), at: 4088, 8) }

  /// Makes the chain right again from the frame `first` on.
  mutating func rechain(from first: Int) {
    let frames = frames
    for index in frames.indices where index > first {
      let before = number(frames[index - 1].range.lowerBound + 40, 8)
      set(before, at: frames[index].range.lowerBound + 32, 8)
      rehash(frames[index].range)
    }
  }

  /// The frames from the header on, as far as their hashes are right.
  var frames: [Frame] {
    var frames: [Frame] = []
    var offset = Self.headerBytes
    while offset + 56 <= bytes.count {
      let size = Int(number(offset, 4))
      guard size >= 56, size <= bytes.count - offset else { break }
      let range = offset..<offset + size
      guard hash(of: range) == number(offset + 40, 8) else { break }
      frames.append(
        Frame(
          range: range, kind: UInt16(number(offset + 4, 2)), firstLSN: number(offset + 8, 8),
          count: UInt32(number(offset + 16, 4))))
      offset += size
    }
    return frames
  }
}

/// What the files of a disk hold, to be compared with a later look.
struct DiskContent: Equatable {
  var files: [String: [UInt8]]

  init(_ disk: SimulatedDisk) {
    files = Dictionary(
      uniqueKeysWithValues: disk.files.map { ($0, disk.contents($0) ?? []) })
  }
}

extension Fixture {
  /// A log on a new disk with one group for each range.
  static func disk(
    _ groups: [ClosedRange<UInt64>], valueBytes: Int? = nil, _ segmentBytes: Int = 16 << 10
  ) throws -> (disk: SimulatedDisk, log: FileCommitLog) {
    let disk = SimulatedDisk()
    let log = try create(disk, segmentBytes)
    for group in groups { try log.append(Self.group(group, valueBytes: valueBytes)) }
    return (disk, log)
  }

  /// A log whose last segment was used before: frames of an earlier life stand behind the end.
  static func usedDisk(_ segmentBytes: Int = 8 << 10) throws -> (SimulatedDisk, FileCommitLog) {
    let (disk, log) = try disk([], segmentBytes)
    var lsn: UInt64 = 0
    let room = segmentBytes - LogImage.headerBytes
    // Some four segments full of frames.
    while LogImage.segments(of: disk).count < 2 || lsn < 60 * UInt64(room) / 4096 {
      lsn += 1
      try log.append([entry(lsn, valueBytes: 120)])
      if lsn % 5 == 0 { try log.release(below: LSN(lsn)) }
    }
    return (disk, log)
  }

  /// Opens a copy of the disk, which must be refused, and leave every byte as it was.
  static func refusal(
    _ disk: SimulatedDisk, evidence: LSN = .zero, _ segmentBytes: Int = 16 << 10
  ) -> LogError? {
    let copy = disk.restart(keeping: .all)
    let before = DiskContent(copy)
    do {
      _ = try open(copy, evidence: evidence, segmentBytes)
      return nil
    } catch {
      guard DiskContent(copy) == before, DiskContent(copy.restart(keeping: .none)) == before else {
        return nil
      }
      return error as? LogError
    }
  }
}
