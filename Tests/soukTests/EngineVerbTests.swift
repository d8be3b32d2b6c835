// souk engine, verb by verb: of a stopped directory and of a running server, what is said when a name is
// wrong, and that looking changes no byte.

import Foundation
import Testing
import souk

@Suite struct EngineVerbTests {
  private func json(_ words: String, _ data: String) throws -> [String: Any] {
    let arguments = words.split(separator: " ").map(String.init)
    let outcome = try run([binary, "engine"] + arguments + ["--data", data, "--json"])
    #expect(outcome.status == 0, "souk engine \(words): \(outcome.errors)")
    return try outcome.json
  }

  private func engine(_ data: String) throws -> [String: Any] {
    let engines = try #require(try json("list", data)["engines"] as? [[String: Any]])
    #expect(engines.compactMap { $0["name"] as? String } == ["text", "documents"])
    return try #require(engines.first)
  }

  @Test func eachVerbAnswersForAStoppedDirectoryAndForAServer() throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    #expect(try souk("seed", "--demo", "--data", data).status == 0)
    let before = contents(of: data)
    let stopped = try engine(data)
    #expect(stopped["name"] as? String == "text" && stopped["commit"] as? Int == 1)
    #expect((stopped["rows"] as? Int ?? 0) >= 104)
    let verified = try json("verify text", data)
    #expect(verified["sound"] as? Bool == true)
    #expect(verified["expected"] as? String == stopped["digest"] as? String)
    #expect(try json("verify documents", data)["sound"] as? Bool == true)
    let list = try run([binary, "engine", "list", "--data", data])
    #expect(list.status == 0 && list.output.contains("text"))
    #expect(list.output.contains("text has 104 documents in "))
    let stats = try run([binary, "store", "stats", "--data", data, "--json"]).json
    let engines = try #require(stats["engines"] as? [String: Any])
    #expect((engines["text"] as? [String: Any])?["documents"] as? Int == 104)
    #expect(try souk("store", "stats", "--data", data).output.contains("text has 104 documents"))
    #expect(contents(of: data) == before, "list and verify change no byte")

    let rebuilt = try json("rebuild text", data)
    #expect(rebuilt["wasSound"] as? Bool == true)
    #expect(rebuilt["digest"] as? String == stopped["digest"] as? String)
    #expect(try souk("store", "check", "--deep", "--data", data).status == 0)

    let server = try ChildServer(binary: binary, arguments: ["--data", data])
    try Shopper(server).register("eve@example.com")
    let running = try json("list", data)
    #expect(running["server"] as? Int != nil && running["commit"] as? Int == 2)
    #expect(try json("verify text", data)["commit"] as? Int == 2)
    let beside = try json("rebuild text", data)
    #expect(beside["commit"] as? Int == 2 && beside["wasSound"] as? Bool == true)
    #expect(beside["digest"] as? String == stopped["digest"] as? String)
    #expect(try souk("engine", "rebuild", "text", "--data", data).output.hasPrefix("rebuilt text"))
    #expect(server.end(with: SIGTERM) == 0)
    #expect(try json("verify text", data)["sound"] as? Bool == true)
  }

  @Test func aWrongNameNamesTheRightOne() throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    #expect(try souk("init", "--data", data).status == 0)
    for verb in ["rebuild", "verify"] {
      let outcome = try souk("engine", verb, "txt", "--data", data)
      #expect(outcome.status == 2)
      #expect(outcome.errors.contains("did you mean text?"), "\(outcome.errors)")
      #expect(try souk("engine", verb, "text", "--data", folder.path + "/nowhere").status == 1)
    }
    #expect(try souk("engine", "lisst", "--data", data).errors.contains("souk engine list"))
  }

  @Test func helpHasExamples() throws {
    for verb in ["list", "rebuild", "verify"] {
      #expect(try souk("engine", verb, "--help").output.contains("EXAMPLES"))
    }
  }
}
