// souk simulate: seeds are sound, one seed is one history, a disk that lies is noticed, and the verb says so.

import Foundation
import Testing

@testable import souk

@Suite struct SimulateTests {
  private static var seeds: UInt64 {
    ProcessInfo.processInfo.environment["SOUK_NIGHTLY"] == "1" ? 20_000 : 150
  }

  @Test func everySeedEndsSound() throws {
    let first = ProcessInfo.processInfo.environment["SOUK_TEST_SEED"].flatMap(UInt64.init) ?? 1
    var (crashes, orders): (Int64, Int64) = (0, 0)
    for seed in first..<first + Self.seeds {
      do {
        var simulation = ShopSimulation(seed: seed)
        let report = try simulation.run()
        crashes += report.crashes
        orders += report.orders
      } catch {
        Issue.record("seed \(seed): \(error)")
      }
    }
    #expect(crashes > 2 * Int64(Self.seeds) && orders > 20 * Int64(Self.seeds))
  }

  @Test func oneSeedIsOneHistory() throws {
    for seed in UInt64(500)..<520 {
      var (first, second) = (ShopSimulation(seed: seed), ShopSimulation(seed: seed))
      #expect(try first.run() == second.run(), "seed \(seed)")
    }
    var (first, second) = (ShopSimulation(seed: 1), ShopSimulation(seed: 2))
    #expect(try first.run().digest != second.run().digest)
  }

  /// Most histories on a disk that forgets what it has synced must be found wanting.
  @Test func aDiskThatLiesIsNoticed() {
    let failed = (UInt64(1)...20).count { seed in
      var simulation = ShopSimulation(seed: seed, diskLies: true)
      return (try? simulation.run()) == nil
    }
    #expect(failed >= 15, "\(failed) of 20")
  }

  @Test func theVerbTellsWhatItRan() throws {
    let outcome = try run([binary, "simulate", "--seed", "7", "--runs", "2", "--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let runs = try #require(try outcome.json["runs"] as? [[String: Any]])
    #expect(runs.compactMap { $0["seed"] as? Int } == [7, 8])
    #expect(try souk("simulate", "--seed", "7").output.contains("1 run sound: 5 lives"))
    #expect(try souk("simulate", "--runs", "0").status == 2)
    #expect(try souk("simulat").errors.contains("simulate"))
  }
}
