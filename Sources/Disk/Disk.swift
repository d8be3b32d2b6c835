// Disk: the file-system calls that the storage floors are allowed to make, and nothing else.
// Two implementations: PosixDisk (the real one) and SimulatedDisk (the one that lies on purpose).
//
// The contract that everything above relies on
// 1. Bytes written are durable only after `sync` of the same file returns.
// 2. A created, renamed or removed name is durable only after `syncDirectory` of its folder returns.
// 3. Unsynced writes may reach the disk in any order, sector (512 bytes) by sector, or not at all.
// 4. Synced sectors are not changed by a crash unless a later write to them was under way.

/// A folder-tree of files. Paths are plain strings; `/` separates; nothing is resolved or cached.
public protocol Disk: AnyObject, Sendable {
  /// Opens an existing file. `DiskError.notFound` when it is not there, EISDIR for a folder.
  func open(_ path: String, mode: OpenMode) throws(DiskError) -> any DiskFile
  /// Creates a file; `DiskError.alreadyExists` when the name is taken.
  func create(_ path: String) throws(DiskError) -> any DiskFile
  func createDirectory(_ path: String) throws(DiskError)
  /// The names in a folder, sorted.
  func list(_ path: String) throws(DiskError) -> [String]
  /// False also where the path leads through a file.
  func exists(_ path: String) throws(DiskError) -> Bool
  /// Replaces `to` when it exists.
  func rename(_ from: String, to: String) throws(DiskError)
  func remove(_ path: String) throws(DiskError)
  func syncDirectory(_ path: String) throws(DiskError)
  /// Takes an exclusive advisory lock, held until the value is dropped or the process dies.
  /// `DiskError.locked` when somebody else holds it.
  func lock(_ path: String) throws(DiskError) -> any DiskLock
  /// Free bytes on the volume that holds `path`.
  func freeBytes(_ path: String) throws(DiskError) -> UInt64
}

public enum OpenMode: Sendable {
  case readOnly
  case readWrite
}

/// An open file. Safe to use from several threads at once; overlapping writes are the caller's fault.
public protocol DiskFile: AnyObject, Sendable {
  var path: String { get }
  func size() throws(DiskError) -> UInt64
  /// Fills `buffer` from `offset`; returns the bytes read, fewer only at the end of the file.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int
  /// Writes all of `bytes` at `offset`, or throws; after a throw any part may have been written.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError)
  /// Begins to bring written bytes to the disk, so that a `sync` that follows a little later waits less.
  /// A wish: nothing is promised, and nothing can be relied on.
  func startWriting(at offset: UInt64, count: Int)
  /// fdatasync: content, and the size when it grew.
  func sync() throws(DiskError)
  /// Makes the file at least `size` bytes long, with the space reserved. Sync before relying on it.
  func reserve(_ size: UInt64) throws(DiskError)
  func truncate(_ size: UInt64) throws(DiskError)
  func close()
}

public protocol DiskLock: AnyObject, Sendable {}

/// What a call to the disk can say other than yes.
public struct DiskError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Kind: Equatable, Sendable {
    case notFound
    case alreadyExists
    /// A part of the path that should be a folder is a file.
    case notADirectory
    /// EACCES, EPERM or EROFS.
    case noPermission
    case locked
    /// ENOSPC or EDQUOT.
    case noSpace
    /// EIO and everything without a case of its own; the number is errno.
    case inputOutput(Int32)
    /// Only from SimulatedDisk: the simulated machine is off; no call does anything any more.
    case crashed

    /// As people say it; numbers are those of Linux.
    var words: String {
      switch self {
      case .notFound: "no such file or folder"
      case .alreadyExists: "it exists already"
      case .notADirectory: "a part of the path is a file, not a folder"
      case .noPermission: "permission denied"
      case .locked: "in use by another process"
      case .noSpace: "no space left on the volume"
      case .inputOutput(5): "input/output error"
      case .inputOutput(21): "it is a folder, not a file"
      case .inputOutput(24): "too many open files"
      case .inputOutput(let number): "input/output error \(number)"
      case .crashed: "the simulated machine is off"
      }
    }
  }

  public var kind: Kind
  /// The call that failed: `"open"`, `"write"`, `"sync"`.
  public var call: String
  public var path: String

  public init(_ kind: Kind, call: String, path: String) {
    self.kind = kind
    self.call = call
    self.path = path
  }

  public var description: String {
    "\(call) \(path): \(kind.words)"
  }
}

extension DiskFile {
  public func startWriting(at offset: UInt64, count: Int) {}

  /// Reads exactly `count` bytes; nil when the file ends before.
  public func read(_ count: Int, at offset: UInt64) throws(DiskError) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let got: Int
    do {
      got = try bytes.withUnsafeMutableBytes { try read(into: $0, at: offset) }
    } catch let error as DiskError {
      throw error
    } catch {
      throw DiskError(.inputOutput(0), call: "read", path: path)
    }
    return got == count ? bytes : nil
  }

  public func write(_ bytes: [UInt8], at offset: UInt64) throws(DiskError) {
    do {
      try bytes.withUnsafeBytes { try write($0, at: offset) }
    } catch let error as DiskError {
      throw error
    } catch {
      throw DiskError(.inputOutput(0), call: "write", path: path)
    }
  }
}
