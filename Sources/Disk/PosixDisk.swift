// PosixDisk: the real file system. The only file of the project that makes file-system calls.
//
// 1. Every descriptor is opened with O_CLOEXEC and closed when its owner goes away.
// 2. EINTR is retried, and short transfers are continued; a call that made no progress is an error.
// 3. A failed sync is reported once and never retried: Linux marks the pages clean after a failure,
//    so that a second call would say yes to data that is lost.

import Glibc
import Kernels
import Synchronization

/// The disk of the operating system. Paths are passed on as they are.
public final class PosixDisk: Disk {
  public init() {}

  public func open(_ path: String, mode: OpenMode) throws(DiskError) -> any DiskFile {
    let access = mode == .readOnly ? O_RDONLY : O_RDWR
    let descriptor = try posixCall("open", path) { Glibc.open(path, access | O_CLOEXEC) }
    // From here on the descriptor has an owner, which closes it when a check throws.
    let file = PosixFile(descriptor: descriptor, path: path)
    // open(2) lets a folder be opened for reading, and only the first read would say no.
    guard try !file.isDirectory() else {
      throw DiskError(.inputOutput(EISDIR), call: "open", path: path)
    }
    return file
  }

  public func create(_ path: String) throws(DiskError) -> any DiskFile {
    let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC
    let descriptor = try posixCall("create", path) { Glibc.open(path, flags, 0o600) }
    return PosixFile(descriptor: descriptor, path: path)
  }

  public func createDirectory(_ path: String) throws(DiskError) {
    _ = try posixCall("createDirectory", path) { mkdir(path, 0o750) }
  }

  public func list(_ path: String) throws(DiskError) -> [String] {
    guard let folder = opendir(path.isEmpty ? "." : path) else {
      throw DiskError(errno: errno, call: "list", path: path)
    }
    defer { closedir(folder) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(folder) else {
        guard errno == 0 else { throw DiskError(errno: errno, call: "list", path: path) }
        return names.sorted()
      }
      // Safe: readdir closes d_name with a zero inside the entry.
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
      }
      if name != "." && name != ".." { names.append(name) }
    }
  }

  public func exists(_ path: String) throws(DiskError) -> Bool {
    do {
      _ = try posixCall("exists", path) { access(path, F_OK) }
      return true
    } catch {
      if error.kind == .notFound || error.kind == .notADirectory { return false }
      throw error
    }
  }

  public func rename(_ from: String, to: String) throws(DiskError) {
    _ = try posixCall("rename", from) { Glibc.rename(from, to) }
  }

  /// Removes a file, or a folder that is empty.
  public func remove(_ path: String) throws(DiskError) {
    do {
      _ = try posixCall("remove", path) { unlink(path) }
    } catch {
      guard error.kind == .inputOutput(EISDIR) else { throw error }
      _ = try posixCall("remove", path) { rmdir(path) }
    }
  }

  public func syncDirectory(_ path: String) throws(DiskError) {
    let name = path.isEmpty ? "." : path
    let descriptor = try posixCall("syncDirectory", path) {
      Glibc.open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    defer { _ = Glibc.close(descriptor) }
    _ = try posixCall("syncDirectory", path) { fsync(descriptor) }
  }

  /// Creates the file when it is missing; its content is left alone.
  public func lock(_ path: String) throws(DiskError) -> any DiskLock {
    let descriptor = try posixCall("lock", path) {
      Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    }
    do {
      _ = try posixCall("lock", path) { flock(descriptor, LOCK_EX | LOCK_NB) }
    } catch {
      _ = Glibc.close(descriptor)
      guard error.kind == .inputOutput(EWOULDBLOCK) else { throw error }
      throw DiskError(.locked, call: "lock", path: path)
    }
    return PosixLock(descriptor: descriptor)
  }

  public func freeBytes(_ path: String) throws(DiskError) -> UInt64 {
    var volume = statvfs()
    let name = path.isEmpty ? "." : path
    _ = try posixCall("freeBytes", path) { statvfs(name, &volume) }
    let bytes = UInt64(volume.f_bavail).multipliedReportingOverflow(by: UInt64(volume.f_frsize))
    return bytes.overflow ? .max : bytes.partialValue
  }
}

/// An flock(2) lock: it belongs to the open file, and ends when the descriptor is closed.
private final class PosixLock: DiskLock {
  private let descriptor: Int32

  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { _ = Glibc.close(descriptor) }
}

