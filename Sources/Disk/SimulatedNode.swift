// SimulatedNode: one file's bytes on a simulated disk, as seen and as durable.
//
// 1. A sector in which `visible` and `durable` may differ is in `dirty`, except after `forget`.
// 2. marks[s] is 0 for a clean sector, else low | high << 16: the unsynced writes of sector s went to
//    its bytes low..<high (the hull of them).
// 3. `older[s]` holds what sector s was between two unsynced writes, oldest first.

struct SimulatedNode: Sendable {
  private(set) var visible: [UInt8] = []
  private(set) var durable: [UInt8] = []
  private(set) var dirty: [Int] = []
  private var marks: [UInt32] = []
  private(set) var older: [Int: [[UInt8]]] = [:]
  /// After `forget` the size on the disk is the durable one until the next change of size.
  private var hasForgottenSize = false

  static let sectorBytes = SimulatedDisk.sectorBytes

  init() {}

  /// A node at rest.
  init(durable: [UInt8]) {
    visible = durable
    self.durable = durable
    marks = [UInt32](repeating: 0, count: Self.sectors(durable.count))
  }

  static func sectors(_ bytes: Int) -> Int { (bytes + sectorBytes - 1) / sectorBytes }

  var hasUnsyncedSize: Bool { visible.count != durable.count && !hasForgottenSize }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int {
    guard let start = Int(exactly: offset), start < visible.count, buffer.count > 0 else {
      return 0
    }
    let count = min(buffer.count, visible.count - start)
    visible.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[start..<start + count])) }
    return count
  }

  mutating func write(_ bytes: UnsafeRawBufferPointer, at start: Int) {
    guard bytes.count > 0 else { return }
    let end = start + bytes.count
    if end > visible.count { resize(end) }
    mark(start..<end)
    visible.withUnsafeMutableBytes {
      UnsafeMutableRawBufferPointer(rebasing: $0[start..<end]).copyMemory(from: bytes)
    }
  }

  mutating func resize(_ size: Int) {
    hasForgottenSize = false
    let old = visible.count
    if size < old {
      visible.removeLast(old - size)
      let kept = Self.sectors(size)
      dirty.removeAll { $0 >= kept }
      older = older.filter { $0.key < kept }
      marks.removeLast(marks.count - kept)
    } else {
      visible.append(contentsOf: repeatElement(0, count: size - old))
      marks.append(contentsOf: repeatElement(0, count: Self.sectors(size) - marks.count))
      // Bytes cut off and grown again are zero now, and may be something else on the disk.
      if old < durable.count { mark(old..<min(size, durable.count)) }
    }
  }

  private mutating func mark(_ range: Range<Int>) {
    var start = range.lowerBound
    while start < range.upperBound {
      let sector = start / Self.sectorBytes
      let base = sector * Self.sectorBytes
      let end = min(range.upperBound, base + Self.sectorBytes)
      var low = UInt32(start - base)
      var high = UInt32(end - base)
      if marks[sector] == 0 {
        dirty.append(sector)
      } else {
        let limit = min(base + Self.sectorBytes, visible.count)
        older[sector, default: []].append(Array(visible[base..<limit]))
        low = min(low, marks[sector] & 0xffff)
        high = max(high, marks[sector] >> 16)
      }
      marks[sector] = low | high << 16
      start = end
    }
  }

  mutating func sync() {
    if durable.count > visible.count {
      durable.removeLast(durable.count - visible.count)
    } else if !hasForgottenSize {
      durable.append(contentsOf: repeatElement(0, count: visible.count - durable.count))
    }
    for sector in dirty { copySector(sector) }
    clean()
  }

  /// What Linux does when a sync fails: the pages count as clean, and never reach the disk.
  mutating func forget() {
    clean()
    hasForgottenSize = visible.count != durable.count
  }

  private mutating func clean() {
    for sector in dirty { marks[sector] = 0 }
    dirty.removeAll(keepingCapacity: true)
    if !older.isEmpty { older = [:] }
  }

  private mutating func copySector(_ sector: Int) {
    let base = sector * Self.sectorBytes
    let end = min(base + Self.sectorBytes, visible.count, durable.count)
    guard base < end else { return }
    visible.withUnsafeBytes { source in
      durable.withUnsafeMutableBytes {
        UnsafeMutableRawBufferPointer(rebasing: $0[base..<end])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[base..<end]))
      }
    }
  }

  // MARK: After a crash

  enum SectorFate {
    case kept, dropped, stale, garbage
  }

  /// The node as a crash leaves it. `sizeIsKept` is asked first, then each dirty sector in order.
  func survivor(
    sizeIsKept: () -> Bool, fate: () -> SectorFate, random: () -> UInt64
  ) -> SimulatedNode {
    if dirty.isEmpty && !hasUnsyncedSize { return SimulatedNode(durable: durable) }
    var result = durable
    if hasUnsyncedSize && sizeIsKept() {
      if visible.count < result.count {
        result.removeLast(result.count - visible.count)
      } else {
        result.append(contentsOf: repeatElement(0, count: visible.count - result.count))
      }
    }
    for sector in dirty.sorted() {
      let base = sector * Self.sectorBytes
      let end = min(base + Self.sectorBytes, visible.count, result.count)
      let fate = fate()
      guard base < end else { continue }
      switch fate {
      case .dropped: break
      case .kept: result.replaceSubrange(base..<end, with: visible[base..<end])
      case .stale:
        if let versions = older[sector], !versions.isEmpty {
          let version = versions[Int(random() % UInt64(versions.count))]
          let count = min(version.count, end - base)
          result.replaceSubrange(base..<base + count, with: version[..<count])
        }
      case .garbage:
        let low = base + Int(marks[sector] & 0xffff)
        let high = min(end, base + Int(marks[sector] >> 16))
        guard low < high else { continue }
        for index in low..<high {
          let noise = UInt8(truncatingIfNeeded: random())
          if result[index] != visible[index] { result[index] = noise }
        }
      }
    }
    return SimulatedNode(durable: result)
  }

  // MARK: Damage at rest

  /// Changes bytes of both images; what lies outside of either is left.
  mutating func damage(_ bytes: [UInt8], at offset: Int) {
    for (index, byte) in bytes.enumerated() {
      if offset + index < visible.count { visible[offset + index] = byte }
      if offset + index < durable.count { durable[offset + index] = byte }
    }
  }
}
