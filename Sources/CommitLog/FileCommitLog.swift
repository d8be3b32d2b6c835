// FileCommitLog: the commit log in a folder of segment files (DataFormats/log.md).
//
// 1. One write is in flight at a time: frame k+1 is written only after frame k is synced.
// 2. `durableLSN` rises only after the sync of the frame that holds it. Readers stop there.
// 3. A segment that is not the last ends with a seal. Every append leaves room for one.
// 4. After any failed write or sync the log refuses everything: what is on the disk is unknown. To
//    make the next segment's file is no such write: when that fails, the log is as it was.
//
// Locks, in the order in which they may be taken: appender, spares, shared, waiters. Nothing is
// written under `shared`, so that readers never wait for the disk.

import Bytes
import Disk
import Synchronization

public final class FileCommitLog: CommitLog {
  public struct Options: Sendable {
    /// Size of a segment file, its header included. At least 8 KiB, a multiple of 4 KiB.
    public var segmentBytes = 64 << 20

    public init() {}
  }

  /// No frame is larger, so that a group is read and written in one piece.
  public static let groupBytesMost = 32 << 20

  struct Appender {
    var builder = FrameBuilder()
    var chain: UInt64 = 0
    var lastTime = Timestamp.zero
    var epoch: UInt64 = 0
    var hasFailed = false
  }

  struct Shared {
    /// In LSN order, never empty; the last takes the appends.
    var segments: [LogSegment]
  }

  /// Who waits for an LSN.
  struct Waiters {
    var waiting: [(lsn: LSN, body: @Sendable (Bool) -> Void)] = []
    /// Nothing will be durable any more.
    var isOver = false
  }

  let databaseID: UUIDv7
  let segmentBytes: Int
  let waiters = Mutex(Waiters())
  let appender = Mutex(Appender())
  let spares: Mutex<SparePool>
  let shared: Mutex<Shared>
  private let durable: Atomic<UInt64>
  private let sinceRelease = Atomic(0)
  private let lastIsGroup: Atomic<Bool>

  public var durableLSN: LSN { LSN(durable.load(ordering: .acquiring)) }

  public var oldestLSN: LSN {
    shared.withLock { $0.segments.first?.header.firstLSN ?? durableLSN.next }
  }

  /// Bytes appended since the last `release`, or since the log was opened.
  public var bytesSinceRelease: Int { sinceRelease.load(ordering: .relaxed) }

  /// Whether nothing on the disk proves yet that the last group was synced; see `tick`.
  public var needsTick: Bool { lastIsGroup.load(ordering: .relaxed) }

  /// The largest frame that an append may need; beyond it, `groupTooLarge`.
  public var frameBytesMost: Int {
    min(Self.groupBytesMost, segmentBytes - SegmentHeader.byteCount - FrameHeader.sealBytes)
  }

  private init(
    databaseID: UUIDv7, spares: SparePool, segments: [LogSegment], chain: UInt64,
    lastTime: Timestamp, epoch: UInt64, lastKind: FrameKind?
  ) {
    self.databaseID = databaseID
    segmentBytes = spares.segmentBytes
    self.spares = Mutex(spares)
    shared = Mutex(Shared(segments: segments))
    durable = Atomic((segments.last?.nextLSN.rawValue ?? 1) - 1)
    lastIsGroup = Atomic(lastKind == .group)
    appender.withLock {
      $0.chain = chain
      $0.lastTime = lastTime
      $0.epoch = epoch
    }
  }

  // MARK: Life

  /// Makes an empty log. The folder is made when it is missing (its own folder is then the caller's
  /// to sync); `foreign` when it holds a log already. `firstLSN` and `epoch` are above 1 for a log
  /// that goes on where a backup ends.
  public static func create(
    disk: any Disk, folder: String, databaseID: UUIDv7, options: Options = Options(),
    firstLSN: LSN = LSN(1), epoch: UInt64 = 1, time: Timestamp
  ) throws(LogError) -> FileCommitLog {
    do throws(DiskError) {
      if try !disk.exists(folder) { try disk.createDirectory(folder) }
      if try disk.list(folder).contains(where: { LogFileName.firstLSN($0) != nil }) {
        throw DiskError(.alreadyExists, call: "create", path: folder)
      }
      var spares = SparePool(disk: disk, folder: folder, segmentBytes: checked(options))
      try spares.adopt()
      let header = SegmentHeader(
        databaseID: databaseID, epoch: epoch, firstLSN: firstLSN, chainIn: 0, created: time,
        segmentBytes: UInt64(options.segmentBytes))
      let segment = try spares.makeSegment(header)
      return FileCommitLog(
        databaseID: databaseID, spares: spares, segments: [segment], chain: 0, lastTime: time,
        epoch: epoch, lastKind: nil)
    } catch {
      if error.kind == .alreadyExists && error.call == "create" && error.path == folder {
        throw .foreign(file: folder, reason: "the folder already holds a log")
      }
      throw .disk("\(error)")
    }
  }

