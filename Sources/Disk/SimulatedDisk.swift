// SimulatedDisk: a disk in memory that lies on purpose, for tests. It obeys this fault model:
//
//  1. A write lands in the visible image at once and in the durable image, sector (512 bytes) by
//     sector, only with a sync of the same file. Reads see the visible image.
//  2. A changed size (growth, reserve, truncate) is one unsynced unit of its file, made durable by a
//     sync of the file. Without it the file has its old size, and sectors beyond it are lost.
//  3. A created, renamed or removed name is one unsynced unit, made durable by `syncDirectory` of its
//     folder. A rename is atomic: both names change or neither; a folder takes its content along,
//     and must be synced itself before. A lost folder loses all inside it.
//  4. A crash stops the machine before or after any chosen call: from then on every call throws
//     `crashed`. `restart` builds a new disk from the durable image, and every unsynced unit
//     independently survives or not. An unsynced sector can be
//       kept      as last written,
//       dropped   as last synced,
//       stale     as written before the last write, when it was written twice since the sync,
//       garbage   random where unsynced writes changed bytes; the rest of the sector as last synced. A
//                 write never destroys the bytes that it leaves alone (SQLite: powersafe overwrite).
//     Torn writes need no case of their own: they are subsets of a write's sectors.
//  5. The n-th call of a kind can fail, once or from then on, with any error. The call then had no
//     effect, its whole effect, or (a write) half of it. A failed sync without effect forgets what was
//     unsynced, as Linux does: reads still see it, the durable image never gets it.
//  6. A sync can lie: it returns and leaves everything unsynced.
//  7. A disk can be full: growth beyond `capacity` throws `noSpace`.
//  8. Bytes at rest can be damaged: flipped bits, overwritten, swapped and stale ranges. This happens
//     to the visible and the durable image together.
//  9. Locks end with the crash.
//
// Everything is a function of the calls and the seeds: no clock, no global generator. Calls may come
// from several threads; their order is then the only thing that is not determined.
// An image is arrays all the way down, so that `clone` and `restart` copy on write.

import Synchronization

public final class SimulatedDisk: Disk {
  public static let sectorBytes = 512

  let state: Mutex<SimulatedState>

  public convenience init() { self.init(state: SimulatedState()) }

  init(state: SimulatedState) { self.state = Mutex(state) }

  // MARK: Disk

  public func open(_ path: String, mode: OpenMode) throws(DiskError) -> any DiskFile {
    let path = SimulatedState.normal(path)
    let node = try perform(.open, path) { state throws(DiskError) in
      switch state.names[path] {
      case .file(let node): return node
      case .directory: throw DiskError(.inputOutput(21), call: "open", path: path)
      case nil: throw DiskError(state.absence(of: path), call: "open", path: path)
      }
    }
    return SimulatedFile(disk: self, node: node, path: path, mode: mode)
  }

  public func create(_ path: String) throws(DiskError) -> any DiskFile {
    let path = SimulatedState.normal(path)
    let node = try perform(.create, path) { state throws(DiskError) in
      try state.createFile(path, call: "create")
    }
    return SimulatedFile(disk: self, node: node, path: path, mode: .readWrite)
  }

  public func createDirectory(_ path: String) throws(DiskError) {
    let path = SimulatedState.normal(path)
    try perform(.createDirectory, path) { state throws(DiskError) in
      try state.requireFree(path, call: "createDirectory")
      state.change(.put(path, .directory))
    }
  }

  public func list(_ path: String) throws(DiskError) -> [String] {
    let path = SimulatedState.normal(path)
    return try perform(.list, path) { state throws(DiskError) in
      try state.requireDirectory(path, call: "list")
      return state.children(of: path)
    }
  }

  public func exists(_ path: String) throws(DiskError) -> Bool {
    let path = SimulatedState.normal(path)
    return try perform(.exists, path) { state throws(DiskError) in
      path.isEmpty || state.names[path] != nil
    }
  }

  public func rename(_ from: String, to: String) throws(DiskError) {
    let from = SimulatedState.normal(from)
    let to = SimulatedState.normal(to)
    try perform(.rename, from) { state throws(DiskError) in
      guard let entry = state.names[from] else {
        throw DiskError(state.absence(of: from), call: "rename", path: from)
      }
      guard state.isDirectory(SimulatedState.parent(of: to)) else {
        throw DiskError(state.absence(of: to), call: "rename", path: from)
      }
      switch entry {
      case .file:
        guard state.names[to] != .directory else {
          throw DiskError(.inputOutput(21), call: "rename", path: from)
        }
      case .directory:
        guard !to.hasPrefix(from + "/") else {
          throw DiskError(.inputOutput(22), call: "rename", path: from)
        }
        // Only whole and to a free name: what an unsynced folder leaves elsewhere is not modelled.
        guard state.names[to] == nil, !state.hasPendingNames(under: from) else {
          throw DiskError(.inputOutput(39), call: "rename", path: from)
        }
      }
      if from != to { state.change(.move(from: from, to: to, entry)) }
    }
  }

  public func remove(_ path: String) throws(DiskError) {
    let path = SimulatedState.normal(path)
    try perform(.remove, path) { state throws(DiskError) in
      guard let entry = state.names[path] else {
        throw DiskError(state.absence(of: path), call: "remove", path: path)
      }
      if entry == .directory, !state.children(of: path).isEmpty {
        throw DiskError(.inputOutput(39), call: "remove", path: path)
      }
      state.change(.remove(path, entry))
    }
  }

