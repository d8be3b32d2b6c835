// Crashes inside recovery, three deep: the machine goes off while it recovers from a crash, and again
// while it recovers from that. What comes out in the end is what one undisturbed recovery gives.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing

@Suite struct RecoveryCrashTests {
  private struct Recovered: Equatable {
    var count: Int
    var notes: [UInt64: Note]
    var lsn: LSN
    var hash: String

    init(_ disk: SimulatedDisk, seed: UInt64) throws {
      let database = try Database.open(Database.simulated(disk, seed: seed))
      (count, notes) = try database.workloadContent()
      (lsn, hash) = try database.contentHash()
    }
  }

  /// What one session's chains did.
  private struct Tally: Sendable {
    var chains = 0
    /// Recoveries that were cut short, by their depth.
    var cuts = [0, 0, 0]
    var failures: [String] = []
  }

  private static let depth = 3
  private static let imagesPerSession: UInt64 = 8
  private static let chainsPerImage = 10

  @Test func aRecoveryCutShortThreeTimesGivesWhatAnUndisturbedOneGives() {
    let seed = testSeed(505)
    let sessions = scaled(ci: 150, nightly: 6000)
    let tallies = onTwoThreads(sessions) { number in
      [Self.chains(seed: seed &+ UInt64(number))]
    }
    let failures = tallies.flatMap(\.failures)
    #expect(failures.isEmpty, "\(failures.count): \(failures.prefix(6).joined(separator: "\n"))")
    let chains = tallies.reduce(0) { $0 + $1.chains }
    #expect(chains >= scaled(ci: 10_000, nightly: 400_000))
    for level in 0..<Self.depth {
      let cuts = tallies.reduce(0) { $0 + $1.cuts[level] }
      #expect(cuts > chains * 3 / 4, "\(cuts) of \(chains) at level \(level)")
    }
  }

  private static func chains(seed: UInt64) -> Tally {
    var random = SplitMix64(seed: seed)
    var tally = Tally()
    let workload = Workload(seed: seed, count: 60)
    let rehearsal = SimulatedDisk()
    _ = Session.run(workload, on: rehearsal, seed: seed)
    let disk = SimulatedDisk()
    let point = Int.random(in: rehearsal.callCount / 5..<rehearsal.callCount, using: &random)
    disk.crash(atCall: point, Bool.random(using: &random) ? .before : .after)
    let session = Session.run(workload, on: disk, seed: seed)
    for subset in 0..<imagesPerSession {
      let image = disk.restart(keeping: .random(seed: seed &* 31 &+ subset))
      do {
        // Switched off while it was made: no database yet, and nothing to recover.
        if session.acknowledged == 0, try !image.exists("db/records.souk") { continue }
        let undisturbed = image.clone()
        _ = try Database.open(Database.simulated(undisturbed, seed: seed))
        let calls = undisturbed.callCount
        let expected = try Recovered(image.clone(), seed: seed)
        guard expected.count >= session.acknowledged else {
          tally.failures.append("seed \(seed), image \(subset): lost \(session.acknowledged)")
          continue
        }
        for chain in 0..<chainsPerImage {
          tally.chains += 1
          let last = cut(image, calls: calls, seed: seed, &random, &tally)
          let comment = "seed \(seed), call \(point), image \(subset), chain \(chain)"
          if try Recovered(last.clone(), seed: seed) != expected {
            tally.failures.append("\(comment): another content")
          }
          guard chain == 0 else { continue }
          if let problem = CrashTests.verify(last, workload, session, seed: seed) {
            tally.failures.append("\(comment): \(problem)")
          }
        }
      } catch {
        tally.failures.append("seed \(seed), call \(point), image \(subset): \(error)")
      }
    }
    return tally
  }

  /// Opens an image three times and cuts the opening short each time.
  private static func cut(
    _ image: SimulatedDisk, calls: Int, seed: UInt64, _ random: inout SplitMix64,
    _ tally: inout Tally
  ) -> SimulatedDisk {
    var current = image.clone()
    for level in 0..<depth {
      let moment: SimulatedDisk.Moment = Bool.random(using: &random) ? .before : .after
      current.crash(atCall: Int.random(in: 0..<calls, using: &random), moment)
      // A later opening may need fewer calls; then the machine goes off just behind it.
      if (try? Database.open(Database.simulated(current, seed: seed))) == nil {
        tally.cuts[level] += 1
      }
      current = current.restart(keeping: .random(seed: random.next()))
    }
    return current
  }
}
