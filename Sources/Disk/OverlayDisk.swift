// OverlayDisk: another disk, seen through a sheet of glass. Reads come from the disk below; every
// change stays in memory and is forgotten with the value. So a database can be opened, recovered and
// checked without one byte of it being written.
//
// Invariants
// 1. No call ever changes the disk below, except `lock`, which creates the lock's file when there is
//    none, as any reader of a locked folder must.
// 2. What was changed through this disk reads back as on a real one.

import Synchronization

public final class OverlayDisk: Disk {
  private let below: any Disk
  private let state = Mutex(State())

  private struct State {
    /// Names changed here: a file, or nil for a name that was removed. Others are as below.
    var files: [String: OverlayFile?] = [:]
    /// Folders made here. What may be below under the same name does not show.
    var folders: Set<String> = []
  }

  public init(over below: any Disk) { self.below = below }

  public func open(_ path: String, mode: OpenMode) throws(DiskError) -> any DiskFile {
    OverlayHandle(try file(path, call: "open"), path: path, mode: mode)
  }

  private func file(_ path: String, call: String) throws(DiskError) -> OverlayFile {
    if let changed = state.withLock({ $0.files[path] }) {
      guard let file = changed else { throw DiskError(.notFound, call: call, path: path) }
      return file
    }
    if state.withLock({ $0.folders.contains(path) }) {
      throw DiskError(.inputOutput(Self.isADirectory), call: call, path: path)
    }
    guard try exists(path) else { throw DiskError(try absence(of: path), call: call, path: path) }
    let base = try below.open(path, mode: .readOnly)
    let file = OverlayFile(path: path, base: base, size: try base.size())
    return state.withLock { state in
      // Two threads may open at once: the first one's file is the file.
      if let existing = state.files[path], let existing { return existing }
      state.files[path] = file
      return file
    }
  }

  public func create(_ path: String) throws(DiskError) -> any DiskFile {
    try requireFree(path, call: "create")
    let file = OverlayFile(path: path, base: nil, size: 0)
    state.withLock { $0.files[path] = .some(file) }
    return OverlayHandle(file, path: path, mode: .readWrite)
  }

  public func createDirectory(_ path: String) throws(DiskError) {
    try requireFree(path, call: "createDirectory")
    state.withLock { state in
      state.folders.insert(path)
      state.files[path] = nil
    }
  }

  public func list(_ path: String) throws(DiskError) -> [String] {
    let isNew = state.withLock { $0.folders.contains(path) }
    if !isNew { try requireDirectory(path, call: "list") }
    var names = Set(isNew ? [] : try below.list(path))
    let prefix = path.isEmpty ? "" : path + "/"
    func child(_ name: String) -> String? {
      guard name.hasPrefix(prefix) else { return nil }
      let rest = String(name.dropFirst(prefix.count))
      return rest.isEmpty || rest.contains("/") ? nil : rest
    }
    state.withLock { state in
      for (name, file) in state.files {
        guard let name = child(name) else { continue }
        if file == nil { names.remove(name) } else { names.insert(name) }
      }
      names.formUnion(state.folders.compactMap(child))
    }
    return names.sorted()
  }

  public func exists(_ path: String) throws(DiskError) -> Bool {
    let known = state.withLock { state -> Bool? in
      if let changed = state.files[path] { return changed != nil }
      return state.folders.contains(path) ? true : nil
    }
    if let known { return known }
    return try below.exists(path)
  }

  public func rename(_ from: String, to: String) throws(DiskError) {
    guard try exists(from) else {
      throw DiskError(try absence(of: from), call: "rename", path: from)
    }
    guard try isDirectory(Self.parent(of: to)) else {
      throw DiskError(try absence(of: to), call: "rename", path: from)
    }
    // Folders are not moved by anything above.
    let folders = [try isDirectory(from), try isDirectory(to)]
    if folders.contains(true) {
      throw DiskError(.inputOutput(Self.isADirectory), call: "rename", path: from)
    }
    let file = try file(from, call: "rename")
    state.withLock { state in
      state.files[from] = .some(nil)
      state.files[to] = .some(file)
    }
  }

  public func remove(_ path: String) throws(DiskError) {
    guard try exists(path) else {
      throw DiskError(try absence(of: path), call: "remove", path: path)
    }
    if try isDirectory(path), try !list(path).isEmpty {
      throw DiskError(.inputOutput(Self.notEmpty), call: "remove", path: path)
    }
    state.withLock { state in
      state.folders.remove(path)
      state.files[path] = .some(nil)
    }
  }

  /// Nothing here is ever durable; a folder that is missing is missing all the same.
  public func syncDirectory(_ path: String) throws(DiskError) {
    try requireDirectory(path, call: "syncDirectory")
  }

  public func lock(_ path: String) throws(DiskError) -> any DiskLock { try below.lock(path) }

  public func freeBytes(_ path: String) throws(DiskError) -> UInt64 { try below.freeBytes(path) }

  // MARK: Names

  // errno of Linux, as the other disks give it.
  private static let isADirectory: Int32 = 21
  private static let notEmpty: Int32 = 39

  private static func parent(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
    return String(path[..<slash])
  }

  private func isDirectory(_ path: String) throws(DiskError) -> Bool {
    let known = state.withLock { state -> Bool? in
      if state.folders.contains(path) { return true }
      return state.files[path] == nil ? nil : false
    }
    if let known { return known }
    do throws(DiskError) {
      _ = try below.list(path)
      return true
    } catch {
      guard error.kind == .notFound || error.kind == .notADirectory else {
        throw error
      }
      return false
    }
  }