  public func syncDirectory(_ path: String) throws(DiskError) {
    let path = SimulatedState.normal(path)
    try perform(.syncDirectory, path) { state throws(DiskError) in
      try state.requireDirectory(path, call: "syncDirectory")
      state.syncNames(in: path)
    } forgetting: { state in
      state.forgetNames(in: path)
    }
  }

  public func lock(_ path: String) throws(DiskError) -> any DiskLock {
    let path = SimulatedState.normal(path)
    try perform(.lock, path) { state throws(DiskError) in
      if state.names[path] == nil { _ = try state.createFile(path, call: "lock") }
      guard state.locked.insert(path).inserted else {
        throw DiskError(.locked, call: "lock", path: path)
      }
    }
    return SimulatedLock(disk: self, path: path)
  }

  public func freeBytes(_ path: String) throws(DiskError) -> UInt64 {
    let path = SimulatedState.normal(path)
    return try perform(.freeBytes, path) { state throws(DiskError) in
      guard let capacity = state.capacity else { return UInt64.max }
      return capacity - min(capacity, state.usedBytes)
    }
  }

  /// Counts a call, lets the planned faults decide, and does it. `forgetting` is what a failed sync
  /// does instead of `body`.
  func perform<Result: Sendable>(
    _ kind: DiskCall.Kind, _ path: String, offset: UInt64 = 0, count: Int = 0,
    _ body: (inout SimulatedState) throws(DiskError) -> Result,
    forgetting: (inout SimulatedState) -> Void = { _ in }
  ) throws(DiskError) -> Result {
    try state.withLock { state throws(DiskError) -> Result in
      let verdict = try state.begin(DiskCall(kind: kind, path: path, offset: offset, count: count))
      switch verdict {
      case .proceed:
        return try body(&state)
      case .fail(let error, let effect):
        switch effect {
        case .none: forgetting(&state)
        case .half, .whole: _ = try body(&state)
        }
        throw error
      case .crashAfter:
        _ = try body(&state)
        state.crashed = true
        throw DiskError(.crashed, call: kind.rawValue, path: path)
      }
    }
  }
}

private final class SimulatedLock: DiskLock {
  private let disk: SimulatedDisk
  private let path: String

  init(disk: SimulatedDisk, path: String) {
    self.disk = disk
    self.path = path
  }

  deinit { disk.state.withLock { _ = $0.locked.remove(path) } }
}

private final class SimulatedFile: DiskFile {
  let path: String
  private let disk: SimulatedDisk
  private let node: Int
  private let mode: OpenMode
  private let isClosed = Atomic(false)

  init(disk: SimulatedDisk, node: Int, path: String, mode: OpenMode) {
    self.disk = disk
    self.node = node
    self.path = path
    self.mode = mode
  }

  func size() throws(DiskError) -> UInt64 {
    try requireOpen("size")
    return try disk.perform(.size, path) { state throws(DiskError) in
      UInt64(state.nodes[node].visible.count)
    }
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int
  {
    try requireOpen("read")
    // Not sent anywhere: the closure runs under the lock, before this call returns.
    nonisolated(unsafe) let buffer = buffer
    return try disk.perform(.read, path, offset: offset, count: buffer.count) {
      state throws(DiskError) in
      state.nodes[node].read(into: buffer, at: offset)
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
    try requireWritable("write")
    nonisolated(unsafe) let bytes = bytes
    try disk.perform(.write, path, offset: offset, count: bytes.count) { state throws(DiskError) in
      let count = state.halving ? bytes.count / 2 : bytes.count
      guard let start = Int(exactly: offset), start <= Int.max - count else {
        throw DiskError(.inputOutput(27), call: "write", path: path)
      }
      try state.requireSpace(node, size: start + count, call: "write", path: path)
      state.nodes[node].write(UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: start)
    }
  }

  func sync() throws(DiskError) {
    try requireOpen("sync")
    try disk.perform(.sync, path) { state throws(DiskError) in
      if !state.lying { state.nodes[node].sync() }
    } forgetting: { state in
      state.nodes[node].forget()
    }
  }

  func reserve(_ size: UInt64) throws(DiskError) {
    try requireWritable("reserve")
    try disk.perform(.reserve, path, offset: size) { state throws(DiskError) in
      guard let size = Int(exactly: size) else {
        throw DiskError(.noSpace, call: "reserve", path: path)
      }
      guard size > state.nodes[node].visible.count else { return }
      try state.requireSpace(node, size: size, call: "reserve", path: path)
      state.nodes[node].resize(size)
    }
  }

  func truncate(_ size: UInt64) throws(DiskError) {
    try requireWritable("truncate")
    try disk.perform(.truncate, path, offset: size) { state throws(DiskError) in
      guard let size = Int(exactly: size) else {
        throw DiskError(.noSpace, call: "truncate", path: path)
      }
      try state.requireSpace(node, size: size, call: "truncate", path: path)
      state.nodes[node].resize(size)
    }
  }

  func close() { isClosed.store(true, ordering: .relaxed) }

  private func requireOpen(_ call: String) throws(DiskError) {
    if isClosed.load(ordering: .relaxed) {
      throw DiskError(.inputOutput(9), call: call, path: path)
    }
  }

  private func requireWritable(_ call: String) throws(DiskError) {
    try requireOpen(call)
    if mode == .readOnly { throw DiskError(.inputOutput(9), call: call, path: path) }
  }
}
