// Space: a store whose rows are overwritten again and again, as fast as the writer can, stays below
// twice its rows' bytes; the checkpoints that keep it so are the database's own.

import Bytes
import Database
import Disk
import Glibc
import RecordStore
import Synchronization
import Testing

@Suite struct SpaceTests {
  private static let rows = TableDescriptor(number: 9, name: "rows")
  private static let count: UInt64 = 40_000
  private static let liveBytes = count * 216

  /// Twenty rows a transaction: they touch far less than a fifth of the pages.
  private static func write(
    _ ids: [UInt64], to database: Database, _ random: inout SplitMix64
  ) throws {
    for start in stride(from: 0, to: ids.count, by: 20) {
      let batch = ids[start..<min(start + 20, ids.count)].map { id in
        (key(id, id), (0..<25).flatMap { _ in key(random.next()) })
      }
      _ = try database.writeBlocking { transaction in
        for (key, value) in batch { try transaction.put(rows, key: key, value: value) }
      }
    }
  }

  @Test func roundsOfRandomOverwritesStayBelowTwiceTheRows() throws {
    var random = SplitMix64(seed: testSeed(20))
    let folder = try TemporaryFolder()
    var configuration = Database.Configuration(
      path: folder.path + "/data", disk: PosixDisk(), tables: [Self.rows],
      onFatal: { Issue.record("fatal: \($0)") })
    configuration.segmentBytes = 1 << 20
    // The rule is for stores of any size; the least is for convenience.
    configuration.limits.checkpointReplacedBytes = 1 << 20
    let database = try Database.create(configuration)
    try Self.write(Array(0..<Self.count), to: database, &random)
    // Without one, nothing replaced has to be kept.
    try database.checkpoint()
    for _ in 0..<scaled(ci: 4, nightly: 100) {
      let ids = (0..<Self.count).map { _ in random.next() % Self.count }
      try Self.write(ids, to: database, &random)
    }
    let info = database.storeInfo
    let fileBytes = info.pageCount * UInt64(info.pageSize)
    #expect(fileBytes <= 2 * Self.liveBytes, "\(fileBytes) bytes for \(Self.liveBytes)")
    let hash = try database.contentHash()
    #expect(try database.check(deep: true).findings.isEmpty)
    try database.close()

    let report = try Database.compact(configuration)
    #expect(Double(report.bytesAfter) <= 1.1 * Double(Self.liveBytes))
    let again = try Database.open(configuration)
    #expect(try again.contentHash() == hash)
    try again.close()
  }

  /// The writer could replace the store several times over while one checkpoint is being synced.
  @Test func theWriterWaitsForASlowCheckpoint() throws {
    var random = SplitMix64(seed: testSeed(21))
    let folder = try TemporaryFolder()
    let disk = SlowStoreDisk()
    var configuration = Database.Configuration(
      path: folder.path + "/data", disk: disk, tables: [Self.rows],
      onFatal: { Issue.record("fatal: \($0)") })
    configuration.segmentBytes = 1 << 20
    configuration.limits.checkpointReplacedBytes = 1 << 20
    let database = try Database.create(configuration)
    try Self.write(Array(0..<Self.count), to: database, &random)
    // Without one, nothing replaced has to be kept.
    try database.checkpoint()
    disk.isSlow.store(true, ordering: .relaxed)
    let ids = (0..<Self.count / 2).map { _ in random.next() % Self.count }
    try Self.write(ids, to: database, &random)
    let info = database.storeInfo
    let fileBytes = info.pageCount * UInt64(info.pageSize)
    #expect(fileBytes <= 2 * Self.liveBytes, "\(fileBytes) bytes for \(Self.liveBytes)")
    disk.isSlow.store(false, ordering: .relaxed)
    try database.close()
  }
}

/// A disk whose syncs of the records' file take 10 ms while `isSlow`.
private final class SlowStoreDisk: Disk {
  let isSlow = Atomic<Bool>(false)
  private let real = PosixDisk()

  private func slowed(_ file: any DiskFile, _ path: String) -> any DiskFile {
    path.contains("records.souk") ? SlowFile(file, self) : file
  }
  func open(_ path: String, mode: OpenMode) throws(DiskError) -> any DiskFile {
    slowed(try real.open(path, mode: mode), path)
  }
  func create(_ path: String) throws(DiskError) -> any DiskFile {
    slowed(try real.create(path), path)
  }
  func createDirectory(_ path: String) throws(DiskError) { try real.createDirectory(path) }
  func list(_ path: String) throws(DiskError) -> [String] { try real.list(path) }
  func exists(_ path: String) throws(DiskError) -> Bool { try real.exists(path) }
  func rename(_ from: String, to: String) throws(DiskError) { try real.rename(from, to: to) }
  func remove(_ path: String) throws(DiskError) { try real.remove(path) }
  func syncDirectory(_ path: String) throws(DiskError) { try real.syncDirectory(path) }
  func lock(_ path: String) throws(DiskError) -> any DiskLock { try real.lock(path) }
  func freeBytes(_ path: String) throws(DiskError) -> UInt64 { try real.freeBytes(path) }
}

private final class SlowFile: DiskFile {
  private let real: any DiskFile
  private let disk: SlowStoreDisk

  init(_ real: any DiskFile, _ disk: SlowStoreDisk) {
    self.real = real
    self.disk = disk
  }

  var path: String { real.path }
  func size() throws(DiskError) -> UInt64 { try real.size() }
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int
  {
    try real.read(into: buffer, at: offset)
  }
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
    try real.write(bytes, at: offset)
  }
  func sync() throws(DiskError) {
    if disk.isSlow.load(ordering: .relaxed) { usleep(10_000) }
    try real.sync()
  }
  func reserve(_ size: UInt64) throws(DiskError) { try real.reserve(size) }
  func truncate(_ size: UInt64) throws(DiskError) { try real.truncate(size) }
  func close() { real.close() }
}
