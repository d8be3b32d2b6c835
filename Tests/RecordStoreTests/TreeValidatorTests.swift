// The page validator against damage: whatever the bytes, it answers without trapping, and a page
// that it accepts can be searched, read and scanned without trapping. Hashes are left out on
// purpose: they would catch the damage before the validator sees it.

import Bytes
import RecordStore
import Testing

@Suite struct TreeValidatorTests {
  /// Serves one damaged page as root, with empty siblings for whatever it points to.
  private final class OnePage: PageReader {
    let pageSize: Int
    let bytes: UnsafeRawPointer
    let number: UInt64
    init(_ bytes: UnsafeRawPointer, pageSize: Int, number: UInt64) {
      self.bytes = bytes
      self.pageSize = pageSize
      self.number = number
    }
    func beginReading() -> ReadTicket { ReadTicket(slot: 0) }
    func endReading(_ ticket: ReadTicket) {}
    func page(_ reference: PageReference) throws(StoreError) -> UnsafeRawPointer {
      guard reference.number == number else { throw StoreError.corrupt("no such page") }
      return bytes
    }
    func extent(_ reference: ExtentReference) throws(StoreError) -> [UInt8] {
      [UInt8](repeating: 0, count: Int(reference.byteCount))
    }
  }

  /// Sealed pages of several shapes, leaves and branches.
  private func samples(pageSize: Int, seed: UInt64) throws -> [(UInt64, [UInt8])] {
    var random = SeededRandom(seed: seed)
    var samples: [(UInt64, [UInt8])] = []
    for workload in TreeWorkload.allCases {
      let pages = TreeTestPages(pageSize: pageSize)
      let editor = TreeEditor(pages: pages)
      var root = TreeRoot.empty
      for counter in 0..<500 {
        let key = workload.key(&random, counter)
        try editor.put(&root, key: key, value: workload.value(&random))
        if counter % 4 == 0 { try editor.delete(&root, key: workload.key(&random, counter / 2)) }
      }
      try editor.seal(&root)
      pages.endGroup()
      try TreeCheck(pages: pages, readsExtents: true).walk(root) { item in
        if case .page(let page, _) = item, let bytes = pages.bytes(of: page.number),
          samples.count < 400
        {
          samples.append((page.number, bytes))
        }
      }
    }
    return samples
  }

  /// Whether the validator accepts the page; if so, everything in it is used.
  private func survives(_ bytes: [UInt8], number: UInt64, _ random: inout SeededRandom) -> Bool {
    let seed = random.next()
    return bytes.withUnsafeBytes { buffer in
      do throws(StoreError) {
        try PageValidator.validate(buffer, expectedNumber: number)
      } catch {
        return false
      }
      guard let base = buffer.baseAddress else { return false }
      let pages = OnePage(base, pageSize: buffer.count, number: number)
      let level = Int(buffer[1])
      let root = TreeRoot(
        reference: PageReference(number: number, hash: 1), level: level, entryCount: 0)
      let reader = TreeReader(pages: pages, root: root)
      var keys = SeededRandom(seed: seed)
      for workload in TreeWorkload.allCases {
        _ = try? reader.value(workload.key(&keys, 5))
      }
      for reverse in [false, true] {
        try? reader.scan(KeyRange(), reverse: reverse) { key, value in
          _ = XXH64.hash(key) ^ XXH64.hash(value)
          return .next
        }
      }
      try? TreeCheck(pages: pages).walk(root) { _ in }
      return true
    }
  }

  @Test(arguments: [4096, 8192, 65536])
  func noDamageTraps(pageSize: Int) throws {
    let seed = UInt64(pageSize) &+ 17
    var random = SeededRandom(seed: seed)
    let samples = try samples(pageSize: pageSize, seed: seed)
    var accepted = 0
    for (number, page) in samples {
      #expect(survives(page, number: number, &random), "sound page refused, seed \(seed)")
      #expect(!survives(page, number: number &+ 1, &random), "wrong number, seed \(seed)")
      for _ in 0..<40 {
        var damaged = page
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          // Mostly where structure is: the header, the slots, cell headers.
          let limit =
            Bool.random(using: &random) ? 24 : Bool.random(using: &random) ? 200 : pageSize
          let offset = Int.random(in: 0..<limit, using: &random)
          switch Int.random(in: 0..<3, using: &random) {
          case 0: damaged[offset] ^= 1 << UInt8.random(in: 0...7, using: &random)
          case 1: damaged[offset] = UInt8.random(in: 0...255, using: &random)
          default: damaged[offset] = Bool.random(using: &random) ? 0 : 0xff
          }
        }
        if survives(damaged, number: number, &random) { accepted += 1 }
      }
      // Random bytes behind a header that looks right.
      var noise = page
      for offset in 24..<pageSize { noise[offset] = UInt8.random(in: 0...255, using: &random) }
      _ = survives(noise, number: number, &random)
      // Two slots exchanged or made equal, and a cell moved by one byte.
      for _ in 0..<4 {
        var damaged = page
        let count = Int(page[2]) | Int(page[3]) << 8
        let a = 24 + 6 * Int.random(in: 0..<count, using: &random)
        let b = 24 + 6 * Int.random(in: 0..<count, using: &random)
        if Bool.random(using: &random) {
          for byte in 0..<6 { damaged[a + byte] = page[b + byte] }
          if a != b { #expect(!survives(damaged, number: number, &random), "seed \(seed)") }
        } else {
          damaged[a] = damaged[a] &+ 1
          if survives(damaged, number: number, &random) { accepted += 1 }
        }
      }
    }
    // Damage inside a value is not the validator's to see; were nothing accepted, nothing beyond
    // the validator would have been tried.
    #expect(accepted > 0, "seed \(seed)")
  }

  @Test func refusesBytesThatAreNoPage() {
    var random = SeededRandom(seed: 3)
    for size in [0, 1, 23, 4095, 4096, 5000, 8192, 65536, 131_072] {
      #expect(!survives([UInt8](repeating: 0, count: size), number: 1, &random))
      #expect(!survives([UInt8](repeating: 0xff, count: size), number: 1, &random))
      for _ in 0..<50 {
        let bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
        #expect(!survives(bytes, number: 1, &random))
      }
    }
  }

  @Test func aSealedPageProvesItself() throws {
    var random = SeededRandom(seed: 5)
    for (_, page) in try samples(pageSize: 4096, seed: 5).prefix(60) {
      #expect(page.withUnsafeBytes(PageValidator.provesItself))
      var damaged = page
      damaged[Int.random(in: 0..<4096, using: &random)] ^= 4
      #expect(!damaged.withUnsafeBytes(PageValidator.provesItself))
    }
  }
}
