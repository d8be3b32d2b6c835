// LogInspector: looks at a log's files and changes none of them, beside a live writer and when they are
// damaged. It asks what recovery asks (SegmentCheck), and goes on where recovery would refuse.
//
// 1. No call writes, syncs or renames; nothing in a file makes it trap.
// 2. Beside a live writer a segment may be read half before and half after a write, or be recycled
//    under the reader. So a finding counts only when a second look at the file has it too.

import Bytes
import Disk

public struct LogInspector: Sendable {
  let disk: any Disk
  let folder: String
  /// Segments of another database are findings; nil takes that of the first segment.
  let databaseID: UUIDv7?
  /// The highest LSN that a checkpoint knows to be durable (row 8).
  let evidence: LSN

  public init(
    disk: any Disk, folder: String, databaseID: UUIDv7? = nil, evidence: LSN = .zero
  ) {
    self.disk = disk
    self.folder = folder
    self.databaseID = databaseID
    self.evidence = evidence
  }

  /// Every segment in order, then every spare. Throws `disk` when the folder cannot be listed.
  public func list() throws(LogError) -> [LogFileInfo] {
    let names = try names()
    var infos: [LogFileInfo] = []
    eachSegment(names) { look in
      infos.append(look.info)
      return true
    }
    for name in names where LogFileName.spareNumber(name) != nil {
      guard let size = size(of: name) else { continue }
      let kind: LogFileInfo.Kind = name.hasSuffix(".free") ? .spare : .unfinished
      infos.append(LogFileInfo(name: name, kind: kind, bytes: size))
    }
    return infos
  }

  /// Calls `body` with what the log holds from `start` on, in order, until it returns false. Where
  /// a segment cannot be read on, a finding takes the place of the rest, and the next one follows.
  public func walk(from start: LSN = .zero, _ body: (LogItem) throws -> Bool) throws {
    var failure: (any Error)?
    eachSegment(try names(), from: start) { look in
      do {
        return try show(look, from: start, body)
      } catch {
        failure = error
        return false
      }
    }
    if let failure { throw failure }
  }

  private func show(_ look: Look, from start: LSN, _ body: (LogItem) throws -> Bool) throws -> Bool
  {
    guard try body(.file(look.info)) else { return false }
    for (offset, frame) in look.frames
    where frame.nextLSN.map({ $0 > start }) ?? false || frame.firstLSN >= start {
      guard try body(.frame(LogFrameInfo(frame, file: look.name, offset: offset))) else {
        return false
      }
      var goesOn = true
      let flaw = try look.entries(of: frame, at: offset) { entry in
        if goesOn && entry.lsn >= start { goesOn = try body(.entry(entry)) }
      }
      guard goesOn else { return false }
      if let flaw, try !body(.finding(flaw)) { return false }
    }
    if let finding = look.finding { return try body(.finding(finding)) }
    if let tail = look.tail { return try body(.tail(tail)) }
    return true
  }

  /// Reads everything: headers, hashes, chain, order, seals, and every commit's operations.
  public func verify() throws(LogError) -> LogVerification {
    var result = LogVerification()
    let names = try names()
    eachSegment(names) { look in
      result.segments += 1
      result.bytes += look.info.bytes
      result.frames += look.frames.count
      for (offset, frame) in look.frames {
        let flaw = try? look.entries(of: frame, at: offset) { entry in
          result.entries += 1
          result.operations += entry.operations.count
        }
        if let flaw { result.findings.append(flaw) }
      }
      if let finding = look.finding { result.findings.append(finding) }
      if result.segments == 1 { result.oldestLSN = look.info.firstLSN }
      result.tail = look.tail
      return true
    }
    if result.segments == 0 {
      result.findings.append(
        LogFinding(file: folder, offset: 0, kind: .corrupt, reason: "the log has no segment"))
    }
    return result
  }

  // MARK: Files

  private func names() throws(LogError) -> [String] {
    do throws(DiskError) {
      return try disk.list(folder)
    } catch {
      throw .disk("\(error)")
    }
  }

  private func size(of name: String) -> UInt64? {
    guard let file = try? disk.open(folder + "/" + name, mode: .readOnly) else { return nil }
    defer { file.close() }
    return try? file.size()
  }

