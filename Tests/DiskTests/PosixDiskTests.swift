// What only the real file system can be asked: short transfers, interrupted calls, a full device,
// missing rights, space that is really there. The devices and pseudo files of Linux stand in for a
// volume that would have to be mounted.

import Disk
import Glibc
import Synchronization
import Testing

@Suite struct PosixDiskTests {
  /// The kernel hands out a pseudo file in pieces of about a page, whatever is asked for.
  @Test func aReadGoesOnAfterShortTransfers() throws {
    let path = "/proc/kallsyms"
    guard let file = try? PosixDisk().open(path, mode: .readOnly) else { return }
    let count = 1 << 20
    var whole = [UInt8](repeating: 0, count: count)
    let got = try whole.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    try #require(descriptor >= 0)
    defer { _ = close(descriptor) }
    var pieces: [UInt8] = []
    var transfers = 0
    while pieces.count < count {
      var piece = [UInt8](repeating: 0, count: count - pieces.count)
      let taken = pread(descriptor, &piece, piece.count, off_t(pieces.count))
      if taken <= 0 { break }
      pieces += piece[..<taken]
      transfers += 1
    }
    #expect(transfers > 1)
    #expect(got == pieces.count)
    #expect(Array(whole[..<got]) == pieces)
  }

  /// Opening a named pipe blocks until somebody opens its other end; a signal interrupts the wait.
  @Test func anInterruptedCallIsMadeAgain() throws {
    let place = try #require(try Subject.all.last?.make())
    let path = place.path("pipe")
    try #require(mkfifo(path, 0o600) == 0)
    var action = sigaction()
    // Without SA_RESTART, so that the call returns EINTR.
    action.__sigaction_handler.sa_handler = { _ in }
    var before = sigaction()
    try #require(sigaction(SIGUSR2, &action, &before) == 0)
    defer { sigaction(SIGUSR2, &before, nil) }
    let opening = Opening(path: path)
    try opening.start()
    for _ in 0..<2000 {
      opening.interrupt()
      sched_yield()
    }
    // For reading too, so that this never waits for a thread that has given up.
    let writing = open(path, O_RDWR | O_CLOEXEC)
    #expect(writing >= 0)
    #expect(opening.join() == "open")
    _ = close(writing)
  }

  @Test func aFullDeviceIsNoSpace() throws {
    let file = try PosixDisk().open("/dev/full", mode: .readWrite)
    #expect(kind { try file.write([1, 2, 3], at: 0) } == .noSpace)
  }

  @Test func missingRightsAreNoPermission() throws {
    // sysfs lets nobody create names, not even root.
    #expect(kind { try PosixDisk().createDirectory("/sys/souk-test") } == .noPermission)
    guard geteuid() != 0, let place = try Subject.all.last?.make() else { return }
    _ = try place.disk.create(place.path("a"))
    try #require(chmod(place.path("a"), 0) == 0)
    #expect(kind { _ = try place.disk.open(place.path("a"), mode: .readOnly) } == .noPermission)
    #expect(kind { _ = try place.disk.lock(place.path("a")) } == .noPermission)
  }

  @Test func reservedSpaceIsAllocated() throws {
    let place = try #require(try Subject.all.last?.make())
    let file = try place.disk.create(place.path("a"))
    let size = 3 << 20
    try file.reserve(UInt64(size))
    var status = stat()
    try #require(stat(place.path("a"), &status) == 0)
    #expect(Int(status.st_size) == size)
    // st_blocks counts 512 bytes whatever the block size is.
    #expect(Int(status.st_blocks) * 512 >= size)
  }

  @Test func newFilesAreReadByTheirOwnerOnly() throws {
    let place = try #require(try Subject.all.last?.make())
    _ = try place.disk.create(place.path("a"))
    _ = try place.disk.lock(place.path("lock"))
    for name in ["a", "lock"] {
      var status = stat()
      try #require(stat(place.path(name), &status) == 0)
      #expect(status.st_mode & 0o077 == 0)
    }
  }

  @Test func aLockHoldsAgainstAnotherProcess() throws {
    let place = try #require(try Subject.all.last?.make())
    var lock: (any DiskLock)? = try place.disk.lock(place.path("lock"))
    #expect(try exitStatus("flock", "-n", place.path("lock"), "true") == 1)
    withExtendedLifetime(lock) {}
    lock = nil
    #expect(try exitStatus("flock", "-n", place.path("lock"), "true") == 0)
  }

  /// Runs a program of the path and waits for it.
  func exitStatus(_ arguments: String...) throws -> Int32 {
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var child: pid_t = 0
    try #require(posix_spawnp(&child, arguments[0], nil, nil, pointers, environ) == 0)
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 { try #require(errno == EINTR) }
    return (status >> 8) & 0xff
  }
}

/// A thread that opens a file and says how that went.
private final class Opening: Sendable {
  private let path: String
  private let result = Mutex("nothing")
  private let thread = Mutex<pthread_t?>(nil)

  init(path: String) { self.path = path }

  func start() throws {
    var made = pthread_t()
    let code = pthread_create(
      &made, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<Opening>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    try #require(code == 0)
    thread.withLock { $0 = made }
  }

  private func run() {
    let found = kind { _ = try PosixDisk().open(path, mode: .readOnly) }
    result.withLock { $0 = found.map { "\($0)" } ?? "open" }
  }

  func interrupt() {
    // A failure means that the thread has ended, which `join` will judge.
    thread.withLock { thread in _ = thread.map { pthread_kill($0, SIGUSR2) } }
  }

  func join() -> String {
    thread.withLock { thread in
      if let joined = thread { pthread_join(joined, nil) }
      thread = nil
    }
    return result.withLock { $0 }
  }
}
