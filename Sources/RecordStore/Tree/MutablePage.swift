// MutablePage: changes in a page that was born in the current group. Every call leaves a page that
// PageValidator accepts (but for the hashes, which seal computes), except that `removeCell` may
// leave a page without cells, which its caller then removes.

/// Edits one page in place.
struct MutablePage {
  let base: UnsafeMutableRawPointer
  let size: Int

  @inline(__always)
  init(_ base: UnsafeMutableRawPointer, size: Int) {
    self.base = base
    self.size = size
  }

  @inline(__always) var view: PageView { PageView(base, size: size) }

  @inline(__always)
  func store16(_ value: Int, _ offset: Int) {
    base.storeBytes(
      of: UInt16(truncatingIfNeeded: value).littleEndian, toByteOffset: offset, as: UInt16.self)
  }
  @inline(__always)
  func store64(_ value: UInt64, _ offset: Int) {
    base.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt64.self)
  }

  /// Makes any bytes into a page without cells.
  func start(level: Int, number: UInt64, prefix length: Int) {
    base.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    base.storeBytes(
      of: level == 0 ? PageLayout.leafKind : PageLayout.branchKind, as: UInt8.self)
    base.storeBytes(of: UInt8(truncatingIfNeeded: level), toByteOffset: 1, as: UInt8.self)
    store16(size - PageLayout.trailerBytes - length, 4)
    store16(length, 6)
    store64(number, 16)
  }

  /// A copy of `source` under a new number, its hash cleared.
  func copy(_ source: UnsafeRawPointer, number: UInt64) {
    base.copyMemory(from: source, byteCount: size)
    store64(number, 16)
    store64(0, size - PageLayout.trailerBytes)
  }

  /// Whether a cell with such a key and payload can be inserted without rebuilding the page.
  @inline(__always)
  func hasRoom(for key: BorrowedBytes, payloadBytes: Int) -> Bool {
    let view = view
    let prefix = view.prefix
    guard key.count >= prefix.count else { return false }
    let need =
      PageLayout.slotBytes + PageLayout.cellHeaderBytes + key.count - prefix.count + payloadBytes
    guard need <= view.contiguousBytes else { return false }
    return BorrowedBytes.compare(
      BorrowedBytes(start: key.start, count: prefix.count), prefix) == 0
  }

  /// Inserts a cell before slot `index`. There must be room, and the key must have the prefix.
  @inline(__always)
  func insertCell(at index: Int, key: BorrowedBytes, info: UInt16, payload: UnsafeRawPointer) {
    let view = view
    let suffix = key.dropping(view.prefixLength)
    let count = view.count
    let payloadBytes = Int(info & ~PageLayout.overflowBit)
    let offset =
      view.contentStart - PageLayout.cellHeaderBytes - suffix.count - payloadBytes
    let cell = base + offset
    cell.storeBytes(of: UInt16(suffix.count).littleEndian, as: UInt16.self)
    cell.storeBytes(of: info.littleEndian, toByteOffset: 2, as: UInt16.self)
    (cell + PageLayout.cellHeaderBytes).copyMemory(from: suffix.start, byteCount: suffix.count)
    (cell + PageLayout.cellHeaderBytes + suffix.count).copyMemory(
      from: payload, byteCount: payloadBytes)
    let slot = base + PageLayout.headerBytes + index * PageLayout.slotBytes
    (slot + PageLayout.slotBytes).copyMemory(
      from: slot, byteCount: (count - index) * PageLayout.slotBytes)
    slot.storeBytes(of: UInt16(offset).littleEndian, as: UInt16.self)
    slot.storeBytes(of: suffix.head.littleEndian, toByteOffset: 2, as: UInt32.self)
    store16(count + 1, 2)
    store16(offset, 4)
  }

  /// Removes a cell and clears its bytes. Not for the first cell of a branch.
  func removeCell(at index: Int) {
    let view = view
    let count = view.count
    let bytes = view.cellBytes(index)
    let offset = base.distance(to: UnsafeMutableRawPointer(mutating: view.cell(index)))
    (base + offset).initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    if offset == view.contentStart {
      store16(offset + bytes, 4)
    } else {
      store16(view.fragmentedBytes + bytes, 8)
    }
    let slot = base + PageLayout.headerBytes + index * PageLayout.slotBytes
    slot.copyMemory(
      from: slot + PageLayout.slotBytes, byteCount: (count - index - 1) * PageLayout.slotBytes)
    (base + PageLayout.headerBytes + (count - 1) * PageLayout.slotBytes)
      .initializeMemory(as: UInt8.self, repeating: 0, count: PageLayout.slotBytes)
    store16(count - 1, 2)
  }

  /// Overwrites a payload with one of the same length.
  @inline(__always)
  func replacePayload(at index: Int, with payload: UnsafeRawPointer) {
    let old = view.payload(index)
    UnsafeMutableRawPointer(mutating: old.start).copyMemory(from: payload, byteCount: old.count)
  }

  @inline(__always)
  func setChild(_ reference: PageReference, at index: Int) {
    let payload = UnsafeMutableRawPointer(mutating: view.payload(index).start)
    payload.storeBytes(of: reference.number.littleEndian, as: UInt64.self)
    payload.storeBytes(of: reference.hash.littleEndian, toByteOffset: 8, as: UInt64.self)
  }
}
