// PageScan: one page of the file on its own, as `store page` shows it. Nobody vouches for the page
// here, so it must prove itself: by its number, its form and its hash.
//
// Extents and free maps have no form of their own; to a scan they are data like any other.

import Bytes

public struct PageReport: Equatable, Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    case meta, leaf, branch
    /// All zeros: never used.
    case empty
    /// No header of a tree page: part of a large value, of a free map, or of neither.
    case data
    /// It has the header of a tree page with this number and does not prove itself.
    case damaged
  }

  public struct Cell: Equatable, Sendable {
    /// Empty for the first cell of a branch.
    public var key: [UInt8]
    /// Bytes of the value, wherever it lies; 0 in a branch.
    public var valueBytes = 0
    /// The extents of a large value.
    public var extents: [ExtentReference] = []
    /// The child of a branch.
    public var child: PageReference?
  }

  public var number: UInt64
  public var kind: Kind
  /// Why the page is damaged.
  public var flaw: String?
  /// What a reference to the page must say.
  public var hash: UInt64
  /// The tree that it was made for; 0 is the catalog. What follows is said of leaves and branches.
  public var tree: UInt32 = 0
  public var level = 0
  public var cellCount = 0
  public var prefixBytes = 0
  /// Bytes that hold something, the frame included.
  public var usedBytes = 0
  public var cells: [Cell] = []

  /// Looks at the bytes of page `number`, whatever they are.
  public init(_ bytes: [UInt8], number: UInt64, withCells: Bool) {
    self.number = number
    kind = .data
    hash = bytes.withUnsafeBytes { PageValidator.hash($0) }
    if number < PageFile.firstPage(pageSize: bytes.count) {
      kind = .meta
    } else if bytes.allSatisfy({ $0 == 0 }) {
      kind = .empty
    } else {
      bytes.withUnsafeBytes { look($0, withCells: withCells) }
    }
  }

  private mutating func look(_ bytes: UnsafeRawBufferPointer, withCells: Bool) {
    guard let base = bytes.baseAddress, PageLayout.isValid(pageSize: bytes.count) else { return }
    let page = PageView(base, size: bytes.count)
    let hasHeader =
      page.number == number
      && (page.kind == PageLayout.leafKind || page.kind == PageLayout.branchKind)
    guard PageValidator.provesItself(bytes) else {
      if hasHeader {
        kind = .damaged
        flaw = "hash"
      }
      return
    }
    do throws(StoreError) {
      try PageValidator.validate(bytes, expectedNumber: number)
    } catch {
      kind = .damaged
      flaw = "\(error)"
      return
    }
    // Validated: from here on nothing of the page leads out of it.
    kind = page.isLeaf ? .leaf : .branch
    (tree, level, cellCount) = (page.tree, page.level, page.count)
    (prefixBytes, usedBytes) = (page.prefixLength, page.usedBytes)
    guard withCells else { return }
    cells = (0..<page.count).map { index in Self.cell(page, index) }
  }

  private static func cell(_ page: PageView, _ index: Int) -> Cell {
    guard page.isLeaf else {
      return Cell(key: index == 0 ? [] : page.key(index), child: page.child(index))
    }
    let payload = page.payload(index)
    guard page.isOverflow(index), let overflow = OverflowValue(payload) else {
      return Cell(key: page.key(index), valueBytes: payload.count)
    }
    return Cell(
      key: page.key(index), valueBytes: overflow.totalBytes,
      extents: (0..<overflow.extentCount).map { overflow.extent($0) })
  }
}

/// One of the two meta blocks, as it is.
public struct MetaReport: Equatable, Sendable {
  public var slot: Int
  /// Why it is not valid; nil when it is. What follows is said of valid ones.
  public var flaw: String?
  public var databaseID: UUIDv7?
  public var pageSize = 0
  public var sequence: UInt64 = 0
  public var lsn: UInt64 = 0
  public var time = Timestamp.zero
  public var pageCount: UInt64 = 0
  public var catalog = PageReference(number: 0, hash: 0)
  public var freeMap = ExtentReference(firstPage: 0, byteCount: 0, hash: 0)

  public var isValid: Bool { flaw == nil }

  public init(_ block: [UInt8]?, slot: Int) {
    self.slot = slot
    do throws(StoreError) {
      guard let block else { throw .corrupt("the file is too short for it") }
      let meta = try MetaBlock.decode(block, slot: slot)
      databaseID = meta.databaseID
      (pageSize, sequence, lsn) = (meta.pageSize, meta.sequence, meta.lsn.rawValue)
      (time, pageCount) = (meta.time, meta.pageCount)
      (catalog, freeMap) = (meta.root, meta.freeMap)
    } catch {
      flaw = "\(error)"
    }
  }

  public static let formatVersion = MetaBlock.formatVersion

  /// Where the block of a slot begins in the file, and how long it is.
  public static func range(slot: Int) -> (offset: UInt64, count: Int) {
    (MetaBlock.offset(slot: slot), MetaBlock.blockBytes)
  }
}
