// The contract holds for a sound view, and every planted flaw breaks it.

import Bytes
import CommitLog
import Testing
import Views

@Suite struct ViewContractTests {
  func contract(_ seed: UInt64, _ flaw: MemoryView.Flaw? = nil) -> ViewContract {
    ViewContract(table: MemoryView.table, seed: seed, commits: 90) { MemoryView(flaw) }
  }

  @Test func aSoundViewKeepsEveryPromise() throws {
    for seed in 0..<UInt64(scaled(ci: 40, nightly: 40_000)) {
      #expect(try contract(seed).firstBreach() == nil, "seed \(seed)")
    }
  }

  @Test func aReplayedViewHoldsTheRowsOfTheModel() throws {
    for seed in 0..<20 as Range<UInt64> {
      let contract = contract(seed)
      let view = MemoryView()
      for step in contract.history {
        view.apply(step.entry)
        #expect(view.rows == step.after.rows, "seed \(seed) at \(step.entry.lsn)")
      }
    }
  }

  @Test(arguments: MemoryView.Flaw.allCases)
  func aFlawBreaksAPromise(_ flaw: MemoryView.Flaw) throws {
    #expect(try contract(1, flaw).firstBreach() != nil)
  }

  @Test func aViewWithoutFilesKeepsTheContractToo() throws {
    let view = MemoryView()
    final class Memory: View {
      let view = MemoryView()
      let name = "in memory only"
      var tables: [UInt32] { view.tables }
      var appliedLSN: LSN { view.appliedLSN }
      func apply(_ entry: LogEntry) { view.apply(entry) }
      func snapshot() -> any ViewSnapshot { view.snapshot() }
      func makeEmpty() -> any View { Memory() }
      func maintain() -> Bool { false }
      func rebuild(
        at lsn: LSN, from rows: (_ body: (UInt32, RawSpan, RawSpan) -> Void) throws -> Void
      ) throws { try view.rebuild(at: lsn, from: rows) }
    }
    let contract = ViewContract(table: MemoryView.table, seed: 3, commits: 50) { Memory() }
    #expect(try contract.firstBreach() == nil)
    #expect(view.appliedLSN == .zero)
  }
}
