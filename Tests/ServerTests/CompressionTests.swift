// Compressed answers and requests: which form is chosen, that it is the same content, what its tag is
// called, and that a bomb costs its bound.

import Bytes
import Testing

@testable import Server

@Suite struct ContentCodingTests {
  @Test(arguments: [
    ("gzip", ContentCoding.gzip), ("x-gzip", .gzip), ("zstd", .zstd), ("gzip, zstd", .zstd),
    ("GZIP;q=1, zstd;q=0.9", .gzip), ("gzip ; q=0.5 , zstd;q=0.501", .zstd), ("*", .zstd),
    ("zstd;q=0, *", .gzip), ("gzip;q=0.001", .gzip), ("gzip;q=1.000", .gzip),
    ("br, deflate, gzip", .gzip), ("identity;q=0.5, gzip", .gzip),
  ])
  func theBestKnownCodingIsChosen(_ field: String, _ coding: ContentCoding) {
    #expect(ContentCoding.preferred(by: [field]) == coding)
  }

  @Test(arguments: [
    "", "br", "identity", "gzip;q=0", "gzip;q=0.000", "*;q=0", "identity, gzip;q=0.9",
    "gzip;q=2", "gzip;q=1.1", "gzip;q=-1", "gzip;q=0.1234", "gzip;q=abc", "gzip;x=1", "gzip;q",
    ";;;,,,", "gzipp",
  ])
  func otherwiseTheBytesAreSentAsTheyAre(_ field: String) {
    #expect(ContentCoding.preferred(by: [field]) == nil)
  }

  @Test func severalFieldsAreOneList() {
    #expect(ContentCoding.preferred(by: ["br", "gzip;q=0.5", "zstd;q=0.1"]) == .gzip)
  }

  @Test func tagsOfFormsAreTheirOwn() {
    #expect(ContentCoding.gzip.tag(for: "\"v3\"") == "\"v3-gzip\"")
    #expect(ContentCoding.zstd.tag(for: "W/\"v3\"") == "W/\"v3\"")
    #expect(ContentCoding.plainTags("\"v3-gzip\"").tags == "\"v3\"")
    #expect(
      ContentCoding.plainTags("\"a\", \"v3-zstd\", \"b-zstd\"").tags == "\"a\", \"v3\", \"b\"")
    #expect(ContentCoding.plainTags("\"v3\"").coding == nil)
    #expect(ContentCoding.plainTags("*").tags == "*")
  }

  @Test func whatIsCompressedIsTheSameAfterwards() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix64(seed: seed)
    let compressor = Compressor()
    for count in [1_100, 5_000, 70_000, 400_000] {
      let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() % 7 + 97) }
      let packed = try #require(compressor.compress(bytes, .gzip), "seed \(seed)")
      #expect(try Inflater.gunzip(packed, bytesMax: count) == bytes, "seed \(seed)")
      #expect(throws: InflateError.tooLarge) { try Inflater.gunzip(packed, bytesMax: count - 1) }
      // Cut anywhere, spoiled anywhere, or with something after its end it is refused.
      let cut = Int(random.next() % UInt64(packed.count))
      #expect(throws: InflateError.self) {
        try Inflater.gunzip(Array(packed[..<cut]), bytesMax: count)
      }
      #expect(throws: InflateError.malformed) { try Inflater.gunzip(packed + [0], bytesMax: count) }
      var spoiled = packed
      spoiled[spoiled.count - 6] ^= 1
      #expect(throws: InflateError.malformed) { try Inflater.gunzip(spoiled, bytesMax: count) }
    }
    let noise = (0..<4_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    #expect(compressor.compress(noise, .gzip) == nil)
    #expect(compressor.compress(noise, .zstd) == nil)
  }

  @Test func noBytesMakeTheInflaterFailOtherwise() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix64(seed: seed)
    let good = Compressor().compress(Array(repeating: 65, count: 3_000), .gzip) ?? []
    for _ in 0..<2_000 {
      var bytes = good
      for _ in 0..<(1 + random.next() % 3) {
        bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      let result = Result { () throws(InflateError) in try Inflater.gunzip(bytes, bytesMax: 9_000) }
      if case .success(let output) = result { #expect(output.count <= 9_000, "seed \(seed)") }
    }
  }
}

@Suite(.serialized) struct CompressionTests {
  private let shop: TestShop
  private let client: TestClient

  init() throws {
    shop = try TestShop { $0.bodyBytesMax = 100_000 }
    client = try shop.client()
  }

  /// The bytes again.
  private func unpacked(_ bytes: [UInt8], _ coding: ContentCoding) throws -> [UInt8] {
    guard coding == .zstd else { return try Inflater.gunzip(bytes, bytesMax: 64 << 20) }
    return try Zstandard.decompress(bytes)
  }

