// Meta blocks and free maps of nonsense whose hashes are right: decoding and opening end in an error or in
// a store whose check names what is wrong; nothing traps, hangs or takes memory for what is not there.

import Bytes
import CommitLog
import Disk
import RecordStore
import Testing

@Suite struct MetaFuzzTests {
  /// Numbers at which arithmetic goes wrong, and others.
  private static func nonsense(_ random: inout SplitMix64) -> UInt64 {
    switch random.next() % 5 {
    case 0: random.next()
    case 1: .max - random.next() % 4
    case 2: 1 << (random.next() % 64)
    case 3: (1 << (random.next() % 64)) &- 1
    default: random.next() % 300
    }
  }

  /// A closed store with two checkpoints.
  private static func made() throws -> SimulatedDisk {
    let disk = StoreHarness.disk()
    let store = try StoreHarness.create(disk)
    var work = StoreWorkload(seed: 21)
    for _ in 0..<2 {
      for _ in 0..<30 { try work.step(store) }
      try store.checkpoint()
    }
    store.close()
    return disk
  }

  private static func meta(_ disk: SimulatedDisk, slot: Int) throws -> MetaBlock {
    let file = try disk.open(StoreHarness.file, mode: .readOnly)
    return try MetaBlock.decode(
      try #require(try file.read(4096, at: MetaBlock.offset(slot: slot))), slot: slot)
  }

  /// Opens, checks and reads everything; an error is an answer.
  private static func use(_ disk: SimulatedDisk) -> String {
    do {
      let (store, _) = try StoreHarness.open(disk)
      let report = store.check(deep: true)
      _ = try? StoreModel.read(store.snapshot(purpose: "test"))
      let transaction = store.beginTransaction(time: Timestamp(microseconds: 99)) { 1 }
      try? transaction.put(StoreHarness.plain, key: [1], value: [2])
      _ = try? store.commit(transaction)
      try? store.publish(lsn: store.info().publishedLSN.next)
      _ = try? store.checkpoint()
      return report.problems.isEmpty ? "sound" : "told"
    } catch {
      return "refused"
    }
  }

  @Test func metaBlocksOfNonsenseNeverTrap() throws {
    let seed: UInt64 = 3100
    var random = SplitMix64(seed: seed)
    let original = try Self.made()
    let blocks = try (0...1).map { try Self.meta(original, slot: $0) }
    var outcomes: [String: Int] = [:]
    for _ in 0..<scaled(ci: 3000, nightly: 1_000_000) {
      let disk = original.clone()
      for slot in 0...1 {
        var meta = blocks[slot]
        for _ in 0..<1 + random.next() % 2 {
          let value = Self.nonsense(&random)
          switch random.next() % 8 {
          case 0: meta.lsn = LSN(value)
          case 1: meta.time = Timestamp(microseconds: Int64(bitPattern: value))
          case 2: meta.pageCount = value
          case 3: meta.root = PageReference(number: value, hash: meta.root.hash)
          case 4: meta.root = PageReference(number: meta.root.number, hash: value)
          case 5: meta.freeMap.firstPage = value
          case 6: meta.freeMap.byteCount = UInt32(truncatingIfNeeded: value)
          default: meta.sequence = value & ~1 | UInt64(slot)
          }
        }
        disk.damage(
          StoreHarness.file, at: Int(MetaBlock.offset(slot: slot)), with: meta.encoded())
      }
      outcomes[Self.use(disk), default: 0] += 1
    }
    #expect(outcomes["refused"] ?? 0 > 500, "seed \(seed): \(outcomes)")
  }

  /// Any bytes at all, with a right checksum.
  @Test func randomBytesWithARightChecksumNeverTrap() {
    var random = SplitMix64(seed: 3101)
    for _ in 0..<scaled(ci: 20_000, nightly: 5_000_000) {
      var block = MetaBlock(
        pageSize: 4096, databaseID: StoreHarness.databaseID, sequence: 2, lsn: LSN(1),
        time: .zero, pageCount: 9, root: PageReference(number: 3, hash: 4),
        freeMap: ExtentReference(firstPage: 5, byteCount: 6, hash: 7)
      ).encoded()
      for _ in 0..<1 + random.next() % 6 {
        block[8 + Int(random.next() % 96)] = UInt8(truncatingIfNeeded: random.next())
      }
      var writer = ByteWriter()
      writer.u64(XXH64.hash(Array(block.prefix(MetaBlock.checksumOffset)), seed: 0))
      block.replaceSubrange(
        MetaBlock.checksumOffset..<MetaBlock.checksumOffset + 8, with: writer.bytes)
      guard let meta = try? MetaBlock.decode(block, slot: 0) else { continue }
      #expect(meta.sequence % 2 == 0 && meta.pageSize >= 4096)
    }
  }

  @Test func freeMapsOfNonsenseAreRefusedOrMeanWhatTheySay() {
    var random = SplitMix64(seed: 3102)
    var sound = 0
    for round in 0..<scaled(ci: 20_000, nightly: 5_000_000) {
      var writer = ByteWriter()
      let count = round % 3 == 0 ? Self.nonsense(&random) : random.next() % 2000
      writer.u64(count)
      var left = count
      var state = random.next() % 3
      while left > 0, random.next() % 40 != 0 {
        // Mostly a map; now and then a run that is none.
        let length =
          random.next() % 12 == 0 ? Self.nonsense(&random) : 1 + random.next() % min(left, 300)
        writer.varint(length << 2 | (random.next() % 60 == 0 ? 3 : state))
        left = left >= length ? left - length : 0
        state = (state + 1 + random.next() % 2) % 3
      }
      let bytes = writer.bytes
      guard let map = try? FreeMap(bytes.span.bytes, pageCountMax: 1 << 20) else { continue }
      sound += 1
      #expect(map.pageCount == count && map.encoded() == bytes, "round \(round)")
      #expect(map.inUse.setCount + map.retired.setCount <= Int(count), "round \(round)")
    }
    #expect(sound > scaled(ci: 1000, nightly: 100_000))
  }

  /// A map that decodes and says something else: told by the check, and never a reason to lose a row.
  @Test func aFreeMapThatLiesIsTold() throws {
    let seed: UInt64 = 3103
    var random = SplitMix64(seed: seed)
    let original = try Self.made()
    let blocks = try (0...1).map { try Self.meta(original, slot: $0) }
    let newest = blocks[0].sequence > blocks[1].sequence ? blocks[0] : blocks[1]
    let place = Int(newest.freeMap.firstPage) * newest.pageSize
    let bytes = try #require(original.contents(StoreHarness.file))
    let honest = Array(bytes[place..<place + Int(newest.freeMap.byteCount)])
    let truth = try FreeMap(honest.span.bytes, pageCountMax: newest.pageCount)
    var told = 0
    let rounds = scaled(ci: 300, nightly: 100_000)
    for round in 0..<rounds {
      var map = truth
      let page = 1 + random.next() % (map.pageCount - 1)
      let wasInUse = map.inUse[page]
      if wasInUse { map.inUse.clear(page..<page + 1) } else { map.inUse.set(page..<page + 1) }
      map.retired.clear(page..<page + 1)
      let lie = map.encoded()
      guard lie.count <= newest.pageSize else { continue }
      let disk = original.clone()
      var meta = newest
      meta.freeMap = ExtentReference(
        firstPage: newest.freeMap.firstPage, byteCount: UInt32(lie.count),
        hash: lie.withUnsafeBytes { PageFile.hash($0) })
      disk.damage(StoreHarness.file, at: place, with: lie)
      disk.damage(
        StoreHarness.file, at: Int(MetaBlock.offset(slot: meta.slot)), with: meta.encoded())
      let (store, opening) = try StoreHarness.open(disk)
      let isTold = opening.otherRejected != nil || !store.check(deep: true).problems.isEmpty
      if isTold { told += 1 }
      #expect(
        isTold, "seed \(seed), round \(round): page \(page), was in use: \(wasInUse)")
      store.close()
    }
    #expect(told > rounds / 2)
  }
}
