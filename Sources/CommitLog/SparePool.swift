// SparePool: files of full size, zeroed or used before, that wait to become segments.
//
// 1. A spare has its `.free` name only when all its blocks are allocated and written: overwriting
//    them later costs a sync no metadata.
// 2. A recycled spare is not zeroed: its new epoch makes what it holds invalid.

import Bytes
import Disk

struct SparePool {
  let disk: any Disk
  let folder: String
  let segmentBytes: Int
  private(set) var numbers: [UInt64] = []
  private var nextNumber: UInt64 = 0
  /// Set by a recycling that failed. Whether its segment is still there is unknown, and to recycle the
  /// next one could leave a gap in the log; so nothing is recycled any more.
  private(set) var failure: DiskError?

  /// How many are kept; more are deleted.
  static let most = 2
  private static let zeroBlockBytes = 1 << 20

  init(disk: any Disk, folder: String, segmentBytes: Int) {
    self.disk = disk
    self.folder = folder
    self.segmentBytes = segmentBytes
  }

  /// Takes over what an earlier run left, and removes what is unfinished or of another size.
  mutating func adopt() throws(DiskError) {
    var removed = false
    for name in try disk.list(folder) {
      guard let number = LogFileName.spareNumber(name) else { continue }
      if number < .max { nextNumber = max(nextNumber, number + 1) }
      let path = folder + "/" + name
      let file = try disk.open(path, mode: .readOnly)
      defer { file.close() }
      if name.hasSuffix(".free"), numbers.count < Self.most,
        try file.size() == UInt64(segmentBytes)
      {
        numbers.append(number)
      } else {
        try disk.remove(path)
        removed = true
      }
    }
    if removed { try disk.syncDirectory(folder) }
  }

  /// Makes a spare when there is none. Leaves nothing behind when it fails: on a full volume it will
  /// be tried again and again.
  mutating func prepare() throws(DiskError) {
    guard numbers.isEmpty else { return }
    let number = nextNumber
    nextNumber += 1
    let temporary = folder + "/spare-\(number).tmp"
    let path = folder + "/" + LogFileName.spare(number)
    do throws(DiskError) {
      try fill(try disk.create(temporary))
      try disk.rename(temporary, to: path)
      try disk.syncDirectory(folder)
    } catch {
      // One of the two is there; what cannot be removed now is removed by `adopt`.
      try? disk.remove(temporary)
      try? disk.remove(path)
      throw error
    }
    numbers.append(number)
  }

  private func fill(_ file: any DiskFile) throws(DiskError) {
    defer { file.close() }
    try file.reserve(UInt64(segmentBytes))
    let zeros = [UInt8](repeating: 0, count: min(segmentBytes, Self.zeroBlockBytes))
    var offset = 0
    while offset < segmentBytes {
      let count = min(zeros.count, segmentBytes - offset)
      try file.write(count == zeros.count ? zeros : Array(zeros[..<count]), at: UInt64(offset))
      offset += count
    }
    try file.sync()
  }

  /// Turns a spare into the segment of `header`, durably: the name comes last.
  mutating func makeSegment(_ header: SegmentHeader) throws(DiskError) -> LogSegment {
    try prepare()
    let spare = folder + "/" + LogFileName.spare(numbers[0])
    let path = folder + "/" + LogFileName.segment(header.firstLSN)
    let writing = try disk.open(spare, mode: .readWrite)
    try writing.write(header.encoded(), at: 0)
    try writing.sync()
    writing.close()
    try disk.rename(spare, to: path)
    numbers.removeFirst()
    try disk.syncDirectory(folder)
    return LogSegment(path: path, file: try disk.open(path, mode: .readWrite), header: header)
  }

  /// Takes a segment that nobody needs out of the log, durably.
  mutating func recycle(_ segment: LogSegment) throws(DiskError) {
    do throws(DiskError) {
      if numbers.count < Self.most, segment.header.segmentBytes == UInt64(segmentBytes) {
        let number = nextNumber
        nextNumber += 1
        try disk.rename(segment.path, to: folder + "/" + LogFileName.spare(number))
        // One sync a segment: the oldest must be gone before the next, or a crash leaves a gap.
        try disk.syncDirectory(folder)
        numbers.append(number)
      } else {
        try disk.remove(segment.path)
        try disk.syncDirectory(folder)
      }
    } catch {
      failure = error
      throw error
    }
  }
}