  @Test(arguments: ContentCoding.allCases, [2_000, 15_000, 300_000])
  func anAnswerIsTheSameInEveryForm(_ coding: ContentCoding, _ size: Int) throws {
    defer { shop.stop() }
    let plain = try client.get("/big/\(size)")
    #expect(plain["content-encoding"] == nil)
    let packed = try client.get("/big/\(size)", "Accept-Encoding: \(coding.rawValue)\r\n")
    #expect(packed["content-encoding"] == coding.rawValue)
    #expect(packed["vary"]?.contains("Accept-Encoding") == true)
    #expect(packed.body.count < plain.body.count / 4)
    #expect(try unpacked(packed.body, coding) == plain.body)
    client.send(
      "HEAD /big/\(size) HTTP/1.1\r\nHost: t\r\nAccept-Encoding: \(coding.rawValue)\r\n\r\n")
    let head = try client.reply(headOnly: true)
    #expect(head["content-length"] == packed["content-length"])
    #expect(head["content-encoding"] == coding.rawValue)
  }

  @Test func whatIsShortOrNotWantedIsSentAsItIs() throws {
    defer { shop.stop() }
    #expect(try client.get("/big/500", "Accept-Encoding: gzip\r\n")["content-encoding"] == nil)
    #expect(try client.get("/big/5000", "Accept-Encoding: gzip;q=0\r\n")["content-encoding"] == nil)
    #expect(try client.get("/photo", "Accept-Encoding: gzip\r\n")["content-encoding"] == nil)
  }

  @Test func aTagOfACompressedFormIsKnownAgain() throws {
    defer { shop.stop() }
    let accept = "Accept-Encoding: gzip\r\n"
    #expect(try client.get("/tagged")["etag"] == "\"v3\"")
    #expect(try client.get("/tagged", accept)["etag"] == "\"v3-gzip\"")
    let unchanged = try client.get("/tagged", accept + "If-None-Match: \"v3-gzip\"\r\n")
    #expect(unchanged.status == 304 && unchanged["etag"] == "\"v3-gzip\"")
    let plain = try client.get("/tagged", "If-None-Match: \"v3\"\r\n")
    #expect(plain.status == 304 && plain["etag"] == "\"v3\"")
    #expect(try client.get("/tagged", "If-None-Match: \"v2-gzip\"\r\n").status == 200)
  }

  @Test func pipelinedAnswersKeepTheirOrderWhenOneIsCompressedElsewhere() throws {
    defer { shop.stop() }
    let accept = "HTTP/1.1\r\nHost: t\r\nAccept-Encoding: zstd\r\n\r\n"
    client.send("GET /big/900000 \(accept)GET /products/1 \(accept)GET /big/2000 \(accept)")
    #expect(try unpacked(client.reply().body, .zstd).count > 900_000)
    #expect(try client.reply().text.contains("getProduct"))
    #expect(try unpacked(client.reply().body, .zstd).count > 2_000)
  }

  private func upload(_ body: [UInt8], _ coding: String = "gzip") throws -> TestReply {
    client.send(
      "PUT /upload HTTP/1.1\r\nHost: t\r\nContent-Encoding: \(coding)\r\n"
        + "Content-Length: \(body.count)\r\n\r\n")
    client.send(body)
    return try client.reply()
  }

  @Test func aCompressedBodyArrivesAsItWas() throws {
    defer { shop.stop() }
    let text = Array(String(repeating: "Oak stool. ", count: 9_000).utf8)
    let packed = try #require(Compressor().compress(text, .gzip))
    #expect(try upload(packed).text == "\(XXH64.hash(text))")
    #expect(try upload(packed, "X-GZIP").text == "\(XXH64.hash(text))")
    let json = Array(
      (#"{"productId":"p","quantity":2,"note":""# + String(repeating: "n", count: 2_000) + #""}"#)
        .utf8)
    let packedJSON = try #require(Compressor().compress(json, .gzip))
    client.send(
      "POST /cart/add HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
        + "Content-Encoding: gzip\r\nContent-Length: \(packedJSON.count)\r\n\r\n")
    client.send(packedJSON)
    #expect(try client.reply().text.contains(#""quantity":2"#))
  }

  @Test func aBombIsRefusedAtItsBound() throws {
    defer { shop.stop() }
    let zeros = [UInt8](repeating: 0, count: 50_000_000)
    let bomb = try #require(Compressor().compress(zeros, .gzip))
    #expect(bomb.count < 100_000)
    let reply = try upload(bomb)
    #expect(reply.status == 413)
    try expectEnvelope(reply)
    #expect(reply.text.contains("100000"))
    #expect(client.isAtEnd())
    #expect(try shop.client().get("/products/1").status == 200)
  }

  @Test(arguments: [
    ("gzip", "no gzip", 400), ("br", "x", 415), ("gzip, gzip", "x", 415), ("zstd", "x", 415),
  ])
  func aBodyThatCannotBeReadIsRefused(_ coding: String, _ body: String, _ status: Int) throws {
    defer { shop.stop() }
    let reply = try upload(Array(body.utf8), coding)
    #expect(reply.status == status)
    try expectEnvelope(reply)
    if status == 415 { #expect(reply["accept-encoding"] == "gzip") }
  }
}
