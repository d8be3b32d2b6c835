// The contract of Disk, asked of all implementations with the same questions.

import Bytes
import Disk
import Glibc
import Testing

/// A disk to test and a folder on it that is the test's own.
struct Subject: Sendable, CustomTestStringConvertible {
  var name: String
  var make: @Sendable () throws -> Place

  var testDescription: String { name }

  static let all = [
    Subject(name: "simulated") {
      let disk = SimulatedDisk()
      try disk.createDirectory("place")
      return Place(disk: disk, folder: "place", isReal: false)
    },
    Subject(name: "overlay") {
      let below = SimulatedDisk()
      try below.createDirectory("place")
      return Place(disk: OverlayDisk(over: below), folder: "place", isReal: false)
    },
    Subject(name: "posix") {
      let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
      var template = Array("\(base)/souk-disk-XXXXXX".utf8CString)
      let made = template.withUnsafeMutableBufferPointer { buffer in
        buffer.baseAddress.flatMap { mkdtemp($0) } != nil
      }
      try #require(made)
      let folder = String(
        decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return Place(disk: PosixDisk(), folder: folder, isReal: true)
    },
  ]
}

final class Place {
  let disk: any Disk
  let folder: String
  let isReal: Bool

  init(disk: any Disk, folder: String, isReal: Bool) {
    self.disk = disk
    self.folder = folder
    self.isReal = isReal
  }

  deinit {
    guard isReal, let names = try? disk.list(folder) else { return }
    for name in names { try? disk.remove(folder + "/" + name) }
    try? disk.remove(folder)
  }

  func path(_ name: String) -> String { folder + "/" + name }
}

/// The kind of the error that `body` throws; nil when it throws none.
func kind(_ body: () throws -> Void) -> DiskError.Kind? {
  do {
    try body()
    return nil
  } catch {
    return (error as? DiskError)?.kind
  }
}

@Suite struct DiskContractTests {
  @Test(arguments: Subject.all)
  func whatIsWrittenIsRead(_ subject: Subject) throws {
    let place = try subject.make()
    let file = try place.disk.create(place.path("a"))
    try file.write([1, 2, 3, 4, 5], at: 0)
    try file.write([9, 9], at: 1)
    #expect(try file.read(5, at: 0) == [1, 9, 9, 4, 5])
    #expect(try file.size() == 5)
    try file.sync()
    let again = try place.disk.open(place.path("a"), mode: .readOnly)
    #expect(try again.read(3, at: 2) == [9, 4, 5])
  }

