// PageAccess: the line between the tree (which knows what a page means) and the pager (which knows
// where it lives). The tree codes against these two protocols only; the pager implements them over
// a file and a cache, the tests over a dictionary.
//
// Invariants
// 1. A page that a published root can reach is never changed. A page born in the current group may
//    be changed in place until the group is sealed.
// 2. A reference to a sealed page carries the page's hash (PageValidator.hash); a reference to a page of the
//    unsealed group carries 0. A hash that comes out as 0 is stored as 1.
// 3. A pointer from `page` or `editable` is valid until the read section that it was taken in ends
//    (for the writer: until the group is sealed).

/// Where a page is, and what its bytes hash to. On disk: u64 number, u64 hash = 16 bytes.
public struct PageReference: Hashable, Sendable {
  public var number: UInt64
  public var hash: UInt64

  @inlinable
  public init(number: UInt64, hash: UInt64) {
    self.number = number
    self.hash = hash
  }
}

/// A run of whole pages that holds part of a large value. On disk: u64 first page, u32 bytes,
/// u64 hash of those bytes = 20 bytes.
public struct ExtentReference: Hashable, Sendable {
  public var firstPage: UInt64
  public var byteCount: UInt32
  public var hash: UInt64

  @inlinable
  public init(firstPage: UInt64, byteCount: UInt32, hash: UInt64) {
    self.firstPage = firstPage
    self.byteCount = byteCount
    self.hash = hash
  }
}

/// Reads verified pages. Sendable: many threads read at once.
public protocol PageReader: AnyObject {
  /// Bytes a page, the same for the whole file.
  var pageSize: Int { get }
  /// Begins a read section: until `endReading` with its ticket, pointers from `page` stay valid.
  /// Sections nest, are short (a get, one leaf of a scan), and never wait for one another.
  func beginReading() -> ReadTicket
  func endReading(_ ticket: ReadTicket)
  /// The page's bytes, from the cache or the file, its hash and number verified when read.
  func page(_ reference: PageReference) throws(StoreError) -> UnsafeRawPointer
  /// A copy of an extent's bytes, verified.
  func extent(_ reference: ExtentReference) throws(StoreError) -> [UInt8]
}

public struct ReadTicket: Sendable {
  public var slot: Int

  @inlinable
  public init(slot: Int) { self.slot = slot }
}

/// Takes new pages and extents; all that it takes to build a tree.
public protocol PageSink: AnyObject {
  var pageSize: Int { get }
  /// A page to fill; what is in it is undefined, and all of it is to be written.
  func newPage() throws(StoreError) -> (number: UInt64, bytes: UnsafeMutableRawPointer)
  /// Stores bytes in a new extent (at most 1 MiB).
  func newExtent(_ bytes: RawSpan) throws(StoreError) -> ExtentReference
  /// The page from the last `newPage` is filled, its children are complete. Gives the hash for the
  /// reference to it: 0 when the page is sealed later, with its group.
  func complete(_ number: UInt64, tree: UInt32) throws(StoreError) -> UInt64
}

/// Makes and retires pages. Used by the one writer only.
public protocol PageWriter: PageReader, PageSink {
  /// The page for changing in place when it was born in this group, else nil: copy it first.
  func editable(_ number: UInt64) -> UnsafeMutableRawPointer?
  /// The page is no longer reachable from the working roots.
  func retire(_ number: UInt64)
  func retire(_ extent: ExtentReference)
}

extension PageWriter {
  public func complete(_ number: UInt64, tree: UInt32) -> UInt64 { 0 }
}
