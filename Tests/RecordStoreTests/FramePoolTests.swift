// The memory of the page cache: frames beyond the budget are counted and given back, and a frame
// that is used again never changes what another page reads.

import Disk
import RecordStore
import Testing

@Suite struct FramePoolTests {
  private static let pageSize = 4096

  private func cache(pages: Int) throws -> PageCache {
    let disk = SimulatedDisk()
    disk.install("data/pages", [UInt8](repeating: 0, count: Self.pageSize))
    let file = PageFile(
      file: try disk.open("data/pages", mode: .readWrite), pageSize: Self.pageSize
    ) { _, _ in }
    let cache = PageCache(file: file, budgetBytes: pages * Self.pageSize)
    cache.extend(to: 1000)
    return cache
  }

  @Test func framesBeyondTheBudgetAreCountedAndGivenBack() throws {
    let cache = try cache(pages: 8)
    // Dirty pages cannot leave, so that only extra frames are left for the last twelve.
    for page in UInt64(2)..<22 { _ = cache.insertYoung(page) }
    #expect(cache.counters.frames == 20)
    #expect(cache.counters.framesBeyondBudget == 12)
    cache.drop([PageRun(first: 2, count: 20)])
    for page in UInt64(30)..<38 { _ = cache.insertYoung(page) }
    #expect(cache.counters.frames == 8)
    #expect(cache.counters.framesBeyondBudget == 0)
  }

  @Test func everyPageHasAFrameOfItsOwnThroughAllReuse() throws {
    let cache = try cache(pages: 8)
    for round in UInt64(0)..<50 {
      let first = 2 + round % 7 * 20
      let pages = first..<first + 12
      for page in pages {
        let frame = cache.insertYoung(page)
        for offset in stride(from: 0, to: Self.pageSize, by: 8) {
          frame.storeBytes(of: page << 32 | round, toByteOffset: offset, as: UInt64.self)
        }
      }
      for page in pages {
        let frame = try #require(cache.young(page))
        let isWhole = stride(from: 0, to: Self.pageSize, by: 8).allSatisfy {
          frame.load(fromByteOffset: $0, as: UInt64.self) == page << 32 | round
        }
        #expect(isWhole, "page \(page) in round \(round)")
      }
      cache.drop([PageRun(first: first, count: 12)])
    }
  }

  @Test func aFrameStaysWhileAReaderThatSawItIsStillReading() throws {
    let cache = try cache(pages: 1)
    let frame = cache.insertYoung(2)
    frame.storeBytes(of: 7, as: UInt64.self)
    let ticket = cache.epochs.begin()
    cache.drop([PageRun(first: 2, count: 1)])
    for page in UInt64(3)..<6 { cache.insertYoung(page).storeBytes(of: page, as: UInt64.self) }
    #expect(frame.load(as: UInt64.self) == 7)
    cache.epochs.end(ticket)
    #expect(cache.counters.frames == 4)
  }

  /// With a slot for each the oldest open section is told exactly; where slots are shared it may be told too
  /// old, and never too young.
  @Test func theOldestSectionIsNeverToldTooYoung() {
    var random = SeededRandom(seed: 31)
    for most in [100, 400] {
      let epochs = ReadEpochs()
      var open: [(ticket: ReadTicket, epoch: UInt64)] = []
      var epoch: UInt64 = 1
      for step in 0..<4000 {
        switch UInt64.random(in: 0..<5, using: &random) {
        case 0: epoch = epochs.advance() + 1
        case 1, 2:
          if open.count < most { open.append((epochs.begin(), epoch)) }
        default:
          guard let index = open.indices.randomElement(using: &random) else { continue }
          epochs.end(open.remove(at: step % 3 == 0 ? 0 : index).ticket)
        }
        let oldest = open.map(\.epoch).min() ?? .max
        if most == 100 || open.isEmpty {
          #expect(epochs.oldestActive() == oldest)
        } else {
          #expect(epochs.oldestActive() <= oldest)
        }
      }
      for section in open { epochs.end(section.ticket) }
      #expect(epochs.oldestActive() == .max)
    }
  }
}
