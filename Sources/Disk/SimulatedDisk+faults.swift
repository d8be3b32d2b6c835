// SimulatedDisk, the tests' side: plan faults, crash, restart, fork, damage, look inside.

import Bytes

extension SimulatedDisk {
  /// When the crash happens, seen from the call at which it happens. After: the call had its effect,
  /// unsynced where it needs a sync, but the caller never learns.
  public enum Moment: CaseIterable, Sendable {
    case before, after
  }

  /// What a failing call did all the same.
  public enum Effect: CaseIterable, Sendable {
    case none
    /// A write wrote the first half; any other call did everything.
    case half
    case whole
  }

  /// Which unsynced units a restart finds on the disk.
  public enum Survival: Sendable {
    case none
    case all
    /// Each unit on its own: kept, dropped, or (sectors) stale or garbage.
    case random(seed: UInt64)
    /// Bit i: unit i is kept; units beyond 64 are dropped. See `unsyncedCount`.
    case mask(UInt64)
  }

  /// Calls made so far; the next call has this number.
  public var callCount: Int { state.withLock { $0.callCount } }

  public var isCrashed: Bool { state.withLock { $0.crashed } }

  /// The calls since `startTrace`, in order.
  public var trace: [DiskCall] { state.withLock { $0.trace ?? [] } }

  public func startTrace() { state.withLock { $0.trace = [] } }

  /// How many units a crash now would decide on: changed sizes and sectors, then changed names.
  public var unsyncedCount: Int {
    state.withLock { state in
      state.nodes.reduce(state.pendingNames.count) {
        $0 + $1.dirty.count + ($1.hasUnsyncedSize ? 1 : 0)
      }
    }
  }

  // MARK: Faults to come

  /// Crashes at the call with the given number, counted as `callCount` counts.
  public func crash(atCall number: Int, _ moment: Moment = .before) {
    state.withLock { $0.crashPlan = (number, moment) }
  }

  public func crash() { state.withLock { $0.crashed = true } }

  /// The call of this kind that comes after `skipping` others of the kind fails; nil is any call.
  /// A lasting failure goes on for ever.
  public func fail(
    _ kind: DiskCall.Kind?, skipping: Int = 0, with error: DiskError.Kind = .inputOutput(5),
    lasting: Bool = false, effect: Effect = .none
  ) {
    state.withLock {
      $0.failures.append(
        .init(kind: kind, left: skipping, error: error, isLasting: lasting, effect: effect))
    }
  }

  /// Whether every planned single failure has happened.
  public var hasNoFailureLeft: Bool { state.withLock { $0.failures.isEmpty } }

  public func clearFailures() { state.withLock { $0.failures = [] } }

  /// Syncs of files and folders in this range of call numbers return and do nothing.
  public func lieAboutSyncs(_ calls: Range<Int>?) { state.withLock { $0.lyingCalls = calls } }

  /// Bytes of all files together; nil is without limit.
  public var capacity: UInt64? {
    get { state.withLock { $0.capacity } }
    set { state.withLock { $0.capacity = newValue } }
  }

  // MARK: Copies

  /// A running disk in the same state: same content, same unsynced units, no locks, no planned
  /// faults, its own call count from 0.
  public func clone() -> SimulatedDisk {
    let copy = state.withLock { state in
      var copy = SimulatedState()
      copy.nodes = state.nodes
      copy.names = state.names
      copy.durableNames = state.durableNames
      copy.pendingNames = state.pendingNames
      copy.capacity = state.capacity
      return copy
    }
    return SimulatedDisk(state: copy)
  }

