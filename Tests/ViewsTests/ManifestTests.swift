// The manifest: each byte is guarded, nonsense never traps, and a crash at any call of its writing
// leaves the old one or the new one, with all the files that it names.

import Bytes
import CommitLog
import Disk
import Foundation
import Testing
import Views

@Suite struct ManifestTests {
  static let databaseID = UUIDv7(high: 0x0193_5a00_0000_7123, low: 0x8abc_def0_1234_5678)
  static let identity = Manifest.Identity(
    databaseID: databaseID, view: "text", version: 3, configuration: 0x0123_4567_89ab_cdef)
  static let path = "views/text/MANIFEST"

  static func manifest(_ lsn: UInt64 = 4711, _ files: [Manifest.File]? = nil) -> Manifest {
    var digest = Digest()
    digest.high = 0x1111_2222_3333_4444
    digest.low = 0x5555_6666_7777_8888
    return Manifest(
      identity, appliedLSN: LSN(lsn), digest: digest,
      files: files ?? [
        Manifest.File(name: "segment-12", content: [1, 2, 3]),
        Manifest.File(name: "columns-Ä", bytes: 1 << 40, hash: .max),
      ])
  }

  static func folder(_ disk: SimulatedDisk) throws -> ViewFolder {
    if try !disk.exists("views") { try disk.createDirectory("views") }
    try disk.syncDirectory("")
    return ViewFolder(disk, path: "views/text")
  }

  static func open(_ disk: SimulatedDisk) -> Result<Manifest, ManifestError> {
    let folder = ViewFolder(disk, path: "views/text")
    do { return .success(try folder.open(identity)) } catch { return .failure(error) }
  }

  static func written(_ manifest: Manifest = manifest()) throws -> [UInt8] {
    let disk = SimulatedDisk()
    try folder(disk).commit(manifest)
    return try #require(disk.contents(path))
  }

  static func opened(_ bytes: [UInt8]) -> Result<Manifest, ManifestError> {
    let disk = SimulatedDisk()
    disk.install(path, bytes)
    return open(disk)
  }

  static func rehash(_ bytes: [UInt8]) -> [UInt8] {
    let body = Array(bytes.dropLast(8))
    var writer = ByteWriter()
    writer.append(body)
    writer.u64(XXH64.hash(body))
    return writer.bytes
  }

  func isDamaged(_ result: Result<Manifest, ManifestError>) -> Bool {
    if case .failure(.damaged) = result { true } else { false }
  }

  @Test func whatIsWrittenIsRead() throws {
    #expect(try Self.opened(Self.written()) == .success(Self.manifest()))
    let empty = Self.manifest(0, [])
    #expect(try Self.opened(Self.written(empty)) == .success(empty))
    let many = Self.manifest(.max, (0..<500).map { Manifest.File(name: "f\($0)", content: [0]) })
    #expect(try Self.opened(Self.written(many)) == .success(many))
    #expect(many.files.map(\.name) == many.files.map(\.name).sorted())
  }

