// Opening: lock, meta, log, replay, views, in that order. Nothing is written to the record store
// before the replay has ended, so that a crash in here repeats the same recovery.

import Bytes
import CommitLog
import Disk
import RecordStore
import Views

extension Database {
  /// Makes an empty database in a new or empty folder, and opens it.
  public static func create(_ configuration: Configuration) throws(DatabaseError) -> Database {
    let directory = try DataDirectory.create(configuration.path, disk: configuration.disk)
    let time = configuration.now()
    let databaseID = UUIDv7(time: time, random: (configuration.random(), configuration.random()))
    do {
      // The log first: the store file is what makes the folder a database.
      let log = try FileCommitLog.create(
        disk: configuration.disk, folder: directory.logFolder, databaseID: databaseID,
        options: logOptions(configuration), time: time)
      try log.close()
      let store = try RecordStore.create(
        disk: configuration.disk, folder: configuration.path, databaseID: databaseID,
        options: storeOptions(configuration), tables: configuration.tables)
      store.close()
    } catch {
      throw DatabaseError(error)
    }
    return try open(configuration, in: directory)
  }

  /// Opens and recovers an existing database.
  public static func open(_ configuration: Configuration) throws(DatabaseError) -> Database {
    try open(
      configuration, in: try DataDirectory.open(configuration.path, disk: configuration.disk))
  }

  private static func open(
    _ configuration: Configuration, in directory: DataDirectory
  ) throws(DatabaseError) -> Database {
    do {
      let (store, storeOpening) = try RecordStore.open(
        disk: configuration.disk, folder: configuration.path,
        options: storeOptions(configuration), tables: configuration.tables)
      let (log, logReport) = try FileCommitLog.open(
        disk: configuration.disk, folder: directory.logFolder, databaseID: store.databaseID,
        options: logOptions(configuration), evidence: storeOpening.newestDurableLSN,
        applied: storeOpening.checkpointLSN, time: configuration.now())
      var opening = Opening(
        checkpointLSN: storeOpening.checkpointLSN, recoveredLSN: storeOpening.checkpointLSN,
        replayedCommits: 0, log: logReport, store: storeOpening,
        lastCommitTime: storeOpening.checkpointTime)
      try replay(log, into: store, &opening)
      let database = Database(
        configuration: configuration, directory: directory, store: store, log: log,
        opening: opening)
      try database.openViews()
      database.startThreads()
      return database
    } catch {
      throw DatabaseError(error)
    }
  }

  private static func replay(
    _ log: FileCommitLog, into store: RecordStore, _ opening: inout Opening
  ) throws {
    guard log.durableLSN > opening.checkpointLSN else { return }
    var replay = Replay(into: store)
    var state = opening
    try log.read(from: opening.checkpointLSN.next) { entry in
      guard entry.lsn == state.recoveredLSN.next else {
        throw LogError.corrupt(
          file: "log", offset: 0,
          reason: "commit \(state.recoveredLSN.next) is missing before commit \(entry.lsn)")
      }
      try replay.add(entry)
      state.recoveredLSN = entry.lsn
      state.lastCommitTime = max(state.lastCommitTime, entry.time)
      state.replayedCommits += 1
    }
    try replay.finish()
    opening = state
  }

  private static func logOptions(_ configuration: Configuration) -> FileCommitLog.Options {
    var options = FileCommitLog.Options()
    options.segmentBytes = configuration.segmentBytes
    return options
  }

  private static func storeOptions(_ configuration: Configuration) -> RecordStore.Options {
    var options = RecordStore.Options()
    options.cacheBytes = configuration.cacheBytes
    options.snapshotSecondsMax = configuration.limits.snapshotSeconds
    options.snapshotBytesMax = configuration.limits.snapshotBytes
    return options
  }
}
