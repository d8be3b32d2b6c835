// TreeTestPages: pages in a dictionary, and a bookkeeper that reports every breach of the contract
// between tree and pager: a sealed page changed, a page retired twice or without being live, a
// reference whose hash is not that of its bytes, a page that the validator refuses.

import Bytes
import RecordStore
import Testing

/// A small fast generator, so that a printed seed replays a test (Steele and Vigna, SplitMix64).
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

final class TreeTestPages: PageWriter {
  let pageSize: Int
  private var pages: [UInt64: UnsafeMutableRawPointer] = [:]
  private var extents: [UInt64: [UInt8]] = [:]
  /// Born in the current group.
  private(set) var born: Set<UInt64> = []
  /// Hashes of the sealed pages, to notice a change.
  private var sealedHashes: [UInt64: UInt64] = [:]
  /// Reachable from the working roots, as far as `newPage` and `retire` tell.
  private(set) var live: Set<UInt64> = []
  private(set) var liveExtents: Set<UInt64> = []
  private var nextNumber: UInt64 = 1
  private var openSections = 0
  /// From `beginSeal` to the end of the group: nothing is read that is not born, nothing is taken.
  var isSealing = false
  private(set) var breaches: [String] = []

  init(pageSize: Int) { self.pageSize = pageSize }

  deinit {
    for page in pages.values { page.deallocate() }
  }

  func beginReading() -> ReadTicket {
    openSections += 1
    return ReadTicket(slot: openSections)
  }

  func endReading(_ ticket: ReadTicket) {
    if ticket.slot != openSections { breaches.append("sections do not nest") }
    openSections -= 1
  }

  func page(_ reference: PageReference) throws(StoreError) -> UnsafeRawPointer {
    if openSections == 0 { breaches.append("page read outside a section") }
    if isSealing, !born.contains(reference.number) { breaches.append("page read while sealing") }
    guard let page = pages[reference.number] else {
      throw StoreError.corrupt("no page \(reference.number)")
    }
    if born.contains(reference.number) {
      if reference.hash != 0, reference.hash != hash(page) { breaches.append("hash of born page") }
    } else {
      if reference.hash != hash(page) { breaches.append("hash of page \(reference.number)") }
      try PageValidator.validate(
        UnsafeRawBufferPointer(start: page, count: pageSize), expectedNumber: reference.number)
    }
    return UnsafeRawPointer(page)
  }

  func extent(_ reference: ExtentReference) throws(StoreError) -> [UInt8] {
    guard let bytes = extents[reference.firstPage] else {
      throw StoreError.corrupt("no extent \(reference.firstPage)")
    }
    if XXH64.hash(bytes) != reference.hash || bytes.count != Int(reference.byteCount) {
      breaches.append("hash of extent \(reference.firstPage)")
    }
    return bytes
  }

  func newPage() throws(StoreError) -> (number: UInt64, bytes: UnsafeMutableRawPointer) {
    if isSealing { breaches.append("page taken while sealing") }
    let page = UnsafeMutableRawPointer.allocate(byteCount: pageSize, alignment: 16)
    page.initializeMemory(as: UInt8.self, repeating: 0, count: pageSize)
    let number = nextNumber
    nextNumber += 1
    pages[number] = page
    born.insert(number)
    live.insert(number)
    return (number, page)
  }

  func editable(_ number: UInt64) -> UnsafeMutableRawPointer? {
    born.contains(number) ? pages[number] : nil
  }

  func retire(_ number: UInt64) {
    if live.remove(number) == nil { breaches.append("page \(number) retired, not live") }
  }

  func newExtent(_ bytes: RawSpan) throws(StoreError) -> ExtentReference {
    let copy = [UInt8](copying: bytes)
    if copy.isEmpty || copy.count > PageLayout.extentBytesMax { breaches.append("extent size") }
    let number = nextNumber
    nextNumber += UInt64((copy.count + pageSize - 1) / pageSize)
    extents[number] = copy
    liveExtents.insert(number)
    return ExtentReference(
      firstPage: number, byteCount: UInt32(copy.count), hash: XXH64.hash(copy))
  }

  func retire(_ extent: ExtentReference) {
    if liveExtents.remove(extent.firstPage) == nil { breaches.append("extent retired, not live") }
  }

  /// Ends the group: from here on its pages must not change.
  func endGroup() {
    for number in born { sealedHashes[number] = pages[number].map(hash) }
    born.removeAll()
    isSealing = false
  }

  func bytes(of number: UInt64) -> [UInt8]? {
    pages[number].map { [UInt8](UnsafeRawBufferPointer(start: $0, count: pageSize)) }
  }

  private func hash(_ page: UnsafeMutableRawPointer) -> UInt64 {
    let hash = PageValidator.hash(UnsafeRawBufferPointer(start: page, count: pageSize))
    return hash == 0 ? 1 : hash
  }

  /// What every test ends with: no breach, no sealed page changed, no open section, and the live
  /// pages are exactly those that `roots` reach.
  func expectClean(
    roots: [TreeRoot], _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(breaches == [], comment, sourceLocation: sourceLocation)
    #expect(openSections == 0, comment, sourceLocation: sourceLocation)
    for (number, expected) in sealedHashes {
      if let page = pages[number], hash(page) != expected {
        Issue.record("sealed page \(number) changed; \(comment)", sourceLocation: sourceLocation)
      }
    }
    var reached: Set<UInt64> = []
    var reachedExtents: Set<UInt64> = []
    do {
      for root in roots {
        try TreeCheck(pages: self, isSealed: born.isEmpty).walk(root) { item in
          let isNew: Bool
          switch item {
          case .page(let page, _): isNew = reached.insert(page.number).inserted
          case .extent(let extent): isNew = reachedExtents.insert(extent.firstPage).inserted
          }
          #expect(isNew, comment, sourceLocation: sourceLocation)
        }
      }
    } catch {
      Issue.record("check: \(error); \(comment)", sourceLocation: sourceLocation)
    }
    #expect(reached == live, comment, sourceLocation: sourceLocation)
    #expect(reachedExtents == liveExtents, comment, sourceLocation: sourceLocation)
  }
}
