// View: the contract of every engine that follows the commit log. A view holds nothing of its own:
// it is a function of the log, can be thrown away, and is then rebuilt from the truth.
//
// Invariants
// 1. `apply` is a pure function of the commit and the view's own state. It reads no other engine,
//    no clock and no random number, and cannot fail on a valid commit.
// 2. `apply` is idempotent: a commit at or below `appliedLSN` changes nothing.
// 3. A snapshot never changes, whatever is applied afterwards, and answers at exactly its LSN.
// 4. Two views that applied the same commits, in whatever mixture of rebuild and replay, have the
//    same digest and give the same answers.
// 5. A view that keeps files keeps its position with them, in one manifest (ViewFolder): `flush` and
//    `load` change no answer. What cannot be loaded is rebuilt.
//
// What a view may rely on
// - Entries come in the order of their LSNs, without a gap, and only when they are durable.
// - Shared ordinals: every row that engines must agree on (a document, a user) carries one dense
//   UInt32, given by the record store in the transaction that creates it (`Transaction.nextOrdinal`,
//   counted in its table "ordinals" by space, from 0, never given twice). It is part of the row's value, so
//   that it is in the log, the same in replay and rebuild. A view uses it as document, vector or node
//   number, and a set of ordinals means the same rows in every engine at the same LSN. A deleted row's
//   ordinal stays unused; a transaction that is dropped leaves no gap.
// - A before-image is there for each put and delete of a key that had a value, in tables declared so.

import Bytes
import CommitLog

/// An engine that follows the log. `apply` and `rebuild` are called by one thread at a time;
/// `snapshot` by any.
public protocol View: AnyObject, Sendable {
  /// Names the view in manifests, on the command line and in errors.
  var name: String { get }
  /// The last commit that this view holds.
  var appliedLSN: LSN { get }
  func apply(_ entry: LogEntry)
  /// Pins the state at `appliedLSN`.
  func snapshot() -> any ViewSnapshot
  /// Forgets everything and takes the state from `rows`, which calls its argument with every row
  /// (table, key, value) of the tables that the view follows, at `lsn`, in any order.
  func rebuild(at lsn: LSN, from rows: (_ body: (UInt32, RawSpan, RawSpan) -> Void) throws -> Void)
    throws
  /// The tables whose changes the view needs.
  var tables: [UInt32] { get }
  /// A view of the same configuration that holds nothing, to compare with or to rebuild beside.
  func makeEmpty() -> any View
  /// Background work that changes no answer: merging. Returns false when nothing is left.
  func maintain() -> Bool
  /// Writes what the view holds into `folder`, beside `apply`, and commits its manifest. Returns the LSN
  /// up to which the log is not needed for this view any more; nil for a view that lives in memory only,
  /// whose folder is left alone. Not beside `maintain` or another `flush`. After an error the view goes
  /// on, and a later flush tries again; the folder may have lost what no manifest named, and may have
  /// been cleared: what stands there is what `folder.open` says.
  func flush(to folder: ViewFolder, databaseID: UUIDv7) throws -> LSN?
  /// Takes the state from `folder`: afterwards `appliedLSN` is the manifest's, and the log follows from
  /// there. False when the owner must rebuild the view instead: there is nothing, or nothing that fits.
  func load(from folder: ViewFolder, databaseID: UUIDv7) throws -> Bool
}

extension View {
  public func flush(to folder: ViewFolder, databaseID: UUIDv7) throws -> LSN? { nil }
  public func load(from folder: ViewFolder, databaseID: UUIDv7) throws -> Bool { false }
}

/// A view's frozen state.
public protocol ViewSnapshot: Sendable {
  var lsn: LSN { get }
  /// Order-independent digest of the projected content.
  var digest: Digest { get }
}

/// A 128-bit multiset hash: the sum of two seeded XXH64 hashes of each element. Adding and removing
/// commute, so it can be kept up to date and compared with one computed from scratch.
public struct Digest: Hashable, Sendable, CustomStringConvertible {
  public var high: UInt64 = 0
  public var low: UInt64 = 0

  public init() {}

  public mutating func add(_ element: [UInt8]) {
    high &+= XXH64.hash(element, seed: 0x534f_554b)
    low &+= XXH64.hash(element, seed: 0x7669_6577)
  }

  public mutating func remove(_ element: [UInt8]) {
    high &-= XXH64.hash(element, seed: 0x534f_554b)
    low &-= XXH64.hash(element, seed: 0x7669_6577)
  }

  public var description: String {
    let digits = String(high, radix: 16) + "-" + String(low, radix: 16)
    return digits
  }
}