  @Test func everyBitAndEveryLengthIsGuarded() throws {
    let bytes = try Self.written()
    for bit in 0..<bytes.count * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(isDamaged(Self.opened(damaged)), "bit \(bit)")
    }
    for count in 0..<bytes.count {
      #expect(isDamaged(Self.opened(Array(bytes[..<count]))), "\(count) bytes")
    }
    #expect(isDamaged(Self.opened(bytes + [0])))
    #expect(isDamaged(Self.opened([UInt8](repeating: 0, count: 17 << 20))))
  }

  @Test func eachReasonToRebuildHasItsError() throws {
    let disk = SimulatedDisk()
    #expect(Self.open(disk) == .failure(.missing(path: Self.path)))
    var newer = try Self.written()
    newer[8] = 2
    #expect(
      Self.opened(Self.rehash(newer)) == .failure(.newerFormat(path: Self.path, version: 2)))
    try Self.folder(disk).commit(Self.manifest())
    for change in 0..<4 {
      var identity = Self.identity
      switch change {
      case 0: identity.databaseID = .zero
      case 1: identity.view = "vectors"
      case 2: identity.version = 4
      default: identity.configuration = 0
      }
      let folder = ViewFolder(disk, path: "views/text")
      #expect {
        _ = try folder.open(identity)
      } throws: { error in
        if case ManifestError.foreign = error { true } else { false }
      }
    }
    disk.fail(.read)
    if case .failure(.disk) = Self.open(disk) {} else { Issue.record("a read error is no damage") }
    #expect(Self.open(disk) == .success(Self.manifest()))
  }

  /// Nonsense with a right hash: an error or a manifest, never a trap and never a vast allocation.
  @Test func nonsenseNeverTraps() throws {
    var random = SplitMix64(seed: 17)
    let whole = try Self.written()
    var refused = 0
    for _ in 0..<scaled(ci: 20_000, nightly: 20_000_000) {
      var bytes = whole
      for _ in 0...random.next() % 3 {
        let width = [1, 2, 4, 8][Int(random.next() % 4)]
        let at = Int(random.next() % UInt64(bytes.count - width))
        let value =
          [0, .max, 1 << (random.next() % 64), random.next()][Int(random.next() % 4)] as UInt64
        for index in 0..<width { bytes[at + index] = UInt8(value >> (8 * UInt64(index)) & 0xff) }
      }
      if random.next() % 4 == 0 { bytes.removeLast(Int(random.next() % 60)) }
      if random.next() % 2 == 0, bytes.count >= 16 {
        for index in 0..<4 { bytes[12 + index] = UInt8(bytes.count >> (8 * index) & 0xff) }
      }
      if case .failure = Self.opened(Self.rehash(bytes)) { refused += 1 }
    }
    #expect(refused > 1000)
  }

  @Test func aNameThatLeavesTheFolderIsRefused() throws {
    let bytes = try Self.written(Self.manifest(1, [Manifest.File(name: "ab", content: [])]))
    let at = try #require(bytes.firstRange(of: Array("ab".utf8))).lowerBound
    for name in ["..", "/a", "a/", "a\0"] {
      var changed = bytes
      changed.replaceSubrange(at..<at + 2, with: Array(name.utf8))
      #expect(isDamaged(Self.opened(Self.rehash(changed))), "\(name)")
    }
  }

  // MARK: Crashes and failures

  static func content(_ lsn: UInt64) -> [UInt8] { (0..<1500).map { UInt8(($0 + lsn) & 0xff) } }

  /// Three flushes: files, a manifest, what is not named is removed.
  static func run(_ disk: SimulatedDisk) -> (done: UInt64, tried: UInt64) {
    var done: UInt64 = 0
    var tried: UInt64 = 0
    do {
      let folder = try folder(disk)
      for lsn in 1...3 as ClosedRange<UInt64> {
        tried = lsn
        let files = [
          try folder.write("a-\(lsn)", content(lsn)), try folder.write("b-\(lsn)", [UInt8(lsn)]),
        ]
        try folder.commit(manifest(lsn, files))
        done = lsn
      }
    } catch {}
    return (done, tried)
  }

  /// The manifest of a commit between the two, whole, with its files; and flushing goes on.
  static func check(_ disk: SimulatedDisk, _ done: UInt64, _ tried: UInt64, _ place: String) throws
  {
    let folder = ViewFolder(disk, path: "views/text")
    switch open(disk) {
    case .failure(let error):
      #expect(error == .missing(path: path) && done == 0, "\(place): \(error)")
    case .success(let manifest):
      let lsn = manifest.appliedLSN.rawValue
      #expect(lsn >= done && lsn <= tried, "\(place)")
      #expect(try manifest.files.map { try folder.read($0) } == [content(lsn), [UInt8(lsn)]])
      // What was seen once is there after the next crash too.
      #expect(open(disk.restart(keeping: .none)) == .success(manifest), "\(place)")
    }
    guard try disk.exists("views") else { return }
    let files = [try folder.write("a-9", content(9)), try folder.write("b-9", [9])]
    try folder.commit(Self.manifest(9, files))
    #expect(try disk.list("views/text") == ["MANIFEST", "a-9", "b-9"], "\(place)")
  }

  @Test func aCrashAtEveryCallLeavesTheOldOrTheNewOne() throws {
    let whole = SimulatedDisk()
    #expect(Self.run(whole) == (3, 3))
    var images = 0
    for call in 0..<whole.callCount {
      for moment in SimulatedDisk.Moment.allCases {
        let disk = SimulatedDisk()
        disk.crash(atCall: call, moment)
        let (done, tried) = Self.run(disk)
        for seed in 0..<UInt64(scaled(ci: 24, nightly: 5000)) {
          let image = disk.restart(
            keeping: seed == 0 ? .none : seed == 1 ? .all : .random(seed: seed << 16 | UInt64(call))
          )
          try Self.check(image, done, tried, "call \(call) \(moment) seed \(seed)")
          images += 1
        }
      }
    }
    #expect(images > 2000)
  }

  @Test(arguments: SimulatedDisk.Effect.allCases)
  func aFailureOfEveryCallLeavesTheOldOrTheNewOne(_ effect: SimulatedDisk.Effect) throws {
    let whole = SimulatedDisk()
    _ = Self.run(whole)
    for call in 0..<whole.callCount {
      let disk = SimulatedDisk()
      disk.fail(nil, skipping: call, effect: effect)
      let (done, tried) = Self.run(disk)
      for survival in [SimulatedDisk.Survival.none, .all, .random(seed: UInt64(call))] {
        try Self.check(disk.restart(keeping: survival), done, tried, "call \(call) \(effect)")
      }
    }
  }

  @Test func aDamagedOrMissingFileIsNamed() throws {
    let disk = SimulatedDisk()
    _ = Self.run(disk)
    let folder = ViewFolder(disk, path: "views/text")
    let file = try folder.open(Self.identity).files[0]
    for bit in [0, 1500 * 8 - 1] {
      disk.flipBit("views/text/a-3", bit: bit)
      #expect(throws: ManifestError.self) { _ = try folder.read(file) }
      disk.flipBit("views/text/a-3", bit: bit)
    }
    #expect(try folder.read(file) == Self.content(3))
    disk.install("views/text/a-3", Self.content(3) + [0])
    #expect(throws: ManifestError.self) { _ = try folder.read(file) }
    try disk.remove("views/text/a-3")
    #expect(
      throws: ManifestError.damaged(path: "views/text/a-3", reason: "the file is missing")
    ) { _ = try folder.read(file) }
    try folder.clear()
    #expect(
      try disk.list("views/text") == [] && Self.open(disk) == .failure(.missing(path: Self.path)))
  }

  // MARK: Golden

  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  static let golden = root.appendingPathComponent("DataFormats/golden/manifest-v1/MANIFEST")

  @Test func theGoldenManifestIsWrittenAndReadAlike() throws {
    let bytes = try Self.written()
    if ProcessInfo.processInfo.environment["SOUK_WRITE_GOLDEN"] != nil {
      try FileManager.default.createDirectory(
        at: Self.golden.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(bytes).write(to: Self.golden)
    }
    let golden = Array(try Data(contentsOf: Self.golden))
    #expect(golden == bytes)
    #expect(Self.opened(golden) == .success(Self.manifest()))
  }

  static func read(_ path: String) throws -> (code: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "python3", root.appendingPathComponent("tools/read-manifest.py").path, path,
    ]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  @Test(.enabled(if: (try? read("")).map { $0.code != 127 } ?? false))
  func theSecondReaderReadsTheSame() throws {
    let (code, output) = try Self.read(Self.golden.path)
    #expect(code == 0)
    #expect(
      output
        == #"""
        {"database":"01935a00-0000-7123-8abc-def012345678","view":"text","version":3,\#
        "configuration":"0123456789abcdef","lsn":4711,\#
        "digest":"11112222333344445555666677778888","files":[\#
        {"name":"columns-\u00c4","bytes":1099511627776,"hash":"ffffffffffffffff"},\#
        {"name":"segment-12","bytes":3,"hash":"\#(Self.hex(XXH64.hash([1, 2, 3])))"}]}

        """#.replacingOccurrences(of: "\\\n", with: ""))
    let copy = FileManager.default.temporaryDirectory
      .appendingPathComponent("souk-manifest-\(ProcessInfo.processInfo.processIdentifier)")
    defer { try? FileManager.default.removeItem(at: copy) }
    var bytes = Array(try Data(contentsOf: Self.golden))
    bytes[50] ^= 1
    try Data(bytes).write(to: copy)
    #expect(try Self.read(copy.path).code == 65)
  }

  static func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