private final class PosixFile: DiskFile {
  let path: String
  /// -1 once closed.
  private let descriptor: Atomic<Int32>

  init(descriptor: Int32, path: String) {
    self.descriptor = Atomic(descriptor)
    self.path = path
  }

  deinit { close() }

  private var number: Int32 { descriptor.load(ordering: .relaxed) }

  func size() throws(DiskError) -> UInt64 {
    var status = stat()
    _ = try posixCall("size", path) { fstat(number, &status) }
    return UInt64(max(0, status.st_size))
  }

  func isDirectory() throws(DiskError) -> Bool {
    var status = stat()
    _ = try posixCall("open", path) { fstat(number, &status) }
    return status.st_mode & S_IFMT == S_IFDIR
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int
  {
    var done = 0
    while done < buffer.count {
      let position = try position(offset, plus: done, call: "read")
      // Safe: done < buffer.count, so the buffer has a base address and the rest lies inside it.
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let got = try posixCall("read", path) {
        pread(number, rest.baseAddress, rest.count, position)
      }
      if got == 0 { break }
      done += got
    }
    return done
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
    var done = 0
    while done < bytes.count {
      let position = try position(offset, plus: done, call: "write")
      // Safe: done < bytes.count, so the buffer has a base address and the rest lies inside it.
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      let put = try posixCall("write", path) {
        pwrite(number, rest.baseAddress, rest.count, position)
      }
      guard put > 0 else { throw DiskError(.noSpace, call: "write", path: path) }
      done += put
    }
  }

  func startWriting(at offset: UInt64, count: Int) {
    guard let start = Int64(exactly: offset) else { return }
    kernels_start_writing(number, start, Int64(count))
  }

  func sync() throws(DiskError) {
    _ = try posixCall("sync", path) { fdatasync(number) }
  }

  func reserve(_ size: UInt64) throws(DiskError) {
    let length = try position(size, plus: 0, call: "reserve")
    let present = try self.size()
    guard present < size else { return }
    let start = try position(present, plus: 0, call: "reserve")
    while true {
      // What is there was reserved before; asked again, the file system walks all its extents. Returns the
      // error instead of setting errno.
      let code = posix_fallocate(number, start, length - start)
      switch code {
      case 0: return
      case EINTR: continue
      case EOPNOTSUPP, EINVAL: return try truncate(size)
      default: throw DiskError(errno: code, call: "reserve", path: path)
      }
    }
  }

  func truncate(_ size: UInt64) throws(DiskError) {
    let length = try position(size, plus: 0, call: "truncate")
    _ = try posixCall("truncate", path) { ftruncate(number, length) }
  }

  func close() {
    let open = descriptor.exchange(-1, ordering: .relaxed)
    // The result is ignored: everything that matters has been synced before, and after an error
    // from close(2) the descriptor is gone all the same.
    if open >= 0 { _ = Glibc.close(open) }
  }

  private func position(
    _ offset: UInt64, plus done: Int, call: String
  ) throws(DiskError) -> off_t {
    guard let start = Int64(exactly: offset) else {
      throw DiskError(.inputOutput(EOVERFLOW), call: call, path: path)
    }
    let sum = start.addingReportingOverflow(Int64(done))
    guard !sum.overflow else { throw DiskError(.inputOutput(EOVERFLOW), call: call, path: path) }
    return off_t(sum.partialValue)
  }
}

/// Makes a call that returns -1 and sets errno on failure; retries EINTR.
@inline(__always)
private func posixCall<Result: SignedInteger>(
  _ call: String, _ path: String, _ body: () -> Result
) throws(DiskError) -> Result {
  while true {
    let result = body()
    if result >= 0 { return result }
    let code = errno
    if code != EINTR { throw DiskError(errno: code, call: call, path: path) }
  }
}

extension DiskError {
  init(errno code: Int32, call: String, path: String) {
    let kind: Kind =
      switch code {
      case ENOENT: .notFound
      case EEXIST: .alreadyExists
      case ENOTDIR: .notADirectory
      case EACCES, EPERM, EROFS: .noPermission
      case ENOSPC, EDQUOT: .noSpace
      default: .inputOutput(code)
      }
    self.init(kind, call: call, path: path)
  }
}
