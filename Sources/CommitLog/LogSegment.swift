// LogSegment: what a running log knows of one of its files, and how the files are named.
//
//   00000000000000000001.log   a segment, by its first LSN in 20 digits
//   spare-7.free               a file of full size, ready to become a segment
//   spare-8.tmp                one that is being made

import Bytes
import Disk

struct LogSegment: Sendable {
  var path: String
  var file: any DiskFile
  var header: SegmentHeader
  var seed: UInt64
  /// Just behind the last durable frame; the end of the file when the segment was not walked.
  var end: Int
  /// Just behind the last durable LSN.
  var nextLSN: LSN
  var frames: Int
  var marks: [SegmentScan.Mark]

  init(path: String, file: any DiskFile, header: SegmentHeader) {
    self.path = path
    self.file = file
    self.header = header
    seed = header.seed
    end = SegmentHeader.byteCount
    nextLSN = header.firstLSN
    frames = 0
    marks = []
  }

  init(path: String, file: any DiskFile, scan: SegmentScan) {
    self.init(path: path, file: file, header: scan.header)
    end = scan.end
    nextLSN = scan.nextLSN
    frames = scan.frames
    marks = scan.marks
  }

  /// A sealed segment that was not walked.
  init(path: String, file: any DiskFile, unread header: SegmentHeader, nextLSN: LSN) {
    self.init(path: path, file: file, header: header)
    end = Int(header.segmentBytes)
    self.nextLSN = nextLSN
  }

  mutating func note(_ frameBytes: Int, entries: Int) {
    if marks.last.map({ end - $0.offset >= SegmentScan.markEvery }) ?? true {
      marks.append(.init(lsn: nextLSN, offset: end))
    }
    end += frameBytes
    nextLSN = LSN(nextLSN.rawValue + UInt64(entries))
    frames += 1
  }

  /// The offset of a frame at or before the one that holds `lsn`.
  func start(for lsn: LSN) -> Int {
    var low = 0
    var high = marks.count
    while low < high {
      let middle = (low + high) / 2
      if marks[middle].lsn <= lsn { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? SegmentHeader.byteCount : marks[low - 1].offset
  }
}

enum LogFileName {
  static func segment(_ first: LSN) -> String {
    let digits = String(first.rawValue)
    return String(repeating: "0", count: 20 - digits.count) + digits + ".log"
  }

  static func firstLSN(_ name: String) -> LSN? {
    guard name.utf8.count == 24, name.hasSuffix(".log"), let number = UInt64(name.dropLast(4))
    else { return nil }
    return LSN(number)
  }

  static func spare(_ number: UInt64) -> String { "spare-\(number).free" }

  static func spareNumber(_ name: String) -> UInt64? {
    guard name.hasPrefix("spare-"), name.hasSuffix(".free") || name.hasSuffix(".tmp") else {
      return nil
    }
    return UInt64(name.dropFirst(6).prefix { $0 != "." })
  }
}
