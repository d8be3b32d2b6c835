// SnapshotRegistry: the published root, and every snapshot of an earlier one that is still read.
//
// Invariants
// 1. Publishing and pinning happen under one lock, so a snapshot's root is pinned from the moment
//    that it can be read.
// 2. An expired snapshot stays pinned until every read section that began before its expiry has
//    ended; a section that begins later sees that it is expired. So no section ever sees a page
//    that was given to new content.

import Bytes
import CommitLog
import Synchronization

/// The state that readers see.
package struct Publication: Sendable {
  package var lsn: LSN
  package var time: Timestamp
  package var catalog: PageReference
  package var roots: TreeRoots
}

/// A live snapshot, for `readers` and for the budgets.
public struct SnapshotInfo: Equatable, Sendable {
  public var id: UInt64
  public var lsn: LSN
  /// Commit time of the first later state; nil while the snapshot is the published state.
  public var supersededAt: Timestamp?
  public var purpose: String
  /// Pages that are kept for this snapshot's LSN and no earlier one.
  public var heldPages: UInt64
  public var isExpired: Bool
}

package final class SnapshotRegistry: Sendable {
  private struct Entry {
    var pin: SnapshotPin
    var info: SnapshotInfo
    /// The epoch that the expiry closed.
    var expiredEpoch: UInt64?
  }

  private struct State {
    var publication: Publication
    /// By id.
    var entries: [UInt64: Entry] = [:]
    var nextID: UInt64 = 1
  }

  private let state: Mutex<State>

  package init(_ publication: Publication) {
    state = Mutex(State(publication: publication))
  }

  package var publication: Publication { state.withLock { $0.publication } }
  package var publishedLSN: LSN { state.withLock { $0.publication.lsn } }

  package func publish(_ publication: Publication) {
    // The replaced roots are let go outside the lock.
    let replaced = state.withLock { state in
      let old = state.publication
      state.publication = publication
      for id in state.entries.keys where state.entries[id]?.info.supersededAt == nil {
        state.entries[id]?.info.supersededAt = publication.time
      }
      return old
    }
    _ = replaced
  }

  /// Pins the published state, or `earlier`, whose pages somebody else must be holding until this
  /// returns.
  func pin(
    purpose: String, pages: Pager, earlier: Publication? = nil
  ) -> SnapshotPin {
    state.withLock { state in
      let id = state.nextID
      state.nextID += 1
      let publication = earlier ?? state.publication
      let pin = SnapshotPin(id: id, publication: publication, pages: pages)
      let isCurrent = publication.lsn == state.publication.lsn
      let info = SnapshotInfo(
        id: id, lsn: publication.lsn, supersededAt: isCurrent ? nil : state.publication.time,
        purpose: purpose, heldPages: 0, isExpired: false)
      state.entries[id] = Entry(pin: pin, info: info)
      return pin
    }
  }

  func unpin(_ pin: SnapshotPin) {
    // An expired pin that nobody can read any more needs no grace either: its owner is gone.
    let entry = state.withLock { $0.entries.removeValue(forKey: pin.id) }
    _ = entry
  }

  /// The published LSN, and the LSNs that live snapshots pin.
  ///
  /// `oldestSection` gives the epoch of the oldest open read section.
  package func pins(oldestSection: () -> UInt64) -> (published: UInt64, pins: [UInt64]) {
    state.withLock { state in
      // Under the lock: every expiry seen here came before this look at the sections.
      let oldest = oldestSection()
      var lsns: Set<UInt64> = []
      for entry in state.entries.values {
        if let epoch = entry.expiredEpoch, epoch < oldest { continue }
        lsns.insert(entry.pin.publication.lsn.rawValue)
      }
      return (state.publication.lsn.rawValue, Array(lsns))
    }
  }

  /// Notes how many pages each pinned LSN keeps from being used again.
  func noteHeldPages(_ held: [UInt64: UInt64]) {
    state.withLock { state in
      for id in state.entries.keys {
        guard let lsn = state.entries[id]?.info.lsn.rawValue else { continue }
        state.entries[id]?.info.heldPages = held[lsn] ?? 0
      }
    }
  }

  package var snapshots: [SnapshotInfo] {
    state.withLock { $0.entries.values.map(\.info).sorted { $0.id < $1.id } }
  }

  /// Expires the given snapshots; `closeEpoch` closes the current epoch of the read sections.
  func expire(_ ids: [UInt64], closeEpoch: () -> UInt64) {
    state.withLock { state in
      for id in ids {
        guard let entry = state.entries[id], !entry.info.isExpired else { continue }
        entry.pin.expired.store(true, ordering: .sequentiallyConsistent)
        state.entries[id]?.info.isExpired = true
        state.entries[id]?.expiredEpoch = closeEpoch()
      }
    }
  }
}

/// A pinned root as a `PageReader` that refuses once it has expired.
final class SnapshotPin: PageReader, Sendable {
  let id: UInt64
  let publication: Publication
  let expired = Atomic<Bool>(false)
  private let pages: Pager

  init(id: UInt64, publication: Publication, pages: Pager) {
    self.id = id
    self.publication = publication
    self.pages = pages
  }

  var pageSize: Int { pages.pageSize }
  func beginReading() -> ReadTicket { pages.beginReading() }
  func endReading(_ ticket: ReadTicket) { pages.endReading(ticket) }

  func page(_ reference: PageReference) throws(StoreError) -> UnsafeRawPointer {
    try requireLife()
    return try pages.page(reference)
  }

  func extent(_ reference: ExtentReference) throws(StoreError) -> [UInt8] {
    try requireLife()
    return try pages.extent(reference)
  }

  /// Called inside a read section: if it passes, the expiry that comes later sees the section.
  private func requireLife() throws(StoreError) {
    if expired.load(ordering: .sequentiallyConsistent) { throw .snapshotExpired }
  }
}
