// The roots of trees in a sorted array, against a dictionary.

import Bytes
import Testing

@testable import RecordStore

@Suite struct TreeRootsTests {
  @Test func theyAreWhatADictionaryWouldBe() {
    var generator = SplitMix64(seed: 21)
    var roots = TreeRoots()
    var oracle: [UInt32: TreeRoot] = [:]
    for step in 0..<20_000 {
      let tree = UInt32(generator.next() % 90) << 8 | UInt32(generator.next() % 3)
      switch generator.next() % 4 {
      case 0:
        // An empty root is none, as nil is.
        roots[tree] = step % 2 == 0 ? nil : .empty
        oracle[tree] = nil
      case 1, 2:
        let reference = PageReference(number: generator.next() | 1, hash: generator.next())
        let root = TreeRoot(reference: reference, level: 1, entryCount: UInt64(step))
        roots[tree] = root
        oracle[tree] = root
      default: break
      }
      #expect(roots[tree] == oracle[tree], "step \(step) of seed 21")
      #expect(roots.all.count == oracle.count && roots.isEmpty == oracle.isEmpty)
    }
    #expect(roots.keys == oracle.keys.sorted())
    #expect(roots.values == oracle.sorted { $0.key < $1.key }.map(\.value))
    #expect(roots.all.map(\.key) == roots.keys)
  }
}
