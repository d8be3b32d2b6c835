// Settings: the reader of TOML against what the standard says of the part that we take, and which of
// flag, environment, file and default wins.

import Bytes
import Foundation
import Testing

@testable import souk

@Suite struct SettingsTests {
  private static func entries(_ text: String) throws(TomlError) -> [String: TomlFile.Value] {
    Dictionary(
      try TomlFile(text).entries.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first }
    )
  }

  @Test func theReaderTakesWhatSettingsNeed() throws {
    let text = """
      # a comment
      listen = "0.0.0.0:80" # another
      cache-mib = 1_024
      dev = true
      [tax]
      rules = ["US-CA 8.25%", # the west
        '* 19%',
      ]
      [mail]\r
      host = 'C:\\no escape' \t
      from = "tab\\t quote\\" \\u00e9 \\U0001F600"
      """
    let entries = try Self.entries(text)
    #expect(
      entries == [
        "listen": .string("0.0.0.0:80"), "cache-mib": .integer(1024), "dev": .boolean(true),
        "tax.rules": .strings(["US-CA 8.25%", "* 19%"]),
        "mail.host": .string("C:\\no escape"),
        "mail.from": .string("tab\t quote\" \u{e9} \u{1F600}"),
      ])
  }

  @Test(arguments: [
    ("listen", 1), ("a = 1\nb 2", 2), ("a = \"x", 1), ("a = x", 1), ("a = 1 2", 1),
    ("a = 1\na = 2", 2), ("[mail", 1), ("a = [1]", 1), ("a = [\"x\" \"y\"]", 1),
    ("\n\na = \"\\q\"", 3), ("a = \"\\ud800\"", 1), ("= 1", 1), ("a = [\"x\"", 1),
    ("a = {b = 1}", 1), ("\u{0}", 1),
  ])
  func whatCannotBeReadNamesItsLine(_ text: String, _ line: Int) {
    #expect { _ = try TomlFile(text) } throws: { ($0 as? TomlError)?.line == line }
  }

  @Test func randomBytesAreReadOrRefused() {
    var random = SplitMix64(seed: 3)
    let pieces = [
      "a", "=", "[", "]", "\"", "'", "\\", "\n", "1", "true", ",", "#", ".", " ", "\u{e9}",
    ]
    for _ in 0..<20_000 {
      let text = (0..<Int.random(in: 0..<30, using: &random))
        .map { _ in pieces.randomElement(using: &random)! }.joined()
      _ = try? TomlFile(text)
    }
  }

  @Test func aFlagGoesBeforeTheEnvironmentAndThatBeforeTheFile() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(
      """
      listen = "127.0.0.1:1111"
      cache-mib = 100
      commission = "12.5%"
      [delivery]
      rules = ["US 5.00 USD"]
      """, to: "souk.toml")
    let settings = try Settings(flags: ["listen": ["127.0.0.1:3333"]], file: file)
    #expect(settings["listen"] == "127.0.0.1:3333")
    #expect(settings.integer("cache-mib") == 100)
    #expect(settings["rate-limit"] == "100/900")
    let policies = try settings.policies()
    #expect(policies.commissionBasisPoints == 1250)
    let shown = try run(
      [
        "/usr/bin/env", "SOUK_CACHE_MIB=200", binary, "config", "show", "--origin", "--config",
        file,
      ])
    #expect(shown.status == 0 && shown.output.contains("200    from environment, SOUK_CACHE_MIB"))
    #expect(shown.output.contains("127.0.0.1:1111    from \(file), line 1"))
    let wrong = try run(["/usr/bin/env", "SOUK_CACHE_MB=200", binary, "config", "check", file])
    #expect(wrong.status == 2 && wrong.errors.contains("did you mean SOUK_CACHE_MIB"))
  }

  @Test(arguments: [
    ("listn = \"x\"", "did you mean listen"), ("listen = 3", "takes a text"),
    ("listen = \"nowhere\"", "HOST:PORT"), ("cache-mib = 1", "8 to 1048576"),
    ("commission = \"150%\"", "from 0% to 100%"), ("[tax]\nrules = [\"US\"]", "US-CA 8.25%"),
    ("[mail]\nsecurity = \"maybe\"", "starttls, tls or none"),
    ("[mail]\nhost = \"127.0.0.1\"", "mail.from"), ("dev = \"yes\"", "takes a boolean"),
  ])
  func whatIsNotAcceptableIsRefused(_ text: String, _ message: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(text, to: "souk.toml")
    let outcome = try souk("config", "check", file)
    #expect(outcome.status == 2 && outcome.errors.contains(message), "\(outcome.errors)")
  }

  /// An administrator stores a commission: it is taken at the next start, behind a file's.
  @Test func whatIsStoredGoesBeforeTheDefaultOnly() throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    #expect(try souk("init", "--data", data).status == 0)
    let made = try run(
      [
        "/usr/bin/env", "SOUK_SUPERUSER_PASSWORD=correct horse battery", binary, "superuser",
        "create", "root@example.com", "--data", data,
      ])
    #expect(made.status == 0, "\(made.errors)")
    let server = try ChildServer(binary: binary, arguments: ["--data", data])
    let root = try Shopper(server)
    let signedIn = try root.post(
      "/auth/login", #"{"email":"root@example.com","password":"correct horse battery"}"#)
    root.token = try #require(try signedIn.json["accessToken"] as? String)
    func ask(
      _ method: String, _ name: String, _ body: String, _ tag: String? = nil
    ) throws -> HTTPAnswer {
      try root.connection.request(
        method, "/admin/settings/\(name)",
        headers: [
          ("Authorization", "Bearer \(root.token ?? "")"), ("Content-Type", "application/json"),
        ] + (tag.map { [("If-Match", $0)] } ?? []), body: Array(body.utf8))
    }
    let commission = #"{"values":["12.5%"]}"#
    #expect(try ask("PUT", "commission", commission).status == 428)
    #expect(try ask("PUT", "commission", #"{"values":["150%"]}"#, "*").status == 400)
    #expect(try ask("PUT", "listen", #"{"values":["0.0.0.0:1"]}"#, "*").status == 404)
    let stored = try ask("PUT", "commission", commission, "\"v0\"")
    #expect(stored.status == 200 && stored.headers["etag"] == "\"v1\"", "\(stored.text)")
    #expect(try ask("PUT", "commission", commission, "\"v0\"").status == 412)
    #expect(try ask("PUT", "tax.rules", #"{"values":["* 19%"]}"#, "*").status == 200)
    #expect(server.end(with: SIGTERM) == 0)
    func shown(_ more: String...) throws -> String {
      try run([binary, "config", "show", "--origin", "--data", data] + more).output
    }
    #expect(try shown().contains("12.5%    from stored in the database"))
    let file = try folder.write("commission = \"3%\"", to: "souk.toml")
    #expect(try shown("--config", file).contains("3%    from \(file), line 1"))
    let again = try ChildServer(binary: binary, arguments: ["--data", data])
    let list = try Shopper(again)
    list.token = root.token
    #expect(try list.get("/admin/settings/tax.rules").text.contains("* 19%"))
    #expect(again.end(with: SIGTERM) == 0)
  }
}