  @Test(arguments: Subject.all)
  func aReadPastTheEndIsShort(_ subject: Subject) throws {
    let place = try subject.make()
    let file = try place.disk.create(place.path("a"))
    try file.write([1, 2, 3], at: 0)
    #expect(try file.read(4, at: 0) == nil)
    #expect(try file.read(1, at: 3) == nil)
    #expect(try file.read(1, at: 1 << 40) == nil)
    #expect(try file.read(0, at: 0) == [])
    var buffer = [UInt8](repeating: 7, count: 5)
    let got = try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: 1) }
    #expect(got == 2)
    #expect(buffer == [2, 3, 7, 7, 7])
  }

  @Test(arguments: Subject.all)
  func aGapReadsAsZeros(_ subject: Subject) throws {
    let place = try subject.make()
    let file = try place.disk.create(place.path("a"))
    try file.write([1], at: 1000)
    #expect(try file.size() == 1001)
    #expect(try file.read(1000, at: 0) == [UInt8](repeating: 0, count: 1000))
  }

  @Test(arguments: Subject.all)
  func reserveGrowsAndNeverShrinks(_ subject: Subject) throws {
    let place = try subject.make()
    let file = try place.disk.create(place.path("a"))
    try file.write([1, 2, 3], at: 0)
    try file.reserve(5000)
    #expect(try file.size() == 5000)
    #expect(try file.read(4, at: 0) == [1, 2, 3, 0])
    try file.reserve(10)
    #expect(try file.size() == 5000)
  }

  @Test(arguments: Subject.all)
  func truncateCutsAndGrowsWithZeros(_ subject: Subject) throws {
    let place = try subject.make()
    let file = try place.disk.create(place.path("a"))
    try file.write([UInt8](repeating: 7, count: 2000), at: 0)
    try file.truncate(600)
    #expect(try file.size() == 600)
    try file.truncate(700)
    #expect(
      try file.read(101, at: 599) == [7] + [UInt8](repeating: 0, count: 100))
  }

  @Test(arguments: Subject.all)
  func namesAreListedSorted(_ subject: Subject) throws {
    let place = try subject.make()
    for name in ["b", "a", "c"] { _ = try place.disk.create(place.path(name)) }
    try place.disk.createDirectory(place.path("d"))
    #expect(try place.disk.list(place.folder) == ["a", "b", "c", "d"])
    #expect(try place.disk.list(place.path("d")) == [])
    try place.disk.syncDirectory(place.folder)
  }

  @Test(arguments: Subject.all)
  func missingNamesAreNotFound(_ subject: Subject) throws {
    let place = try subject.make()
    let disk = place.disk
    let missing = place.path("missing")
    #expect(kind { _ = try disk.open(missing, mode: .readWrite) } == .notFound)
    #expect(kind { try disk.remove(missing) } == .notFound)
    #expect(kind { try disk.rename(missing, to: place.path("b")) } == .notFound)
    #expect(kind { _ = try disk.list(missing) } == .notFound)
    #expect(kind { try disk.syncDirectory(missing) } == .notFound)
    #expect(kind { _ = try disk.create(missing + "/x") } == .notFound)
    #expect(kind { try disk.createDirectory(missing + "/x") } == .notFound)
    #expect(try !disk.exists(missing))
  }

  @Test(arguments: Subject.all)
  func aFileIsNoFolder(_ subject: Subject) throws {
    let place = try subject.make()
    let disk = place.disk
    let file = place.path("a")
    _ = try disk.create(file)
    _ = try disk.create(place.path("b"))
    for below in [file + "/x", file + "/x/y"] {
      #expect(kind { _ = try disk.open(below, mode: .readOnly) } == .notADirectory)
      #expect(kind { _ = try disk.create(below) } == .notADirectory)
      #expect(kind { try disk.createDirectory(below) } == .notADirectory)
      #expect(kind { try disk.remove(below) } == .notADirectory)
      #expect(kind { try disk.rename(below, to: place.path("c")) } == .notADirectory)
      #expect(kind { try disk.rename(place.path("b"), to: below) } == .notADirectory)
      #expect(kind { _ = try disk.list(below) } == .notADirectory)
      #expect(kind { try disk.syncDirectory(below) } == .notADirectory)
      #expect(try !disk.exists(below))
    }
    #expect(kind { _ = try disk.list(file) } == .notADirectory)
    #expect(kind { try disk.syncDirectory(file) } == .notADirectory)
  }

  @Test(arguments: Subject.all.filter { $0.name != "overlay" })
  func aFolderIsNotMovedIntoItself(_ subject: Subject) throws {
    let place = try subject.make()
    try place.disk.createDirectory(place.path("d"))
    try place.disk.syncDirectory(place.folder)
    #expect(
      kind { try place.disk.rename(place.path("d"), to: place.path("d/e")) } == .inputOutput(EINVAL)
    )
    #expect(try place.disk.list(place.folder) == ["d"])
  }

  @Test(arguments: Subject.all)
  func aFolderIsNoFile(_ subject: Subject) throws {
    let place = try subject.make()
    try place.disk.createDirectory(place.path("d"))
    for mode in [OpenMode.readOnly, .readWrite] {
      #expect(
        kind { _ = try place.disk.open(place.path("d"), mode: mode) } == .inputOutput(EISDIR))
    }
  }

  @Test(arguments: Subject.all)
  func takenNamesAreRefused(_ subject: Subject) throws {
    let place = try subject.make()
    _ = try place.disk.create(place.path("a"))
    #expect(kind { _ = try place.disk.create(place.path("a")) } == .alreadyExists)
    #expect(kind { try place.disk.createDirectory(place.path("a")) } == .alreadyExists)
    #expect(try place.disk.exists(place.path("a")))
  }

  @Test(arguments: Subject.all)
  func renameReplaces(_ subject: Subject) throws {
    let place = try subject.make()
    let first = try place.disk.create(place.path("a"))
    try first.write([1], at: 0)
    let second = try place.disk.create(place.path("b"))
    try second.write([2], at: 0)
    try place.disk.rename(place.path("a"), to: place.path("b"))
    #expect(try place.disk.list(place.folder) == ["b"])
    #expect(try place.disk.open(place.path("b"), mode: .readOnly).read(1, at: 0) == [1])
    // The replaced file lives on for those who have it open.
    #expect(try second.read(1, at: 0) == [2])
  }

  @Test(arguments: Subject.all)
  func anOpenFileOutlivesItsName(_ subject: Subject) throws {
    let place = try subject.make()
    let file = try place.disk.create(place.path("a"))
    try file.write([1], at: 0)
    try place.disk.remove(place.path("a"))
    #expect(try file.read(1, at: 0) == [1])
    #expect(try place.disk.list(place.folder) == [])
  }

  @Test(arguments: Subject.all)
  func onlyAnEmptyFolderIsRemoved(_ subject: Subject) throws {
    let place = try subject.make()
    try place.disk.createDirectory(place.path("d"))
    _ = try place.disk.create(place.path("d/x"))
    #expect(kind { try place.disk.remove(place.path("d")) } == .inputOutput(ENOTEMPTY))
    try place.disk.remove(place.path("d/x"))
    try place.disk.remove(place.path("d"))
    #expect(try place.disk.list(place.folder) == [])
  }

  @Test(arguments: Subject.all)
  func aReadOnlyFileRefusesWrites(_ subject: Subject) throws {
    let place = try subject.make()
    _ = try place.disk.create(place.path("a"))
    let file = try place.disk.open(place.path("a"), mode: .readOnly)
    #expect(kind { try file.write([1], at: 0) } == .inputOutput(EBADF))
  }

  @Test(arguments: Subject.all)
  func aClosedFileRefusesEverything(_ subject: Subject) throws {
    let place = try subject.make()
    let file = try place.disk.create(place.path("a"))
    file.close()
    file.close()
    #expect(kind { try file.write([1], at: 0) } == .inputOutput(EBADF))
    #expect(kind { _ = try file.read(1, at: 0) } == .inputOutput(EBADF))
    #expect(kind { try file.sync() } == .inputOutput(EBADF))
    #expect(kind { _ = try file.size() } == .inputOutput(EBADF))
  }

  @Test(arguments: Subject.all)
  func aLockIsExclusiveUntilItIsDropped(_ subject: Subject) throws {
    let place = try subject.make()
    var lock: (any DiskLock)? = try place.disk.lock(place.path("lock"))
    #expect(lock != nil)
    #expect(kind { _ = try place.disk.lock(place.path("lock")) } == .locked)
    lock = nil
    #expect(kind { _ = try place.disk.lock(place.path("lock")) } == nil)
    #expect(try place.disk.exists(place.path("lock")))
  }

  @Test(arguments: Subject.all)
  func freeSpaceIsKnown(_ subject: Subject) throws {
    let place = try subject.make()
    #expect(try place.disk.freeBytes(place.folder) > 0)
  }

  @Test(arguments: Subject.all)
  func offsetsBeyondTheRangeAreErrors(_ subject: Subject) throws {
    let place = try subject.make()
    let file = try place.disk.create(place.path("a"))
    #expect(kind { try file.write([1], at: .max) } != nil)
    #expect(kind { try file.reserve(.max) } != nil)
  }

  /// A plain array as the oracle, the same seeded calls on all.
  @Test(arguments: Subject.all, [1, 2, 3] as [UInt64])
  func randomCallsAgreeWithAnArray(_ subject: Subject, _ seed: UInt64) throws {
    let place = try subject.make()
    let file = try place.disk.create(place.path("a"))
    var generator = SplitMix64(seed: seed)
    var model: [UInt8] = []
    for step in 0..<300 {
      let offset = Int.random(in: 0..<3000, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0, 1, 2:
        let bytes = (0..<Int.random(in: 0..<1500, using: &generator)).map { _ in
          UInt8.random(in: 0...255, using: &generator)
        }
        try file.write(bytes, at: UInt64(offset))
        guard !bytes.isEmpty else { break }
        while model.count < offset + bytes.count { model.append(0) }
        model.replaceSubrange(offset..<offset + bytes.count, with: bytes)
      case 3:
        try file.truncate(UInt64(offset))
        while model.count < offset { model.append(0) }
        model.removeLast(model.count - offset)
      case 4:
        try file.reserve(UInt64(offset))
        while model.count < offset { model.append(0) }
      default:
        try file.sync()
      }
      #expect(try file.size() == UInt64(model.count), "seed \(seed) step \(step)")
      #expect(try file.read(model.count, at: 0) == model, "seed \(seed) step \(step)")
    }
  }
}
