// PageLives: when a page that the trees let go of may be used again.
//
// A run of pages lives from the LSN of the group that made it (birth) up to, not including, the LSN
// of the group that retired it. A root with LSN s can reach it exactly when birth <= s < retired
// (interval collection, as in bbolt's freelist). Roots that somebody may still read are pins: the
// live snapshots, the checkpoints of both meta blocks, and the checkpoint being written.
//
// Invariants
// 1. A run is free exactly when no pin lies in its life and its retirement is published.
// 2. A retired run waits under the lowest pin of its life; only when that pin goes is it looked at
//    again. So the work is a few steps a run, however long a reader stays.
// 3. Births are kept only for runs born after the oldest pin; an older birth cannot matter.

package struct PageRun: Hashable, Sendable {
  package var first: UInt64
  package var count: UInt64

  package init(first: UInt64, count: UInt64) {
    self.first = first
    self.count = count
  }

  package var pages: Range<UInt64> { first..<first + count }
}

package struct PageLives {
  package struct Retired {
    package var run: PageRun
    package var birth: UInt64
    package var retired: UInt64

    package func contains(_ lsn: UInt64) -> Bool { birth <= lsn && lsn < retired }
  }

  /// First page -> birth and length, of runs born after the oldest pin.
  package private(set) var births = PageMap<(lsn: UInt64, count: UInt64)>()
  /// Retired by groups that are sealed and not published.
  package private(set) var unpublished: [Retired] = []
  /// Lowest pin in the life -> the runs that wait for it.
  package private(set) var waiting: [UInt64: [Retired]] = [:]
  /// The pages of those runs. Counted along: this is asked for after every group.
  package private(set) var waitingPages: [UInt64: UInt64] = [:]

  package var waitingCount: UInt64 { waitingPages.values.reduce(0, +) }

  package init() {}

  package mutating func born(_ run: PageRun, at lsn: UInt64) {
    births[run.first] = (lsn, run.count)
  }

  /// Returns the birth of the run; 0 when it is older than every pin.
  package mutating func retire(_ run: PageRun, at lsn: UInt64) -> UInt64 {
    let birth = births.remove(run.first)?.lsn ?? 0
    precondition(birth < lsn, "page \(run.first) is retired by the group that made it")
    unpublished.append(Retired(run: run, birth: birth, retired: lsn))
    return birth
  }

  /// Runs that another checkpoint than the opened one may reach: born at an unknown time.
  package mutating func adopt(_ run: PageRun, retiredAt lsn: UInt64) {
    unpublished.append(Retired(run: run, birth: 0, retired: lsn))
  }

  /// Takes out the runs that are free now. `pins` is sorted.
  package mutating func reclaim(pins: [UInt64], published: UInt64) -> [PageRun] {
    var free: [PageRun] = []
    if unpublished.contains(where: { $0.retired <= published }) {
      let due = unpublished.filter { $0.retired <= published }
      unpublished.removeAll { $0.retired <= published }
      for life in due { place(life, pins, &free) }
    }
    for pin in waiting.keys where !Self.contains(pins, pin) {
      let list = waiting.removeValue(forKey: pin) ?? []
      waitingPages[pin] = nil
      for life in list { place(life, pins, &free) }
    }
    return free
  }

  private mutating func place(_ life: Retired, _ pins: [UInt64], _ free: inout [PageRun]) {
    let index = Self.lowerBound(pins, life.birth)
    if index < pins.count, pins[index] < life.retired {
      waiting[pins[index], default: []].append(life)
      waitingPages[pins[index], default: 0] += life.run.count
    } else {
      free.append(life.run)
    }
  }

  /// Forgets births that no pin can tell from "before everything".
  package mutating func forgetBirths(upTo oldestPin: UInt64) {
    births.filter { _, birth in birth.lsn > oldestPin }
  }

  package mutating func forget(_ run: PageRun) { births.remove(run.first) }

  /// Every retired run, published or not, in no particular order.
  package func forEachRetired(_ body: (Retired) -> Void) {
    for life in unpublished { body(life) }
    for list in waiting.values { for life in list { body(life) } }
  }

  private static func lowerBound(_ pins: [UInt64], _ lsn: UInt64) -> Int {
    var (low, high) = (0, pins.count)
    while low < high {
      let middle = (low + high) / 2
      if pins[middle] < lsn { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private static func contains(_ pins: [UInt64], _ lsn: UInt64) -> Bool {
    let index = lowerBound(pins, lsn)
    return index < pins.count && pins[index] == lsn
  }
}