  private func requireFree(_ path: String, call: String) throws(DiskError) {
    if try exists(path) { throw DiskError(.alreadyExists, call: call, path: path) }
    guard try isDirectory(Self.parent(of: path)) else {
      throw DiskError(try absence(of: path), call: call, path: path)
    }
  }

  /// Why there is nothing at `path`: no such name, or a file where the path needs a folder.
  private func absence(of path: String) throws(DiskError) -> DiskError.Kind {
    var folder = Self.parent(of: path)
    while !folder.isEmpty {
      if try exists(folder) { return try isDirectory(folder) ? .notFound : .notADirectory }
      folder = Self.parent(of: folder)
    }
    return .notFound
  }

  private func requireDirectory(_ path: String, call: String) throws(DiskError) {
    if try isDirectory(path) { return }
    let kind = try exists(path) ? .notADirectory : absence(of: path)
    throw DiskError(kind, call: call, path: path)
  }
}

/// An open file: what may be done through it.
private final class OverlayHandle: DiskFile {
  let path: String
  private let file: OverlayFile
  private let mode: OpenMode
  private let isClosed = Atomic(false)

  init(_ file: OverlayFile, path: String, mode: OpenMode) {
    self.file = file
    self.path = path
    self.mode = mode
  }

  func size() throws(DiskError) -> UInt64 {
    try requireOpen("size")
    return file.size
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int
  {
    try requireOpen("read")
    return try file.read(into: buffer, at: offset)
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
    try requireWritable("write")
    try file.write(bytes, at: offset)
  }

  func sync() throws(DiskError) { try requireOpen("sync") }

  func reserve(_ size: UInt64) throws(DiskError) {
    try requireWritable("reserve")
    try requireSize(size, "reserve")
    file.reserve(size)
  }

  func truncate(_ size: UInt64) throws(DiskError) {
    try requireWritable("truncate")
    try requireSize(size, "truncate")
    file.truncate(size)
  }

  /// The file stays open: another name or handle may still lead to it.
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

  private func requireSize(_ size: UInt64, _ call: String) throws(DiskError) {
    guard size <= UInt64(Int64.max) else {
      throw DiskError(.noSpace, call: call, path: path)
    }
  }
}

/// A file whose changed blocks are in memory.
private final class OverlayFile: Sendable {
  static let blockBytes = 4096

  private let path: String
  private let base: (any DiskFile)?
  private let state: Mutex<Content>

  private struct Content {
    var size: UInt64
    /// Bytes of the base that still show: truncation hides what is beyond, for good.
    var baseSize: UInt64
    var blocks: [UInt64: [UInt8]] = [:]
  }

  init(path: String, base: (any DiskFile)?, size: UInt64) {
    self.path = path
    self.base = base
    state = Mutex(Content(size: size, baseSize: size))
  }

  var size: UInt64 { state.withLock { $0.size } }

  private func block(_ number: UInt64, _ content: borrowing Content) throws(DiskError) -> [UInt8] {
    if let changed = content.blocks[number] { return changed }
    var block = [UInt8](repeating: 0, count: Self.blockBytes)
    let start = number * UInt64(Self.blockBytes)
    guard let base, start < content.baseSize else { return block }
    let count = Int(min(UInt64(Self.blockBytes), content.baseSize - start))
    guard let bytes = try base.read(count, at: start) else {
      // The base became shorter under us: its bytes are not there to be shown.
      throw DiskError(.inputOutput(5), call: "read", path: path)
    }
    block.replaceSubrange(0..<count, with: bytes)
    return block
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int
  {
    try state.withLock { content throws(DiskError) in
      guard offset < content.size else { return 0 }
      let count = Int(min(UInt64(buffer.count), content.size - offset))
      var done = 0
      while done < count {
        let position = offset + UInt64(done)
        let start = Int(position % UInt64(Self.blockBytes))
        let length = min(Self.blockBytes - start, count - done)
        let block = try block(position / UInt64(Self.blockBytes), content)
        // Bounds: done + length <= count <= buffer.count, start + length <= blockBytes.
        UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + length])
          .copyBytes(from: block[start..<start + length])
        done += length
      }
      return count
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
    guard bytes.count > 0 else { return }
    guard offset <= UInt64(Int64.max) - UInt64(bytes.count) else {
      throw DiskError(.inputOutput(27), call: "write", path: path)
    }
    try state.withLock { content throws(DiskError) in
      var done = 0
      while done < bytes.count {
        let position = offset + UInt64(done)
        let number = position / UInt64(Self.blockBytes)
        let start = Int(position % UInt64(Self.blockBytes))
        let length = min(Self.blockBytes - start, bytes.count - done)
        var block = try block(number, content)
        block.replaceSubrange(start..<start + length, with: bytes[done..<done + length])
        content.blocks[number] = block
        done += length
      }
      content.size = max(content.size, offset + UInt64(bytes.count))
    }
  }

  func reserve(_ size: UInt64) {
    state.withLock { $0.size = max($0.size, size) }
  }

  func truncate(_ size: UInt64) {
    state.withLock { content in
      content.baseSize = min(content.baseSize, size)
      let last = size / UInt64(Self.blockBytes)
      content.blocks = content.blocks.filter { $0.key <= last }
      if var edge = content.blocks[last] {
        let kept = Int(size % UInt64(Self.blockBytes))
        edge.replaceSubrange(kept..., with: repeatElement(0, count: Self.blockBytes - kept))
        content.blocks[last] = edge
      }
      content.size = size
    }
  }
}
