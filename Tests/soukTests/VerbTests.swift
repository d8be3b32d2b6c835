// The command line from the outside: exit codes, messages, and that looking changes nothing.

import Foundation
import Testing
import souk

@Suite struct VerbTests {
  @Test func everyVerbExplainsItselfWithExamples() throws {
    let verbs = [
      [], ["serve"], ["init"], ["seed"], ["import"], ["export"], ["store"], ["store", "info"],
      ["store", "check"], ["store", "stats"], ["store", "readers"], ["store", "free"],
      ["store", "get"], ["store", "scan"], ["store", "hash"], ["store", "pages"],
      ["store", "page"], ["store", "log"], ["store", "log", "list"], ["store", "log", "show"],
      ["store", "log", "verify"], ["store", "compact"], ["store", "backup"],
      ["store", "restore"], ["store", "salvage"], ["bench"], ["bench", "checkout"],
      ["bench", "orders"], ["analyze"], ["search"],
      ["version"],
    ]
    for verb in verbs {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: binary)
      process.arguments = verb + ["--help"]
      let output = Pipe()
      process.standardOutput = output
      try process.run()
      let text = String(
        decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      #expect(text.contains("EXAMPLES"), "souk \(verb.joined(separator: " "))")
    }
  }

  @Test func wrongUseIsExitCodeTwoAndNamesTheNearest() throws {
    let verb = try souk("srve")
    #expect(verb.status == 2)
    #expect(verb.errors.contains("souk serve"))
    let option = try souk("serve", "--dta", "x")
    #expect(option.status == 2)
    #expect(option.errors.contains("--data"))
    #expect(try souk("serve", "--listen", "nonsense").status == 2)
    #expect(try souk("import", "stores", "f", "--stock", "1").status == 2)
  }

  @Test func anExportIsANewFileThatImportsAgain() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "souk-export-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (data, file) = (folder.path + "/data", folder.path + "/stores.csv")
    #expect(try souk("seed", "--demo", "--data", data).status == 0)
    #expect(try souk("export", "stores", file, "--data", data).status == 0)
    let again = try souk("export", "stores", file, "--data", data)
    #expect(again.status == 1 && again.errors.contains("is there already"))
    let report = try souk("import", "stores", file, "--data", data, "--json")
    #expect(report.output.contains("\"created\":0,\"updated\":0"))
    let shown = try souk("export", "stores", "-", "--data", data, "--format", "csv")
    #expect(try shown.output == String(contentsOfFile: file, encoding: .utf8))
    #expect(try souk("export", "stores", folder.path + "/no/x", "--data", data).status == 1)
  }

  @Test func aMissingFolderSaysHowToMakeOne() throws {
    let outcome = try souk("store", "info", "--data", "/nonexistent/souk")
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("souk init"))
  }

  @Test func aFolderInUseIsExitCodeFour() throws {
    let folder = try TemporaryFolder()
    #expect(try souk("init", "--data", folder.path + "/d").status == 0)
    let server = try ChildServer(binary: binary, arguments: ["--data", folder.path + "/d"])
    let file = try folder.write(#"{"id":1,"name":"Late shop"}"#, to: "stores.ndjson")
    #expect(try souk("import", "stores", file, "--data", folder.path + "/d").status == 4)
    #expect(server.end(with: SIGTERM) == 0)
    #expect(try souk("init", "--data", folder.path + "/d").status == 1)
  }

  @Test func lookingChangesNoByte() throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/d"
    #expect(try souk("seed", "--demo", "--data", data).status == 0)
    let server = try ChildServer(binary: binary, arguments: ["--data", data])
    let shopper = try Shopper(server)
    try shopper.register("bob@example.com")
    server.end(with: SIGKILL)
    let before = contents(of: data)
    #expect(try souk("store", "check", "--deep", "--data", data).status == 0)
    #expect(try souk("store", "info", "--data", data, "--json").output.contains("\"commit\":2"))
    let first = try souk("store", "hash", "--data", data).output
    #expect(try souk("store", "hash", "--data", data).output == first)
    #expect(contents(of: data) == before)
  }

  @Test func aDamagedStoreIsExitCodeSixtyFiveAndLeftAsItIs() throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/d"
    #expect(try souk("init", "--data", data).status == 0)
    let file = data + "/records.souk"
    for damage in [Data("this is no database".utf8), Data(repeating: 0x5a, count: 1 << 20), Data()]
    {
      try damage.write(to: URL(fileURLWithPath: file))
      let outcome = try souk("store", "check", "--data", data)
      #expect(outcome.status == 65, "\(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1)
      #expect(FileManager.default.contents(atPath: file) == damage)
    }
  }

  @Test func anImportWithErrorsNamesThemAndWritesNothing() throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/d"
    #expect(try souk("init", "--data", data).status == 0)
    let file = try folder.write(
      """
      {"id":1,"name":"Good shop","location":{"lat":1,"lon":2}}
      {"id":2,"name":"","location":{"lat":91,"lon":2}}
      not JSON
      {"id":1,"name":"Again"}
      """, to: "stores.ndjson")
    let refused = try souk("import", "stores", file, "--data", data)
    #expect(refused.status == 1)
    for place in [":2: name", ":2: location", ":3:", ":4: id"] {
      #expect(refused.errors.contains(place), "\(place) in \(refused.errors)")
    }
    #expect(try souk("store", "info", "--data", data).output.contains("commit         0"))
    let csv = try folder.write(
      "id,name,location\r\n7,\"A, \"\"quoted\"\" shop\",\"44.5,-73.2\"\r\n", to: "stores.csv")
    #expect(try souk("import", "stores", csv, "--data", data).status == 0)
    let again = try souk("import", "stores", csv, "--data", data, "--json")
    #expect(again.output.contains("\"unchanged\":1"))
  }

  @Test func theDemoIsTheSameForTheSameSeed() throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] {
      let seeded = try souk("seed", "--demo", "--seed", "3", "--data", folder.path + "/" + name)
      #expect(seeded.status == 0, "\(seeded.errors)")
    }
    let titles = try ["a", "b"].map { name in
      let server = try ChildServer(
        binary: binary, arguments: ["--data", folder.path + "/" + name])
      let found = try Shopper(server).get("/search?q=oak&limit=100").json
      let hits = try #require(found["data"] as? [[String: Any]])
      return hits.compactMap { $0["title"] as? String }
    }
    #expect(titles[0] == titles[1])
    #expect(titles[0].contains { $0.hasPrefix("Oak stool") })
  }
}
