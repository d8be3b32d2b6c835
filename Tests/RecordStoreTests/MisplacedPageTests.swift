// Misplaced pages: two pages exchanged, or one put back as it was at an earlier checkpoint. Each page
// is whole and proves itself; only the reference to it can tell that it is not the one. (Test T10.)

import Bytes
import CommitLog
import Disk
import RecordStore
import Testing

@Suite struct MisplacedPageTests {
  private static let pageBytes = 4096

  /// A closed store, its file at some of its checkpoints, and the rows of the two newest.
  private struct Made {
    var disk = StoreHarness.disk()
    var files: [[UInt8]] = []
    var older = StoreModel()
    var newer = StoreModel()
    var pages: Int { (files.last?.count ?? 0) / pageBytes }

    func page(_ number: Int, of file: Int) -> ArraySlice<UInt8> {
      files[file][number * pageBytes..<(number + 1) * pageBytes]
    }
  }

  private static func make(seed: UInt64) throws -> Made {
    var made = Made()
    let store = try StoreHarness.create(made.disk)
    var work = StoreWorkload(seed: seed)
    for _ in 0..<6 {
      for _ in 0..<30 { try work.step(store) }
      try store.checkpoint()
      (made.older, made.newer) = (made.newer, work.model)
      made.files.append(try #require(made.disk.contents(StoreHarness.file)))
    }
    store.close()
    return made
  }

  private enum Verdict: Equatable {
    case unnoticed
    case noticed
    case wrong
  }

  /// What the store on `disk` says, to readers and to the check.
  private static func judge(_ disk: SimulatedDisk, _ made: Made) -> Verdict {
    guard let (store, opening) = try? StoreHarness.open(disk) else { return .noticed }
    defer { store.close() }
    let isOlder = opening.checkpointLSN == LSN(150)
    if let found = try? StoreModel.read(store.snapshot(purpose: "test")) {
      guard found == (isOlder ? made.older : made.newer) else { return .wrong }
    } else if store.check(deep: true).isSound {
      return .wrong
    }
    let isSound = opening.otherRejected == nil && store.check(deep: true).isSound
    return isSound ? .unnoticed : .noticed
  }

  private static func damaged(_ made: Made, _ changes: [(Int, ArraySlice<UInt8>)]) -> SimulatedDisk
  {
    let disk = made.disk.clone()
    for (page, bytes) in changes {
      disk.damage(StoreHarness.file, at: page * pageBytes, with: Array(bytes))
    }
    return disk
  }

  @Test func everyMisplacedPageThatMattersIsNoticed() throws {
    let made = try Self.make(seed: 10)
    let junk = [UInt8](repeating: 0xff, count: Self.pageBytes)
    // What no checkpoint leads to may hold anything.
    let dead = Set(
      (2..<made.pages).filter {
        Self.judge(Self.damaged(made, [($0, junk[...])]), made) == .unnoticed
      })
    #expect(made.pages - dead.count > 60, "\(dead.count) of \(made.pages)")

    let cases = scaled(ci: 10_000, nightly: 1_000_000)
    var random = SplitMix64(seed: 10)
    var noticed = 0
    var counted = 0
    while counted < cases {
      let page = Int.random(in: 2..<made.pages, using: &random)
      let last = made.files.count - 1
      var changes: [(Int, ArraySlice<UInt8>)]
      if Bool.random(using: &random) {
        let other = Int.random(in: 2..<made.pages, using: &random)
        changes = [(page, made.page(other, of: last)), (other, made.page(page, of: last))]
      } else {
        let file = Int.random(in: 0..<last, using: &random)
        guard (page + 1) * Self.pageBytes <= made.files[file].count else { continue }
        changes = [(page, made.page(page, of: file))]
      }
      changes.removeAll { made.page($0.0, of: last) == $0.1 }
      guard changes.contains(where: { !dead.contains($0.0) }) else { continue }
      counted += 1
      let verdict = Self.judge(Self.damaged(made, changes), made)
      if verdict == .noticed { noticed += 1 }
      #expect(verdict == .noticed, "case \(counted), pages \(changes.map(\.0))")
    }
    #expect(noticed == cases)
  }
}
