// souk import --url does what an import into the directory does.

import Foundation
import Testing
import souk

@Suite struct ImportToServerTests {
  private static let stores = #"""
    {"id":"1","name":"Mill","city":"Barre","location":{"lat":44.2,"lon":-72.5}}
    {"id":"2","name":"Pier, \"south\"","location":{"lat":41.1,"lon":-71.3}}
    """#
  private static let products = """
    externalId,title,description,price,brand
    p1,Oak stool,"A stool, low and strong.",49.90,Ace
    p2,Jug,A jug for two litres.,12,Blue
    """

  private func importing(
    _ server: ChildServer, _ token: String, _ words: String...
  ) throws -> Outcome {
    try run(
      ["/usr/bin/env", "SOUK_TOKEN=\(token)", binary, "import"] + words
        + ["--url", "http://\(server.host):\(server.port)/"])
  }

  @Test func aServerTakesWhatADirectoryTakes() throws {
    let folder = try TemporaryFolder()
    let (here, there) = (folder.path + "/here", folder.path + "/there")
    let stores = try folder.write(Self.stores, to: "stores.ndjson")
    let products = try folder.write(Self.products, to: "products.csv")
    let options = ["--assign-to-stores", "--stock", "3"]
    #expect(try souk("init", "--data", here).status == 0)
    #expect(try souk("import", "stores", stores, "--data", here).status == 0)
    #expect(
      try run([binary, "import", "products", products, "--data", here] + options).status == 0)

    #expect(try souk("init", "--data", there).status == 0)
    let password = "correct horse battery"
    let made = try run([
      "/usr/bin/env", "SOUK_SUPERUSER_PASSWORD=\(password)", binary, "superuser", "create",
      "ada@example.com", "--data", there,
    ])
    #expect(made.status == 0, "\(made.errors)")
    let server = try ChildServer(binary: binary, arguments: ["--data", there])
    let login = try Shopper(server).post(
      "/auth/login", #"{"email":"ada@example.com","password":"\#(password)"}"#)
    let token = try #require(try login.json["accessToken"] as? String)

    let dry = try importing(server, token, "stores", stores, "--dry-run")
    #expect(dry.status == 0 && dry.output.contains("2 would be created"), "\(dry.errors)")
    #expect(try importing(server, token, "stores", stores).output.contains("2 created"))
    #expect(try importing(server, token, "stores", stores).output.contains("2 unchanged"))
    let homeless = try importing(server, token, "products", products)
    #expect(homeless.status == 1 && homeless.errors.contains("--assign-to-stores"))
    let stocked = try importing(
      server, token, "products", products, "--assign-to-stores", "--stock", "3", "--json")
    #expect(stocked.output.contains("\"created\":2"), "\(stocked.errors)")

    let buyer = try Shopper(server)
    try buyer.register("eve@example.com")
    for token in [try #require(buyer.token), "nonsense"] {
      let refused = try importing(server, token, "stores", stores)
      #expect(refused.status == 1 && refused.errors.contains("administrator"))
    }
    #expect(server.end(with: SIGTERM) == 0)
    for kind in ["stores", "products"] {
      let exports = try [here, there].map { try souk("export", kind, "-", "--data", $0).output }
      #expect(exports[0] == exports[1] && exports[0].split(separator: "\n").count == 2)
    }
  }

  @Test func wrongAddressesAndMissingTokensAreUsage() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.stores, to: "stores.ndjson")
    for url in ["https://127.0.0.1:3000", "127.0.0.1:3000", "http://127.0.0.1", "http://shop:80"] {
      let outcome = try souk("import", "stores", file, "--url", url)
      #expect(outcome.status == 2 && outcome.errors.contains("http://HOST:PORT"), "\(url)")
    }
    let url = "http://127.0.0.1:9"
    #expect(try souk("import", "stores", file, "--chunked", "--url", url).status == 2)
    let nobody = try run([
      "/usr/bin/env", "-u", "SOUK_TOKEN", binary, "import", "stores", file, "--url", url,
    ])
    #expect(nobody.status == 2 && nobody.errors.contains("SOUK_TOKEN"))
  }
}