  /// Looks at the segments that may hold `start` or more, until `body` returns false.
  private func eachSegment(
    _ names: [String], from start: LSN = .zero, _ body: (Look) -> Bool
  ) {
    let segments = names.filter { LogFileName.firstLSN($0) != nil }
    var databaseID = databaseID
    var end: SegmentEnd?
    for (index, name) in segments.enumerated() {
      let isLast = index == segments.count - 1
      if !isLast, let next = LogFileName.firstLSN(segments[index + 1]), next <= start { continue }
      let check = SegmentCheck(path: folder + "/" + name, databaseID: databaseID)
      guard let look = settled(name, check, isLast: isLast, after: end) else {
        // Released while we were on our way: the log begins with the next.
        end = nil
        continue
      }
      databaseID = databaseID ?? look.info.header?.databaseID
      // Behind damage nothing can be said of the order.
      end = look.error == nil ? look.end : nil
      guard body(look) else { return }
    }
  }

  private static let looksMost = 6

  /// A look that a second one confirms, when it finds something; nil when the file is gone.
  private func settled(
    _ name: String, _ check: SegmentCheck, isLast: Bool, after end: SegmentEnd?
  ) -> Look? {
    var look = Look(disk, name, check, isLast: isLast, after: end, evidence)
    for _ in 1..<Self.looksMost {
      guard let error = look?.error else { return look }
      look = Look(disk, name, check, isLast: isLast, after: end, evidence)
      if look?.error == error { return look }
    }
    return look
  }
}

/// One segment as it was found.
private struct Look {
  let name: String
  var info: LogFileInfo
  var bytes: [UInt8] = []
  var frames: [(offset: Int, header: FrameHeader)] = []
  var end: SegmentEnd?
  var tail: LogTail?
  var error: LogError?

  var finding: LogFinding? { error.map { LogFinding($0, file: name) } }

  init?(
    _ disk: any Disk, _ name: String, _ check: SegmentCheck, isLast: Bool, after end: SegmentEnd?,
    _ evidence: LSN
  ) {
    self.name = name
    info = LogFileInfo(name: name, kind: .segment, bytes: 0)
    info.firstLSN = LogFileName.firstLSN(name)
    do throws(DiskError) {
      let file = try disk.open(check.path, mode: .readOnly)
      defer { file.close() }
      error = read(file, check, isLast: isLast, after: end, evidence)
    } catch {
      if error.kind == .notFound { return nil }
      self.error = .unreadable(check.path, error)
    }
    if let error { info.headerState = LogFileInfo.HeaderState(error, header: info.header) }
  }

  private mutating func read(
    _ file: any DiskFile, _ check: SegmentCheck, isLast: Bool, after end: SegmentEnd?,
    _ evidence: LSN
  ) -> LogError? {
    do throws(LogError) {
      let (head, size) = try Recovery.head(of: file)
      info.bytes = size
      let header = try check.header(head, fileBytes: size)
      info.header = header
      bytes = try Recovery.content(of: file, header)
      var found: [(Int, FrameHeader)] = []
      let scan = SegmentScan(&bytes, header: header) { found.append(($0, $1)) }
      frames = found
      self.end = SegmentEnd(nextLSN: scan.nextLSN, chain: scan.chain)
      info.note(scan)
      if let end { try check.order(header, after: end) }
      try check.frames(scan, &bytes, isLast: isLast, evidence: evidence)
      if isLast { tail = LogTail(SegmentTail(scan, bytes), scan, file: name) }
      return nil
    } catch {
      return error
    }
  }

  /// Calls `body` with the commits of a group frame; returns what is wrong with them.
  func entries(
    of frame: FrameHeader, at offset: Int, _ body: (LogEntry) throws -> Void
  ) throws -> LogFinding? {
    guard frame.kind == FrameKind.group.rawValue else { return nil }
    let start = offset + FrameHeader.byteCount
    do {
      // The frame is valid: its payload lies inside it.
      try LogEntryCodec.decodeGroup(
        bytes.span.bytes.extracting(start..<start + frame.payloadBytes),
        firstLSN: frame.firstLSN, count: Int(frame.transactionCount), body)
      return nil
    } catch let error as DecodeError {
      return LogFinding(
        file: name, offset: UInt64(offset), kind: .corrupt,
        reason: "the commits of a frame cannot be decoded: \(error) of its payload")
    }
  }
}
