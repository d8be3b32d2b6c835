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
    /// Names changed here: a file, or nil for one that was removed. Others are as below.
    var files: [String: OverlayFile?] = [:]
    var folders: Set<String> = []
  }

  public init(over below: any Disk) { self.below = below }

  public func open(_ path: String, mode: OpenMode) throws(DiskError) -> any DiskFile {
    try file(path, call: "open")
  }

  private func file(_ path: String, call: String) throws(DiskError) -> OverlayFile {
    if let changed = state.withLock({ $0.files[path] }) {
      guard let file = changed else { throw DiskError(.notFound, call: call, path: path) }
      return file
    }
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
    if try exists(path) { throw DiskError(.alreadyExists, call: "create", path: path) }
    let file = OverlayFile(path: path, base: nil, size: 0)
    state.withLock { $0.files[path] = .some(file) }
    return file
  }

  public func createDirectory(_ path: String) throws(DiskError) {
    state.withLock { _ = $0.folders.insert(path) }
  }

  public func list(_ path: String) throws(DiskError) -> [String] {
    let isNew = state.withLock { $0.folders.contains(path) }
    var names = Set(isNew ? [] : try below.list(path))
    let prefix = path + "/"
    state.withLock { state in
      for (name, file) in state.files where name.hasPrefix(prefix) {
        let rest = String(name.dropFirst(prefix.count))
        guard !rest.contains("/") else { continue }
        if file == nil { names.remove(rest) } else { names.insert(rest) }
      }
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
    let file = try file(from, call: "rename")
    state.withLock { state in
      state.files[from] = .some(nil)
      state.files[to] = .some(file)
    }
  }

  public func remove(_ path: String) throws(DiskError) {
    guard try exists(path) else { throw DiskError(.notFound, call: "remove", path: path) }
    state.withLock { $0.files[path] = .some(nil) }
  }

  public func syncDirectory(_ path: String) throws(DiskError) {}

  public func lock(_ path: String) throws(DiskError) -> any DiskLock { try below.lock(path) }

  public func freeBytes(_ path: String) throws(DiskError) -> UInt64 { try below.freeBytes(path) }
}

/// A file whose changed blocks are in memory.
private final class OverlayFile: DiskFile {
  static let blockBytes = 4096

  let path: String
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

  func size() throws(DiskError) -> UInt64 { state.withLock { $0.size } }

  private func block(_ number: UInt64, _ content: borrowing Content) throws(DiskError) -> [UInt8] {
    if let changed = content.blocks[number] { return changed }
    var block = [UInt8](repeating: 0, count: Self.blockBytes)
    let start = number * UInt64(Self.blockBytes)
    guard let base, start < content.baseSize else { return block }
    let count = Int(min(UInt64(Self.blockBytes), content.baseSize - start))
    guard let bytes = try base.read(count, at: start) else { return block }
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

  func sync() throws(DiskError) {}

  func reserve(_ size: UInt64) throws(DiskError) {
    state.withLock { $0.size = max($0.size, size) }
  }

  func truncate(_ size: UInt64) throws(DiskError) {
    try state.withLock { content throws(DiskError) in
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

  /// The base stays open: another name may still lead here.
  func close() {}
}
