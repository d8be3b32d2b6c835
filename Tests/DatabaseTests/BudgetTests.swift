// Budgets: a snapshot that is held too long or keeps too much ends with a typed error and lets go of
// its pages; a full volume is a state that the database enters and leaves by itself.

import Bytes
import Database
import Disk
import RecordStore
import Testing

@Suite struct BudgetTests {
  private static func put(_ id: UInt64, _ text: String) -> @Sendable (Transaction) throws -> Void {
    { transaction in try transaction.put(Note(id: id, owner: "o", tag: nil, text: text)) }
  }

  private static func isExpired(_ snapshot: DatabaseSnapshot) -> Bool {
    do {
      _ = try snapshot.records.get(Note.self, key(UInt64(1)))
      return false
    } catch StoreError.snapshotExpired {
      return true
    } catch {
      Issue.record("\(error)")
      return false
    }
  }

  @Test func aSnapshotHeldTooLongExpiresAndTheLatestNeverDoes() throws {
    let disk = SimulatedDisk()
    let notices = Shared<[String]>([])
    var configuration = Database.simulated(disk, seed: 1)
    // The clock of the simulation advances a millisecond each time that it is asked.
    configuration.limits.snapshotSeconds = 1
    configuration.onNotice = { line in notices.update { $0.append(line) } }
    let database = try Database.create(configuration)
    _ = try database.writeBlocking(Self.put(1, "a"))
    let held = database.snapshot()
    for number in 0..<400 { _ = try database.writeBlocking(Self.put(2, "\(number)")) }
    database.careForBudgets()
    #expect(!Self.isExpired(held))
    for number in 0..<800 { _ = try database.writeBlocking(Self.put(2, "\(number)")) }
    database.careForBudgets()
    #expect(Self.isExpired(held))
    #expect(!Self.isExpired(database.snapshot()))
    #expect(notices.value.count == 1 && notices.value[0].contains("snapshot-expired"))
    try database.close()
  }

  @Test func aSnapshotThatKeepsTooManyPagesExpiresAndTheFileStopsGrowing() throws {
    let disk = SimulatedDisk()
    var configuration = Database.simulated(disk, seed: 2)
    // A snapshot holds no more pages than its own trees had: a third of them is the limit.
    configuration.limits.snapshotBytes = 64 << 10
    let database = try Database.create(configuration)
    func overwrite(_ rounds: Int) throws {
      for round in 0..<rounds {
        for id in 0..<UInt64(200) {
          _ = try database.writeBlocking(Self.put(id, String(repeating: "x", count: 900 + round)))
        }
        try database.checkpoint()
        database.careForBudgets()
      }
    }
    try overwrite(4)
    let held = database.snapshot()
    database.careForBudgets()
    #expect(!Self.isExpired(held), "nothing has been replaced yet")
    var rounds = 0
    while !Self.isExpired(held), rounds < 20 {
      try overwrite(1)
      rounds += 1
    }
    #expect(rounds < 20)
    #expect(!Self.isExpired(database.snapshot()))
    try overwrite(3)
    let settled = database.storeInfo
    try overwrite(20)
    #expect(database.storeInfo.pageCount <= settled.pageCount + settled.pageCount / 5)
    #expect(try database.check(deep: true).findings.isEmpty)
    try database.close()
  }

  /// T19: nearly all that it kept is used again within three checkpoints.
  @Test func whatASnapshotKeptIsFreeSoonAfterIt() throws {
    let database = try Database.create(Database.simulated(SimulatedDisk(), seed: 4))
    for id in 0..<UInt64(400) {
      _ = try database.writeBlocking(Self.put(id, String(repeating: "x", count: 1500)))
    }
    try database.checkpoint()
    var held: DatabaseSnapshot? = database.snapshot()
    for round in 0..<3 {
      for id in 0..<UInt64(400) {
        _ = try database.writeBlocking(Self.put(id, String(repeating: "y", count: 1400 + round)))
      }
      try database.checkpoint()
    }
    func kept() throws -> UInt64 {
      try database.freeSpace().waiting.filter { $0.pinnedBy.contains { $0.contains("published") } }
        .reduce(0) { $0 + $1.pages }
    }
    let lsn = held?.lsn ?? .zero
    let before = try kept()
    let pages = database.readers().readers.filter { $0.lsn == lsn }.map(\.heldBytes).max() ?? 0
    #expect(before > 60 && pages > 0, "\(before) pages, \(pages) bytes")
    held = nil
    for round in 0..<3 {
      _ = try database.writeBlocking(Self.put(1, "\(round)"))
      try database.checkpoint()
    }
    let left = database.storeInfo.retiredPages
    // What the last two checkpoints replaced waits for the next.
    #expect(left <= before / 20 + 24, "\(left) of \(before) pages still wait")
    withExtendedLifetime(held) {}
    try database.close()
  }

  @Test func aFullVolumeIsAStateThatEndsByItself() throws {
    let disk = SimulatedDisk()
    let notices = Shared<[String]>([])
    var configuration = Database.simulated(disk, seed: 3) { Issue.record("\($0)") }
    configuration.onNotice = { line in notices.update { $0.append(line) } }
    disk.capacity = 900 << 10
    let database = try Database.create(configuration)
    #expect(database.readOnlyReason == nil && database.notReadyReason == nil)
    var written: UInt64 = 0
    while database.readOnlyReason == nil, written < 100_000 {
      written += 1
      _ = try? database.writeBlocking(Self.put(written, String(repeating: "y", count: 2000)))
    }
    #expect(database.readOnlyReason != nil && database.notReadyReason != nil)
    #expect(try database.snapshot().records.get(Note.self, key(UInt64(1))) != nil)
    database.careForBudgets()
    #expect(database.readOnlyReason != nil, "it is still full")
    disk.capacity = nil
    database.careForBudgets()
    #expect(database.readOnlyReason == nil && database.notReadyReason == nil)
    _ = try database.writeBlocking(Self.put(written + 1, "z"))
    #expect(notices.value.map { $0.contains("read-only") } == [true, false])
    try database.close()
  }
}
