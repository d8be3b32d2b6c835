// ViewSet: the views of an open database, each with its folder and what is known of its files. A view is
// an object that may be replaced by a twin (Database+Rebuild.swift), so everybody asks here for the one
// that is alive.
//
// Invariants
// 1. A view is replaced between two groups only, on the writer's thread: whoever applies a group has the
//    same views from its first entry to the snapshot that is published.
// 2. `flushedLSN` is never beyond what the manifest that stands holds durably: the log may go up to there.

import CommitLog
import Disk
import Glibc
import Synchronization
import Views

/// How a view came to hold what it holds.
public enum ViewOrigin: Equatable, Sendable {
  /// From its files, which held everything up to `lsn`, and then from the log.
  case loaded(lsn: LSN)
  /// From the records as of `lsn`, and then from the log; `reason` says why not from its files.
  case rebuilt(lsn: LSN, reason: String)
}

/// A view of an open database in numbers.
public struct ViewReport: Sendable {
  public var name: String
  /// The commit that it stands at, which every snapshot shows.
  public var lsn: LSN
  public var digest: Digest
  /// Rows of the tables that it follows.
  public var rows: UInt64
  public var origin: ViewOrigin
  /// False for a view that lives in memory only.
  public var keepsFiles: Bool
  /// What its files hold; nil when there are none.
  public var files: Files?
  /// Commits that an opening now would take from the log.
  public var lag: UInt64
  /// Bytes of log that are kept for this view alone.
  public var retainedBytes: UInt64
  /// Why the last attempt to write its files failed; it is repeated.
  public var failure: String?
  /// Why the files that it had are not used; they are replaced by the next flush.
  public var flaw: String?

  public struct Files: Equatable, Sendable {
    public var lsn: LSN
    public var count: Int
    public var bytes: UInt64
  }
}

struct ViewSlot: Sendable {
  var view: any View
  let folder: ViewFolder
  var origin = ViewOrigin.rebuilt(lsn: .zero, reason: "it is new")
  /// Up to where the log is not needed for its files; nil when there are none that count.
  var flushedLSN: LSN?
  /// Its folder holds what must not be loaded any more.
  var mustClear = false
  var keepsFiles = true
  var failure: String?
  /// `ViewSet.publishedBytes` and the time at the last flush.
  var bytesAtFlush: UInt64 = 0
  var microsAtFlush: Int64?
  var notBefore: Int64 = 0

  /// Why the files in its folder are not used; nil when they are, or when there are none.
  var unusedReason: String? {
    guard mustClear, case .rebuilt(_, let reason) = origin else { return nil }
    return reason
  }

  /// What is wrong with its files; nil when there are none, or they are as their manifest says.
  var filesFlaw: String? {
    if let unusedReason { return unusedReason }
    guard flushedLSN != nil else { return nil }
    do throws(ManifestError) {
      for file in try folder.standing().files { _ = try folder.read(file) }
      return nil
    } catch {
      return "\(error)"
    }
  }

  /// Among the consumers of the log.
  var consumer: String { "view \(view.name)" }
}

final class ViewSet: Sendable {
  let slots: Mutex<[ViewSlot]>
  /// Bytes of log since the opening.
  let publishedBytes = Atomic<UInt64>(0)
  let pace = FlushPace()

  /// - Parameter isPaced: a flush leaves a part of the disk to others.
  init(_ views: [any View], disk: any Disk, folder: String, isPaced: Bool) {
    pace.isPaced.store(isPaced, ordering: .relaxed)
    slots = Mutex(
      views.map { [pace] view in
        ViewSlot(
          view: view,
          folder: ViewFolder(disk, path: folder + "/" + view.name) { pace.wait(bytes: $0) })
      })
  }

  var all: [any View] { slots.withLock { $0.map(\.view) } }
  var count: Int { slots.withLock { $0.count } }
  var names: [String] { all.map(\.name) }

  func index(of name: String) -> Int? { all.firstIndex { $0.name == name } }

  /// `index` is below `count`, which never changes.
  subscript(index: Int) -> ViewSlot { slots.withLock { $0[index] } }

  func update(_ index: Int, _ change: (inout ViewSlot) -> Void) {
    slots.withLock { change(&$0[index]) }
  }
}

/// Slows a flush down, so that commits beside it find the disk free most of the time.
final class FlushPace: Sendable {
  /// What a slow disk of today writes in a second, or half of it.
  private static let bytesPerSecond = 64 << 20
  let isPaced = Atomic<Bool>(false)

  func wait(bytes: Int) {
    guard isPaced.load(ordering: .relaxed) else { return }
    usleep(UInt32(clamping: bytes * 1_000_000 / Self.bytesPerSecond))
  }
}
