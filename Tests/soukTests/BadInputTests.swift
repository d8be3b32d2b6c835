// Every directory that is not what it should be, against every way of opening it: the exit code, one
// sentence on standard error that says what and where, and not one byte changed.

import Bytes
import Foundation
import Testing
import souk

/// How a sound directory is spoiled, and what the verbs must say then.
struct BadInput: Sendable, CustomTestStringConvertible {
  /// What is tried, in the order of `codes`.
  static let verbs: [[String]] = [
    ["store", "info"], ["store", "check"], ["serve", "--listen", "127.0.0.1:0"],
    ["store", "get", "counters", "none"], ["store", "pages"], ["store", "log", "verify"],
  ]

  var testDescription: String
  /// Of info, check, serve, get, pages, log verify.
  var codes: [Int32]
  /// Spoils the directory.
  var spoil: @Sendable (String) throws -> Void

  init(_ name: String, _ codes: [Int32], _ spoil: @escaping @Sendable (String) throws -> Void) {
    testDescription = name
    self.codes = codes
    self.spoil = spoil
  }

  static let records = "/records.souk"
  static let segment = "/log/00000000000000000001.log"

  static let all: [BadInput] = [
    BadInput("a foreign file as records.souk", [65, 65, 65, 65, 65, 0]) {
      try Data("this is no database\n".utf8).write(to: url($0 + records))
    },
    BadInput("an empty records.souk", [65, 65, 65, 65, 65, 0]) {
      try Data().write(to: url($0 + records))
    },
    BadInput("random bytes in records.souk", [65, 65, 65, 65, 65, 0]) {
      try randomBytes(1 << 20).write(to: url($0 + records))
    },
    BadInput("a truncated records.souk", [65, 65, 65, 65, 65, 0]) {
      try truncate($0 + records, to: 20_000)
    },
    BadInput("records.souk of a newer format", [65, 65, 65, 65, 65, 0]) {
      try raiseVersion(of: $0 + records, blocks: [0, 4096], hashed: 504, seeded: true)
    },
    BadInput("records.souk missing", [65, 65, 65, 65, 65, 0]) {
      try FileManager.default.removeItem(atPath: $0 + records)
    },
    BadInput("a folder as records.souk", [74, 74, 74, 74, 74, 0]) {
      try replaceByFolder($0 + records)
    },
    BadInput("records.souk of another database", [65, 65, 65, 65, 0, 65]) { data in
      let other = try TemporaryFolder()
      #expect(try souk("init", "--data", other.path + "/d").status == 0)
      try FileManager.default.removeItem(atPath: data + records)
      try FileManager.default.copyItem(
        atPath: other.path + "/d" + records, toPath: data + records)
    },
    BadInput("a foreign file as the log", [65, 65, 65, 65, 0, 65]) {
      try Data("this is no log\n".utf8).write(to: url($0 + segment))
    },
    BadInput("random bytes in the log", [65, 65, 65, 65, 0, 65]) {
      try randomBytes(1 << 20).write(to: url($0 + segment))
    },
    BadInput("a truncated log", [65, 65, 65, 65, 0, 65]) {
      try truncate($0 + segment, to: 50_000)
    },
    BadInput("a log of a newer format", [65, 65, 65, 65, 0, 65]) {
      try raiseVersion(of: $0 + segment, blocks: [0], hashed: 4088, seeded: false)
    },
    BadInput("a log without segments", [65, 65, 65, 65, 0, 65]) {
      try FileManager.default.removeItem(atPath: $0 + segment)
    },
    BadInput("a folder as the log's segment", [74, 74, 74, 74, 0, 65]) {
      try replaceByFolder($0 + segment)
    },
    BadInput("a file as the log's folder", [74, 74, 74, 74, 0, 74]) {
      try FileManager.default.removeItem(atPath: $0 + "/log")
      try Data("x".utf8).write(to: url($0 + "/log"))
    },
    BadInput("no log at all", [65, 65, 65, 65, 0, 65]) {
      try FileManager.default.removeItem(atPath: $0 + "/log")
    },
    BadInput("no secrets", [65, 65, 65, 65, 0, 0]) {
      try FileManager.default.removeItem(atPath: $0 + "/secrets")
    },
    BadInput("random bytes in every secret", [0, 0, 65, 1, 0, 0]) { data in
      for name in try FileManager.default.contentsOfDirectory(atPath: data + "/secrets") {
        try randomBytes(7).write(to: url(data + "/secrets/" + name))
      }
    },
    BadInput("nothing there", [1, 1, 1, 1, 1, 1]) {
      try FileManager.default.removeItem(atPath: $0)
    },
    BadInput("a file as the data directory", [74, 74, 74, 74, 74, 74]) {
      try FileManager.default.removeItem(atPath: $0)
      try Data("x".utf8).write(to: url($0))
    },
    BadInput("an empty folder", [1, 1, 1, 1, 1, 1]) {
      try FileManager.default.removeItem(atPath: $0)
      try FileManager.default.createDirectory(atPath: $0, withIntermediateDirectories: false)
    },
  ]

  private static func url(_ path: String) -> URL { URL(fileURLWithPath: path) }