  /// Opens and recovers a log, by the table in Recovery.swift. `evidence` is the highest LSN that is
  /// known to be durable from elsewhere (a checkpoint), `applied` the last that the owner does not
  /// need to read again; zero when there is none. A log that is refused has not been changed.
  public static func open(
    disk: any Disk, folder: String, databaseID: UUIDv7, options: Options = Options(),
    evidence: LSN = .zero, applied: LSN = .zero, time: Timestamp
  ) throws(LogError) -> (log: FileCommitLog, report: LogRecoveryReport) {
    var recovery = Recovery(disk: disk, folder: folder, databaseID: databaseID)
    try recovery.decide(evidence: evidence, applied: applied)
    guard let tail = recovery.tail, let last = recovery.segments.last else {
      throw .corrupt(file: folder, offset: 0, reason: "the log has no segment")
    }
    do throws(DiskError) {
      var spares = SparePool(disk: disk, folder: folder, segmentBytes: checked(options))
      try spares.adopt()
      let decision = recovery.report.decision
      if decision != .replaced {
        try last.file.write(recovery.rewrite.bytes, at: UInt64(recovery.rewrite.offset))
        try last.file.sync()
      }
      let log = FileCommitLog(
        databaseID: databaseID, spares: spares, segments: recovery.segments, chain: tail.chain,
        lastTime: max(tail.lastTime, tail.header.created), epoch: recovery.highestEpoch,
        lastKind: decision == .wentOn ? tail.lastKind : nil)
      try log.finishRecovery(decision, tail: tail, time: time)
      return (log, recovery.report)
    } catch {
      throw .disk("\(error)")
    }
  }

  private func finishRecovery(
    _ decision: LogRecoveryReport.Decision, tail: SegmentScan, time: Timestamp
  ) throws(DiskError) {
    try appender.withLock { appender throws(DiskError) in
      switch decision {
      case .wentOn: break
      case .startedAfterSeal: try startSegment(&appender, time: time)
      case .sealedOff:
        try seal(&appender, flags: FrameHeader.sealedByRecovery)
        try startSegment(&appender, time: time)
      case .replaced:
        appender.chain = tail.header.chainIn
        shared.withLock { _ = $0.segments.removeLast() }
        try startSegment(&appender, time: time, firstLSN: tail.header.firstLSN)
      }
    }
  }

  private static func checked(_ options: Options) -> Int {
    precondition(
      options.segmentBytes >= 8192 && options.segmentBytes % 4096 == 0
        && options.segmentBytes <= 1 << 30, "segmentBytes is a multiple of 4 KiB, 8 KiB to 1 GiB")
    return options.segmentBytes
  }

  /// Leaves the log with its last group provably synced. The log refuses everything afterwards.
  public func close() throws(LogError) {
    if needsTick { try tick() }
    appender.withLock { $0.hasFailed = true }
    endWaiting()
    shared.withLock { shared in
      for segment in shared.segments { segment.file.close() }
    }
  }

  // MARK: Appending

  public func append(_ group: [LogEntry]) throws(LogError) { try append(group, meanwhile: nil) }

  /// `meanwhile` is called while the frame is on its way to the disk, on this thread: what would else be
  /// done before or after the append then costs no time. It must not use the log. It is not called when
  /// nothing has been written.
  public func append(
    _ group: [LogEntry], meanwhile: (() -> Void)?
  ) throws(LogError) {
    guard let first = group.first, let last = group.last else { return }
    try write(.group, meanwhile) { appender throws(LogError) in
      precondition(first.lsn == durableLSN.next, "the group does not follow the log")
      precondition(
        last.lsn.rawValue - first.lsn.rawValue == UInt64(group.count - 1), "the group has gaps")
      for entry in group {
        appender.builder.append(entry)
        guard appender.builder.frameBytes <= frameBytesMost else {
          throw LogError.groupTooLarge(bytes: appender.builder.frameBytes, limit: frameBytesMost)
        }
      }
      return (group.count, last.time)
    }
  }

  /// Appends an empty frame behind the last group, which then is proved to have been synced: damage
  /// to it can no longer be taken for a tear. Does nothing when the proof is there. Call it when the
  /// log has been idle for some 50 ms; one call at a time with `append`.
  public func tick() throws(LogError) {
    guard needsTick else { return }
    try write(.tick) { appender throws(LogError) in (0, appender.lastTime) }
  }

