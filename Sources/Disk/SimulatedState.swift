// SimulatedState: everything that a simulated disk knows; names, content, planned faults.
//
// 1. `names` is what a running program sees; `durableNames` plus any subset of `pendingNames`, in
//    order, is what a crash may leave.
// 2. Node numbers are never reused, so that open files outlive their names.

/// One call to a simulated disk.
public struct DiskCall: Equatable, Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    case open, create, createDirectory, list, exists, rename, remove, syncDirectory, lock, freeBytes
    case size, read, write, sync, reserve, truncate

    /// Whether the call can change the disk.
    public var changes: Bool {
      switch self {
      case .open, .list, .exists, .freeBytes, .size, .read: false
      case .create, .createDirectory, .rename, .remove, .syncDirectory, .lock, .write, .sync,
        .reserve, .truncate:
        true
      }
    }
  }

  public var kind: Kind
  public var path: String
  public var offset: UInt64
  public var count: Int

  public init(kind: Kind, path: String, offset: UInt64 = 0, count: Int = 0) {
    self.kind = kind
    self.path = path
    self.offset = offset
    self.count = count
  }
}

struct SimulatedState: Sendable {
  enum Entry: Equatable, Sendable {
    case directory
    case file(Int)
  }

  enum NameChange: Sendable {
    case put(String, Entry)
    case move(from: String, to: String, Entry)
    case remove(String, Entry)

    /// The folder whose sync makes the change durable.
    var folder: String {
      switch self {
      case .put(let path, _), .remove(let path, _), .move(_, let path, _):
        SimulatedState.parent(of: path)
      }
    }
  }

  enum Verdict {
    case proceed
    case fail(DiskError, SimulatedDisk.Effect)
    case crashAfter
  }

  struct Failure: Sendable {
    var kind: DiskCall.Kind?
    /// Calls of the kind left before the failure.
    var left: Int
    var error: DiskError.Kind
    var isLasting: Bool
    var effect: SimulatedDisk.Effect
  }

  var nodes: [SimulatedNode] = []
  var names: [String: Entry] = [:]
  var durableNames: [String: Entry] = [:]
  var pendingNames: [NameChange] = []
  var locked: Set<String> = []
  var capacity: UInt64?

  var callCount = 0
  var trace: [DiskCall]?
  var crashed = false
  var crashPlan: (call: Int, moment: SimulatedDisk.Moment)?
  var failures: [Failure] = []
  var lyingCalls: Range<Int>?
  /// Set for the current call only: the sync in progress lies; the write in progress does half.
  var lying = false
  var halving = false

  // MARK: Calls and faults

  mutating func begin(_ call: DiskCall) throws(DiskError) -> Verdict {
    let off = DiskError(.crashed, call: call.kind.rawValue, path: call.path)
    guard !crashed else { throw off }
    let number = callCount
    callCount += 1
    trace?.append(call)
    lying = lyingCalls?.contains(number) ?? false
    halving = false
    if let plan = crashPlan, plan.call == number {
      guard plan.moment == .after else {
        crashed = true
        throw off
      }
      return .crashAfter
    }
    for index in failures.indices {
      guard failures[index].kind == nil || failures[index].kind == call.kind else { continue }
      guard failures[index].left == 0 else {
        failures[index].left -= 1
        continue
      }
      let failure = failures[index]
      if !failure.isLasting { failures.remove(at: index) }
      halving = failure.effect == .half
      let error = DiskError(failure.error, call: call.kind.rawValue, path: call.path)
      return .fail(error, failure.effect)
    }
    return .proceed
  }

  // MARK: Names

  /// Without the trailing slash, and with "." as the empty path.
  static func normal(_ path: String) -> String {
    if path == "." || path == "/" { return "" }
    return path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  static func parent(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
    return String(path[..<slash])
  }

  func isDirectory(_ path: String) -> Bool { path.isEmpty || names[path] == .directory }

  func children(of path: String) -> [String] {
    let prefix = path.isEmpty ? 0 : path.utf8.count + 1
    return names.keys.filter { Self.parent(of: $0) == path && !$0.isEmpty }
      .map { String(decoding: $0.utf8.dropFirst(prefix), as: UTF8.self) }
      .sorted()
  }

  func requireFree(_ path: String, call: String) throws(DiskError) {
    guard !path.isEmpty, names[path] == nil else {
      throw DiskError(.alreadyExists, call: call, path: path)
    }
    guard isDirectory(Self.parent(of: path)) else {
      throw DiskError(absence(of: path), call: call, path: path)
    }
  }

  /// Why there is nothing at `path`: no such name, or a file where the path needs a folder.
  func absence(of path: String) -> DiskError.Kind {
    var folder = Self.parent(of: path)
    while !folder.isEmpty {
      if let entry = names[folder] { return entry == .directory ? .notFound : .notADirectory }
      folder = Self.parent(of: folder)
    }
    return .notFound
  }

  func requireDirectory(_ path: String, call: String) throws(DiskError) {
    if isDirectory(path) { return }
    let kind = names[path] == nil ? absence(of: path) : .notADirectory
    throw DiskError(kind, call: call, path: path)
  }

  mutating func createFile(_ path: String, call: String) throws(DiskError) -> Int {
    try requireFree(path, call: call)
    nodes.append(SimulatedNode())
    change(.put(path, .file(nodes.count - 1)))
    return nodes.count - 1
  }

  mutating func change(_ change: NameChange) {
    Self.apply(change, to: &names)
    pendingNames.append(change)
  }

  static func apply(_ change: NameChange, to names: inout [String: Entry]) {
    switch change {
    case .put(let path, let entry): names[path] = entry
    case .remove(let path, let entry):
      if names[path] == entry { names[path] = nil }
    case .move(let from, let to, let entry):
      if names[from] == entry { names[from] = nil }
      names[to] = entry
      guard entry == .directory else { return }
      for (path, inside) in names where path.hasPrefix(from + "/") {
        names[path] = nil
        names[to + String(path.dropFirst(from.count))] = inside
      }
    }
  }

  mutating func syncNames(in folder: String) {
    guard !lying else { return }
    for change in pendingNames where change.folder == folder {
      Self.apply(change, to: &durableNames)
    }
    pendingNames.removeAll { $0.folder == folder }
  }

  /// Whether a name inside `folder`, at any depth, waits for a `syncDirectory`.
  func hasPendingNames(under folder: String) -> Bool {
    pendingNames.contains { ($0.folder + "/").hasPrefix(folder + "/") }
  }

  mutating func forgetNames(in folder: String) {
    pendingNames.removeAll { $0.folder == folder }
  }

  // MARK: Space

  var usedBytes: UInt64 {
    names.values.reduce(0) { sum, entry in
      guard case .file(let node) = entry else { return sum }
      return sum + UInt64(nodes[node].visible.count)
    }
  }

  func requireSpace(
    _ node: Int, size: Int, call: String, path: String
  ) throws(DiskError) {
    guard let capacity, size > nodes[node].visible.count else { return }
    guard usedBytes + UInt64(size - nodes[node].visible.count) <= capacity else {
      throw DiskError(.noSpace, call: call, path: path)
    }
  }
}
