// The page map against a dictionary, over random sets and removals of few and of many pages.

import Bytes
import Testing

@testable import RecordStore

@Suite struct PageMapTests {
  @Test(arguments: [8, 100, 5000] as [UInt64])
  func itIsADictionary(pages: UInt64) {
    var random = SplitMix64(seed: pages)
    var map = PageMap<UInt64>()
    var oracle: [UInt64: UInt64] = [:]
    for step in 0..<20_000 {
      // Pages come in runs; the high bits are those of a large file.
      let page = 1 + random.next() % pages + (random.next() % 3) << 30
      let value = random.next()
      switch random.next() % (step / 4000 % 2 == 0 ? 3 : 5) {
      case 0, 1:
        map[page] = value
        oracle[page] = value
      case 2:
        map[page] = nil
        oracle[page] = nil
      default: #expect(map.remove(page) == oracle.removeValue(forKey: page), "step \(step)")
      }
      #expect(map[page] == oracle[page], "step \(step)")
      #expect(map.count == oracle.count)
      if step % 2500 == 0 { expectEqual(map, oracle) }
    }
    map.filter { page, value in (page ^ value) % 2 == 0 }
    oracle = oracle.filter { ($0.key ^ $0.value) % 2 == 0 }
    expectEqual(map, oracle)
    for page in oracle.keys { map.remove(page) }
    expectEqual(map, [:])
    #expect(map.isEmpty && map.pages.isEmpty)
  }

  private func expectEqual(_ map: PageMap<UInt64>, _ oracle: [UInt64: UInt64]) {
    var found: [UInt64: UInt64] = [:]
    map.visit { page, value in #expect(found.updateValue(value, forKey: page) == nil) }
    #expect(found == oracle)
    #expect(map.pages.sorted() == oracle.keys.sorted())
    for (page, value) in oracle { #expect(map[page] == value) }
  }
}