  /// Makes one frame durable. `fill` puts the payload into the builder, and returns how many
  /// transactions it holds and when the last was committed; nothing has changed when it throws.
  private func write(
    _ kind: FrameKind, _ meanwhile: (() -> Void)? = nil,
    _ fill: (inout Appender) throws(LogError) -> (Int, Timestamp)
  ) throws(LogError) {
    try appender.withLock { appender throws(LogError) in
      guard !appender.hasFailed else { throw .disk("the log has failed or is closed") }
      appender.builder.begin()
      let (count, time) = try fill(&appender)
      do throws(DiskError) {
        // Before the seal: while there is no space for the next segment, nothing has happened yet.
        try ensureRoom(forFrame: appender.builder.frameBytes)
        appender.hasFailed = true
        let end = shared.withLock { $0.segments.last?.end ?? 0 }
        if end + appender.builder.frameBytes + FrameHeader.sealBytes > activeBytes {
          let frame = appender.builder
          try seal(&appender, flags: 0)
          try startSegment(&appender, time: time)
          appender.builder = frame
        }
        try writeFrame(&appender, kind, count: count, time: time, meanwhile)
      } catch {
        if appender.hasFailed { endWaiting() }
        throw .disk("\(error)")
      }
      appender.hasFailed = false
    }
  }

  private var activeBytes: Int {
    shared.withLock { Int(truncatingIfNeeded: $0.segments.last?.header.segmentBytes ?? 0) }
  }

  /// Closes the frame in the builder, writes and syncs it, and lets readers see it.
  private func writeFrame(
    _ appender: inout Appender, _ kind: FrameKind, flags: UInt16 = 0, count: Int, time: Timestamp,
    _ meanwhile: (() -> Void)? = nil
  ) throws(DiskError) {
    guard let segment = shared.withLock({ $0.segments.last }) else { return }
    let hash = appender.builder.finish(
      kind, flags: flags, firstLSN: segment.nextLSN, count: count, time: time,
      previousHash: appender.chain, seed: segment.seed)
    let bytes = appender.builder.bytes.count
    try segment.file.write(appender.builder.bytes, at: UInt64(segment.end))
    if let meanwhile {
      segment.file.startWriting(at: UInt64(segment.end), count: bytes)
      meanwhile()
    }
    try segment.file.sync()
    appender.chain = hash
    appender.lastTime = time
    shared.withLock { $0.segments[$0.segments.count - 1].note(bytes, entries: count) }
    durable.store(segment.nextLSN.rawValue + UInt64(count) - 1, ordering: .releasing)
    lastIsGroup.store(kind == .group, ordering: .relaxed)
    sinceRelease.add(bytes, ordering: .relaxed)
    wakeWaiting()
  }

  // MARK: Segments

  private func seal(_ appender: inout Appender, flags: UInt16) throws(DiskError) {
    guard let segment = shared.withLock({ $0.segments.last }) else { return }
    appender.builder.begin()
    appender.builder.u64(segment.nextLSN.rawValue - 1)
    appender.builder.u64(UInt64(segment.frames))
    try writeFrame(&appender, .seal, flags: flags, count: 0, time: appender.lastTime)
  }

  private func startSegment(
    _ appender: inout Appender, time: Timestamp, firstLSN: LSN? = nil
  ) throws(DiskError) {
    let epoch = appender.epoch + 1
    let header = SegmentHeader(
      databaseID: databaseID, epoch: epoch, firstLSN: firstLSN ?? durableLSN.next,
      chainIn: appender.chain, created: time, segmentBytes: UInt64(segmentBytes))
    let segment = try spares.withLock { spares throws(DiskError) in
      try spares.makeSegment(header)
    }
    appender.epoch = epoch
    shared.withLock { $0.segments.append(segment) }
    lastIsGroup.store(false, ordering: .relaxed)
  }

  /// Makes and zeroes the file of the next segment, when there is none. Call it from a background
  /// thread; an append that finds none makes it itself.
  public func prepareNextSegment() throws(LogError) {
    do throws(DiskError) {
      try spares.withLock { spares throws(DiskError) in try spares.prepare() }
    } catch {
      throw .disk("\(error)")
    }
  }

  /// Makes sure that an append of a frame of `bytes` needs no new file: makes the next segment's when
  /// the frame may not fit in this one. The log is unharmed when this throws, so that whoever would
  /// have appended on a full volume can be refused.
  public func ensureRoom(forFrame bytes: Int) throws(DiskError) {
    let end = shared.withLock { $0.segments.last?.end ?? 0 }
    guard end + bytes + FrameHeader.sealBytes > activeBytes else { return }
    try spares.withLock { spares throws(DiskError) in try spares.prepare() }
  }

  public func release(below lsn: LSN) throws(LogError) {
    sinceRelease.store(0, ordering: .relaxed)
    do throws(DiskError) {
      try spares.withLock { spares throws(DiskError) in
        while true {
          if let failure = spares.failure { throw failure }
          let oldest = shared.withLock { shared -> LogSegment? in
            guard shared.segments.count > 1, shared.segments[0].nextLSN <= lsn else { return nil }
            // Readers first: from here on they are told that the segment is gone.
            return shared.segments.removeFirst()
          }
          guard let oldest else { return }
          try spares.recycle(oldest)
        }
      }
    } catch {
      throw .disk("\(error)")
    }
  }
}