  private static func randomBytes(_ count: Int) -> Data {
    var random = SplitMix64(seed: 20_261_124)
    return Data((0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) })
  }

  private static func truncate(_ path: String, to bytes: UInt64) throws {
    let file = try FileHandle(forUpdating: url(path))
    try file.truncate(atOffset: bytes)
    try file.close()
  }

  private static func replaceByFolder(_ path: String) throws {
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  /// Writes version 2 into each block, with the hash that a newer program would write.
  private static func raiseVersion(
    of path: String, blocks: [UInt64], hashed: Int, seeded: Bool
  ) throws {
    let file = try FileHandle(forUpdating: url(path))
    for offset in blocks {
      try file.seek(toOffset: offset)
      var bytes = Array(try #require(try file.read(upToCount: hashed + 8)))
      bytes[8] = 2
      let hash = XXH64.hash(Array(bytes[..<hashed]), seed: seeded ? offset : 0)
      for index in 0..<8 { bytes[hashed + index] = UInt8(truncatingIfNeeded: hash >> (8 * index)) }
      try file.seek(toOffset: offset)
      try file.write(contentsOf: Data(bytes))
    }
    try file.close()
  }
}

@Suite struct BadInputTests {
  /// A stopped directory with records, a log, and secrets.
  private func soundDirectory(_ folder: TemporaryFolder) throws -> String {
    let data = folder.path + "/data"
    #expect(try souk("seed", "--demo", "--data", data).status == 0)
    let server = try ChildServer(binary: binary, arguments: ["--data", data])
    #expect(server.end(with: SIGTERM) == 0)
    return data
  }

  /// Nothing here may wait for ever: a server that starts on bad data would.
  private func tryVerb(_ verb: [String], _ data: String, by user: [String] = []) throws -> Outcome {
    try run(["/usr/bin/timeout", "30"] + user + [binary] + verb + ["--data", data])
  }

  private func expect(
    _ outcome: Outcome, _ code: Int32, _ verb: [String], _ data: String
  ) {
    let what = "souk \(verb.joined(separator: " ")): \(outcome.errors)"
    #expect(outcome.status == code, "\(what)")
    guard code != 0 else { return #expect(outcome.errors.isEmpty, "\(what)") }
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(what)")
    #expect(outcome.errors.hasPrefix("error: "), "\(what)")
    // A sentence for people: no names of cases, and a place.
    #expect(!outcome.errors.contains("(\""), "\(what)")
  }

  @Test(arguments: BadInput.all)
  func badDataIsRefusedInOneSentenceAndLeftAsItIs(_ input: BadInput) throws {
    let folder = try TemporaryFolder()
    let data = try soundDirectory(folder)
    try input.spoil(data)
    let before = contents(of: data)
    for (verb, code) in zip(BadInput.verbs, input.codes) {
      expect(try tryVerb(verb, data), code, verb, data)
      #expect(contents(of: data) == before, "souk \(verb.joined(separator: " ")) changed a file")
    }
  }

  @Test(arguments: [nil, "no JSON", #"{"host":"127.0.0.1","port":1,"token":"x","pid":1}"#])
  func aDirectoryInUseWithoutAServerThatAnswersIsExitCodeFour(_ control: String?) throws {
    let folder = try TemporaryFolder()
    let data = try soundDirectory(folder)
    if let control { _ = try folder.write(control, to: "data/control.json") }
    let lock = open(data + "/LOCK", O_RDWR)
    defer { close(lock) }
    #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
    let before = contents(of: data)
    for (verb, code) in zip(BadInput.verbs, [4, 4, 4, 4, 0, 0]) {
      expect(try tryVerb(verb, data), Int32(code), verb, data)
    }
    #expect(contents(of: data) == before)
  }

  /// Permission bits do not bind root: then the verbs run as somebody else.
  private static let somebodyElse: [String]? = {
    guard geteuid() == 0 else { return [] }
    let words = [
      "/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
    ]
    return (try? run(words + [binary, "version"]))?.status == 0 ? words : nil
  }()

  @Test(
    .enabled(
      if: BadInputTests.somebodyElse != nil,
      "running as root, and nobody else may start the binary: permission bits would not bind"))
  func aDirectoryThatMayNotBeReadIsExitCodeSeventyFour() throws {
    let folder = try TemporaryFolder()
    let data = try soundDirectory(folder)
    let user = try #require(Self.somebodyElse)
    let manager = FileManager.default
    let before = contents(of: data)
    try manager.setAttributes([.posixPermissions: 0], ofItemAtPath: data)
    for verb in BadInput.verbs {
      let outcome = try tryVerb(verb, data, by: user)
      expect(outcome, 74, verb, data)
      #expect(outcome.errors.contains("permission denied"), "\(outcome.errors)")
    }
    try manager.setAttributes([.posixPermissions: 0o750], ofItemAtPath: data)
    #expect(contents(of: data) == before)
  }

  @Test func noneIsMadeAnewOverALogThatHasCommits() throws {
    let folder = try TemporaryFolder()
    let data = try soundDirectory(folder)
    try FileManager.default.removeItem(atPath: data + BadInput.records)
    let before = contents(of: data)
    for verb in [["init"], ["seed", "--demo"]] {
      expect(try tryVerb(verb, data), 65, verb, data)
    }
    #expect(contents(of: data) == before)
  }
}
