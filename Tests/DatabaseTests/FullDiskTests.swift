// A volume that is full again and again, at random moments of a load: what was answered is there, reads
// are served, nothing stops, and writes go on as soon as there is space.

import Bytes
import Database
import Disk
import RecordStore
import Testing

@Suite struct FullDiskTests {
  @Test func fiftyTimesFullNothingIsLostAndItGoesOn() throws {
    let seed = testSeed(2800)
    var random = SplitMix64(seed: seed)
    var disk = SimulatedDisk()
    var database = try Database.create(Self.configuration(disk, seed))
    var model: [UInt64: Note] = [:]
    var refusals = 0
    for round in 0..<scaled(ci: 50, nightly: 3000) {
      let comment: Comment = "seed \(seed), round \(round)"
      disk.capacity = 1 << 40
      let free = try disk.freeBytes("db")
      disk.capacity = (1 << 40) - free + UInt64.random(in: 0..<200_000, using: &random)
      var isRefused = false
      for _ in 0..<2000 where !isRefused {
        let note = Note(
          id: UInt64.random(in: 0..<500, using: &random), owner: "o",
          text: String(repeating: "z", count: Int.random(in: 0..<4000, using: &random)))
        do {
          _ = try database.writeBlocking { try $0.put(note) }
          model[note.id] = note
        } catch StoreError.readOnly {
          isRefused = true
        }
        if Int.random(in: 0..<40, using: &random) == 0 { try? database.checkpoint() }
      }
      refusals += isRefused ? 1 : 0
      #expect(isRefused == (database.readOnlyReason != nil), comment)
      #expect(try database.workloadContent().notes == model, comment)
      if round % 5 == 4 {
        disk = disk.restart(keeping: .random(seed: random.next()))
        disk.capacity = nil
        database = try Database.open(Self.configuration(disk, seed))
        #expect(try database.workloadContent().notes == model, comment)
      }
      disk.capacity = nil
      database.careForBudgets()
      #expect(database.readOnlyReason == nil, comment)
      let proof = Note(id: 1000, owner: "o", text: "\(round)")
      _ = try database.writeBlocking { try $0.put(proof) }
      model[1000] = proof
      #expect(try database.check(deep: true).findings == [], comment)
    }
    #expect(refusals >= scaled(ci: 40, nightly: 2400))
    try database.close()
  }

  private static func configuration(
    _ disk: SimulatedDisk, _ seed: UInt64
  ) -> Database.Configuration {
    Database.simulated(disk, seed: seed) { Issue.record("fatal: \($0)") }
  }
}