  /// The disk that the machine finds after losing power now. This disk is left as it is, so that a
  /// test can restart from one crash as often as it likes.
  public func restart(keeping survival: Survival) -> SimulatedDisk {
    var generator = SplitMix64(seed: 0)
    if case .random(let seed) = survival { generator = SplitMix64(seed: seed) }
    var unit: UInt64 = 0
    func isKept() -> Bool {
      defer { unit += 1 }
      return switch survival {
      case .none: false
      case .all: true
      case .random: generator.next() & 1 == 0
      case .mask(let bits): unit < 64 && bits >> unit & 1 == 1
      }
    }
    func fate() -> SimulatedNode.SectorFate {
      guard case .random = survival else { return isKept() ? .kept : .dropped }
      unit += 1
      return switch generator.next() % 8 {
      case 0, 1, 2: .kept
      case 3, 4, 5: .dropped
      case 6: .stale
      default: .garbage
      }
    }
    let copy = state.withLock { state in
      var copy = SimulatedState()
      copy.capacity = state.capacity
      copy.nodes = state.nodes.map {
        $0.survivor(sizeIsKept: isKept, fate: fate, random: { generator.next() })
      }
      var names = state.durableNames
      for change in state.pendingNames where isKept() {
        SimulatedState.apply(change, to: &names)
      }
      copy.names = names.filter { SimulatedState.isReachable($0.key, in: names) }
      copy.durableNames = copy.names
      return copy
    }
    return SimulatedDisk(state: copy)
  }

  // MARK: Content and damage at rest; none of these counts as a call

  /// The bytes that a program sees; nil when there is no such file.
  public func contents(_ path: String) -> [UInt8]? {
    state.withLock { state in
      state.node(path).map { state.nodes[$0].visible }
    }
  }

  /// Every file's path, sorted.
  public var files: [String] {
    state.withLock { state in
      state.names.filter { $0.value != .directory }.keys.sorted()
    }
  }

  /// Overwrites bytes behind everybody's back; bytes beyond the end are ignored.
  public func damage(_ path: String, at offset: Int, with bytes: [UInt8]) {
    state.withLock { state in
      if let node = state.node(path) { state.nodes[node].damage(bytes, at: offset) }
    }
  }

  /// Flips one bit; `bit` counts from the start of the file.
  public func flipBit(_ path: String, bit: Int) {
    guard let bytes = contents(path), bit / 8 < bytes.count else { return }
    damage(path, at: bit / 8, with: [bytes[bit / 8] ^ (1 << UInt8(bit % 8))])
  }

  /// Two ranges of a file change places: two misdirected writes.
  public func swapRanges(_ path: String, _ first: Int, _ second: Int, count: Int) {
    guard let bytes = contents(path), max(first, second) + count <= bytes.count else { return }
    damage(path, at: first, with: Array(bytes[second..<second + count]))
    damage(path, at: second, with: Array(bytes[first..<first + count]))
  }

  /// A range goes back to what it was in an earlier image: a lost write.
  public func revert(_ path: String, _ range: Range<Int>, to earlier: SimulatedDisk) {
    guard let bytes = earlier.contents(path), range.lowerBound < bytes.count else { return }
    damage(path, at: range.lowerBound, with: Array(bytes[range.clamped(to: 0..<bytes.count)]))
  }

  /// Puts a file there, durably, with its folders.
  public func install(_ path: String, _ bytes: [UInt8]) {
    state.withLock { state in
      let path = SimulatedState.normal(path)
      var folder = SimulatedState.parent(of: path)
      while !folder.isEmpty {
        state.names[folder] = .directory
        state.durableNames[folder] = .directory
        folder = SimulatedState.parent(of: folder)
      }
      state.nodes.append(SimulatedNode(durable: bytes))
      state.names[path] = .file(state.nodes.count - 1)
      state.durableNames[path] = .file(state.nodes.count - 1)
    }
  }
}

extension SimulatedState {
  func node(_ path: String) -> Int? {
    guard case .file(let node) = names[Self.normal(path)] else { return nil }
    return node
  }

  static func isReachable(_ path: String, in names: [String: Entry]) -> Bool {
    var folder = parent(of: path)
    while !folder.isEmpty {
      guard names[folder] == .directory else { return false }
      folder = parent(of: folder)
    }
    return true
  }
}
