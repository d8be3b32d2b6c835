// souk store, verb by verb: what each reports of a stopped directory and of a running server, that
// both agree, and that the verbs that only look change no byte.

import Foundation
import Testing
import souk

@Suite struct StoreVerbTests {
  private static let email = "ada@example.com"

  /// A demo marketplace with one buyer: commits 1 and 2.
  private func market(_ folder: TemporaryFolder) throws -> String {
    let data = folder.path + "/data"
    #expect(try souk("seed", "--demo", "--data", data).status == 0)
    let server = try ChildServer(binary: binary, arguments: ["--data", data])
    try Shopper(server).register(Self.email)
    #expect(server.end(with: SIGTERM) == 0)
    return data
  }

  private func json(_ words: String, _ data: String) throws -> [String: Any] {
    let arguments = words.split(separator: " ").map(String.init)
    let outcome = try run([binary, "store"] + arguments + ["--data", data, "--json"])
    #expect(outcome.status == 0, "souk store \(words): \(outcome.errors)")
    return try outcome.json
  }

  /// What every verb that looks must say of that market, whoever answers.
  private func look(at data: String) throws {
    let info = try json("info", data)
    #expect(info["commit"] as? Int == 2)
    let tables = try #require(info["tables"] as? [[String: Any]])
    #expect(tables.first { $0["name"] as? String == "products" }?["rows"] as? Int == 104)
    #expect(
      (info["files"] as? [[String: Any]])?.contains { $0["name"] as? String == "LOCK" } == true)
    let check = try json("check", data)
    #expect(check["sound"] as? Bool == true)
    #expect(check["views"] as? Int == 2)
    #expect(check["log"] == nil)
    let deep = try json("check --deep", data)
    #expect((deep["log"] as? [String: Any])?["commits"] as? Int == 2)
    let stats = try #require(try json("stats products", data)["trees"] as? [[String: Any]])
    #expect(stats.map { $0["entries"] as? Int } == [104])
    #expect(try json("readers", data)["commit"] as? Int == 2)
    #expect((try json("free", data)["freePages"] as? Int ?? 0) > 0)
    let pages = try json("pages --limit 1000000", data)
    let list = try #require(pages["list"] as? [[String: Any]])
    #expect(list.count == pages["pages"] as? Int)
    let leaf = try #require(
      list.first { $0["tree"] as? String == "products" && $0["kind"] as? String == "leaf" })
    let page = try json("page \(leaf["page"] as? Int ?? 0)", data)
    #expect((page["cells"] as? [Any])?.count == page["cellCount"] as? Int)
    let segments = try #require(try json("log list", data)["files"] as? [[String: Any]])
    #expect(segments.first?["lastCommit"] as? Int == 2)
    let commits = try #require(try json("log show --from 2", data)["commits"] as? [[String: Any]])
    #expect(commits.count == 1)
    #expect(try json("log verify", data)["sound"] as? Bool == true)
  }

  @Test func everyVerbAnswersForAStoppedDirectoryAndChangesNoByte() throws {
    let folder = try TemporaryFolder()
    let data = try market(folder)
    // What a killed compaction leaves, and what an opening for work would tidy away.
    try FileManager.default.createDirectory(
      atPath: data + "/compaction", withIntermediateDirectories: false)
    _ = try folder.write("half", to: "data/compaction/records.souk")
    let before = contents(of: data)
    try look(at: data)
    #expect(try json("readers", data)["server"] == nil)
    _ = try json("backup \(folder.path)/copy", data)
    _ = try json("salvage --to \(folder.path)/saved", data)
    #expect(contents(of: data) == before)
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/copy.partial"))
  }

  @Test func aServerAnswersAsTheStoppedDirectoryDoes() throws {
    let folder = try TemporaryFolder()
    let data = try market(folder)
    let stopped = try json("hash", data)
    let earlier = try json("hash --at 1", data)
    let server = try ChildServer(binary: binary, arguments: ["--data", data])
    try look(at: data)
    #expect(try json("info", data)["server"] as? Int == Int(server.process))
    #expect(try json("hash", data)["hash"] as? String == stopped["hash"] as? String)
    #expect(try json("hash --at 1", data)["hash"] as? String == earlier["hash"] as? String)
    #expect(stopped["hash"] as? String != earlier["hash"] as? String)
    // What needs the directory for itself says so.
    for words in [["compact"], ["salvage", "--to", folder.path + "/saved"]] {
      let refused = try run([binary, "store"] + words + ["--data", data])
      #expect(refused.status == 4, "\(words)")
      #expect(refused.errors.contains("stop"), "\(refused.errors)")
    }
    #expect(server.end(with: SIGTERM) == 0)
    #expect(!FileManager.default.fileExists(atPath: data + "/control.json"))
  }

  @Test func onlyWhoHasTheTokenIsAnswered() throws {
    let folder = try TemporaryFolder()
    let data = try market(folder)
    let server = try ChildServer(binary: binary, arguments: ["--data", data])
    let connection = try HTTPConnection(host: server.host, port: server.port)
    let control = try #require(FileManager.default.contents(atPath: data + "/control.json"))
    let file = try #require(try JSONSerialization.jsonObject(with: control) as? [String: Any])
    let token = try #require(file["token"] as? String)
    let mode = try FileManager.default.attributesOfItem(atPath: data + "/control.json")
    #expect(mode[.posixPermissions] as? Int == 0o600)
    func ask(_ authorization: String?) throws -> Int {
      let headers =
        [("Content-Type", "application/json")]
        + (authorization.map { [("Authorization", $0)] } ?? [])
      return try connection.request(
        "POST", "/_souk/store/info", headers: headers, body: Array("{}".utf8)
      ).status
    }
    #expect(try ask(nil) == 404)
    #expect(try ask("Bearer " + String(token.reversed())) == 404)
    #expect(try ask("Bearer \(token)") == 202)
    #expect(server.end(with: SIGTERM) == 0)
  }

  @Test func entriesAreFoundByTheirKeysAndSecretsAreNotPrinted() throws {
    let folder = try TemporaryFolder()
    let data = try market(folder)
    let index = try json("get users.byEmail \(Self.email)", data)
    let entry = try #require((index["entries"] as? [[String: Any]])?.first)
    let id = try #require(entry["primaryKey"] as? String)
    let row = try #require(
      (try json("get users \(id)", data)["entries"] as? [[String: Any]])?.first)
    let user = try #require(row["value"] as? [String: Any])
    #expect(user["email"] as? String == Self.email)
    #expect(user["passwordHash"] as? String == "(redacted)")
    let shown = try #require(
      (try json("get users \(id) --reveal", data)["entries"] as? [[String: Any]])?.first)
    let hash = try #require((shown["value"] as? [String: Any])?["passwordHash"] as? String)
    for words in ["scan users --limit 1000", "log show --values", "scan sessions"] {
      let printed = try run(
        [binary, "store"] + words.split(separator: " ").map(String.init) + ["--data", data])
      #expect(printed.status == 0)
      #expect(!printed.output.contains(hash), "souk store \(words)")
    }
    // Forwards and backwards are the same, and a limit is said.
    func keys(_ words: String) throws -> [String] {
      let entries = try json(words, data)["entries"] as? [[String: Any]] ?? []
      return entries.compactMap { $0["key"] as? String }
    }
    let forwards = try keys("scan products --limit 1000")
    #expect(forwards.count == 104)
    #expect(try keys("scan products --limit 1000 --reverse") == forwards.reversed())
    #expect(try keys("scan products --from \(forwards[10]) --to \(forwards[13])").count == 3)
    #expect(try json("scan products --limit 5", data)["hasMore"] as? Bool == true)
  }

  @Test func aBackupIsRestoredToEveryCommitThatItHolds() throws {
    let folder = try TemporaryFolder()
    let data = try market(folder)
    let copy = folder.path + "/copy"
    let server = try ChildServer(binary: binary, arguments: ["--data", data])
    let shopper = try Shopper(server)
    let backup = try json("backup \(copy)", data)
    try shopper.register("late@example.com")
    #expect(server.end(with: SIGTERM) == 0)
    let (first, last) = (backup["firstCommit"] as? Int ?? 0, backup["lastCommit"] as? Int ?? 0)
    #expect(last == 2)
    for commit in first...last {
      let restored = folder.path + "/restored-\(commit)"
      let report = try json("restore \(copy) --until \(commit)", restored)
      #expect(report["commit"] as? Int == commit)
      #expect(try json("hash", restored)["hash"] as? String == report["hash"] as? String)
      #expect(try json("check --deep", restored)["sound"] as? Bool == true)
    }
    // Nothing is written over, and what is out of reach is said with the range.
    #expect(try souk("store", "backup", copy, "--data", data).status == 1)
    let beyond = try souk(
      "store", "restore", copy, "--until", "\(last + 1)", "--data", folder.path + "/x")
    #expect(beyond.status == 1)
    #expect(beyond.errors.contains("\(first) to \(last)"), "\(beyond.errors)")
    #expect(try souk("store", "restore", copy, "--until", "noon", "--data", "x").status == 2)
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/x"))
  }

  @Test func aCompactedDirectoryIsSmallerAndHoldsTheSame() throws {
    let folder = try TemporaryFolder()
    let data = try market(folder)
    let hash = try json("hash", data)["hash"] as? String
    let report = try json("compact", data)
    #expect(report["bytesAfter"] as? Int ?? 0 < report["bytesBefore"] as? Int ?? 0)
    #expect(try json("hash", data)["hash"] as? String == hash)
    #expect(try json("check --deep", data)["sound"] as? Bool == true)
    // Again it would gain nothing, and says so.
    #expect(try souk("store", "compact", "--data", data).status == 1)
  }

  @Test func aLostPageIsNamedAndTheRestIsSalvaged() throws {
    let folder = try TemporaryFolder()
    let data = try market(folder)
    let leaves = try #require(
      try json("pages --kind leaf --limit 1000", data)["list"] as? [[String: Any]])
    let leaf = try #require(leaves.first { $0["tree"] as? String == "products" })
    let (number, cells) = (leaf["page"] as? Int ?? 0, leaf["cellCount"] as? Int ?? 0)
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: data + "/records.souk"))
    try file.seek(toOffset: UInt64(number * 8192 + 4000))
    let byte = try #require(try file.read(upToCount: 1))
    try file.seek(toOffset: UInt64(number * 8192 + 4000))
    try file.write(contentsOf: Data([byte[0] ^ 0x40]))
    try file.close()

    let before = contents(of: data)
    let check = try souk("store", "check", "--data", data, "--json")
    // It opens, for the engines' files need no row of it; what stands against it are findings.
    #expect(check.status == 1)
    let findings = try #require(try check.json["findings"] as? [String])
    #expect(findings.contains { $0.contains("page \(number) ") }, "\(findings)")
    #expect(try souk("store", "pages", "--data", data).status == 1)
    #expect(try souk("store", "page", "\(number)", "--data", data).status == 1)
    let saved = folder.path + "/saved"
    let salvage = try souk("store", "salvage", "--to", saved, "--data", data, "--json")
    #expect(salvage.status == 1)
    let trees = try #require(try salvage.json["trees"] as? [[String: Any]])
    let products = try #require(trees.first { $0["tree"] as? String == "products" })
    #expect(products["rows"] as? Int == 104 - cells)
    #expect(contents(of: data) == before)
    #expect(try json("check --deep", saved)["sound"] as? Bool == true)
  }

  @Test func aMistypedTreeNamesTheNearest() throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/d"
    #expect(try souk("init", "--data", data).status == 0)
    let outcome = try souk("store", "scan", "prodcts", "--data", data)
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains("products"), "\(outcome.errors)")
    #expect(try souk("store", "get", "users", "no-uuid", "--data", data).status == 2)
    #expect(try souk("store", "scan", "users", "--limit", "0", "--data", data).status == 2)
  }
}
