// Records as JSON: identity, exact amounts, every kind of issue with its pointer, merging.

import Bytes
import Testing

private func issues(_ json: String, unknown: FieldJSON.UnknownFields = .refused) -> [FieldIssue] {
  do {
    _ = try FieldJSON.decode(Sample.self, from: Array(json.utf8), unknownFields: unknown)
    return []
  } catch {
    guard case .invalid(let issues) = error else { return [] }
    return issues
  }
}

/// The issues of a body that is right but for `member`, as "path rule".
private func issues(withMember member: String) -> [String] {
  issues(#"{"title":"x","price":1,"# + member + "}").map { $0.path + " " + $0.rule }
}

@Suite struct FieldJSONTests {
  @Test func everyRandomRecordReadsBackAsItself() throws {
    for seed in UInt64(1)...500 {
      var random = SplitMix64(seed: seed)
      let sample = Sample.random(&random)
      let bytes = FieldJSON.encode(sample)
      var read = try FieldJSON.decode(Sample.self, from: bytes)
      // JSON leaves nil out, and the default of this field is not nil.
      if sample.priority == nil { read.priority = nil }
      #expect(read == sample, "seed \(seed)")
    }
  }

  @Test func aRecordIsWrittenInTheOrderOfItsNumbers() {
    var size = SampleDimensions()
    size.width = 0.1
    #expect(
      FieldJSON.encode(size) == Array(#"{"width":0.1,"height":0.0,"unit":"cm"}"#.utf8))
  }

  @Test func membersMayComeInAnyOrder() throws {
    let json = #"{"unit":"m","height":2,"\u0077idth":1}"#
    let size = try FieldJSON.decode(SampleDimensions.self, from: Array(json.utf8))
    #expect(size == SampleDimensions(width: 1, height: 2, unit: "m"))
  }

  @Test func anAmountIsWrittenWithItsDigits() {
    let cases: [(Int64, UInt8, String)] = [
      (4990, 2, "49.90"), (500, 0, "500"), (5, 3, "0.005"), (-5, 2, "-0.05"), (0, 2, "0.00"),
      (.min, 2, "-92233720368547758.08"), (.max, 18, "9.223372036854775807"),
    ]
    for (minor, digits, text) in cases {
      #expect(Amount(minor: minor, digits: digits).description == text)
      #expect(Amount(text) == Amount(minor: minor, digits: digits), "\(text)")
    }
  }

  @Test func anAmountIsReadExactly() throws {
    for (json, minor, digits) in [
      ("49.90", Int64(4990), UInt8(2)), ("\"49.90\"", 4990, 2), ("1e2", 100, 0), ("0.07", 7, 2),
      ("1.5e-1", 15, 2),
    ] {
      let body = #"{"title":"x","price":"# + json + "}"
      let price = try FieldJSON.decode(Sample.self, from: Array(body.utf8)).price
      #expect(price.minor == minor && price.digits == digits, "\(json)")
    }
  }

  @Test func amountsCompareByValue() {
    #expect(Amount(minor: 499, digits: 1) == Amount(minor: 4990, digits: 2))
    #expect(Amount(minor: .max, digits: 0) > Amount(minor: .max, digits: 18))
    #expect(Amount(minor: .min, digits: 0) < Amount(minor: .min, digits: 1))
    #expect(Amount(minor: 499, digits: 1).rescaled(toDigits: 2)?.minor == 4990)
    #expect(Amount(minor: 4991, digits: 2).rescaled(toDigits: 1) == nil)
  }

  @Test func eachRuleReportsThePointerOfItsField() {
    let cases: [(String, [String])] = [
      (#""note":"""#, ["/note length"]),
      (#""note":"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9""#, []),
      (#""note":"12345678901""#, ["/note length"]),
      (#""stock":-1"#, ["/stock range"]),
      (#""stock":1.5"#, ["/stock type"]),
      (#""stock":12.0"#, []),
      (#""stock":"1""#, ["/stock type"]),
      (#""stock":null"#, ["/stock type"]),
      (#""small":2147483648"#, ["/small range"]),
      (#""narrow":-1"#, ["/narrow range"]),
      (#""wide":18446744073709551616"#, ["/wide range"]),
      (#""rating":1e400"#, ["/rating range"]),
      (#""tags":["a","b","c","d"]"#, ["/tags count"]),
      (#""tags":["a",1]"#, ["/tags/1 type"]),
      (#""status":"sold""#, ["/status enum"]),
      (#""picture":"a+b""#, ["/picture format"]),
      (#""createdAt":"yesterday""#, ["/createdAt format"]),
      (#""id":"7""#, ["/id format"]),
      (#""size":{"width":1001}"#, ["/size/width range"]),
      (#""size":[]"#, ["/size type"]),
      (#""boxes":[{},{"unit":"metres"}]"#, ["/boxes/1/unit length"]),
      (#""metadata":{"a/b~c":1}"#, ["/metadata/a~1b~0c type"]),
      (#""metadata":{"a":"","a":""}"#, ["/metadata/a duplicate"]),
      (#""isListed":"yes""#, ["/isListed type"]),
      (#""extra":{"any":[1,2.50,null]}"#, []),
      (#""price":1"#, ["/price duplicate"]),
      (#""stok":1,"stock":2"#, ["/stok unknown"]),
    ]
    for (member, expected) in cases { #expect(issues(withMember: member) == expected, "\(member)") }
  }

  @Test func allIssuesOfABodyAreReportedAtOnce() {
    let found = issues(#"{"price":0,"stock":-1,"titel":"x","size":{"unit":""}}"#)
    #expect(
      Set(found.map { $0.path + " " + $0.rule }) == [
        "/price range", "/stock range", "/titel unknown", "/size/unit length", "/title required",
      ])
    #expect(found.contains { $0.message.contains("\"title\"") })
  }

  @Test func anAmountRefusesDigitsBeyondItsRule() {
    for json in ["49.901", "1000000.01", "0", "-1", "true", #""1,5""#, "1e40"] {
      #expect(issues(#"{"title":"x","price":"# + json + "}").count == 1, "\(json)")
    }
    #expect(issues(#"{"title":"x","price":49.901}"#).first?.rule == "digits")
    #expect(issues(#"{"title":"x","price":49.900}"#).isEmpty)
  }

  @Test func unknownFieldsCanBeIgnored() {
    #expect(issues(#"{"title":"x","foo":[{"a":1}]}"#, unknown: .ignored).isEmpty)
  }

  @Test func manyUnknownMembersGiveABoundedReport() {
    let members = (0..<5000).map { #""u\#($0)":0"# }.joined(separator: ",")
    #expect(issues("{\(members)}").count == FieldIssues.countMax)
  }

  @Test func mergingReplacesOnlyWhatIsNamed() throws {
    var sample = Sample()
    sample.title = "old"
    sample.note = "gone"
    sample.stock = 4
    try FieldJSON.merge(
      into: &sample, from: Array(#"{"note":null,"stock":5}"#.utf8).span.bytes)
    #expect(sample.title == "old" && sample.note == nil && sample.stock == 5)
    let before = sample
    #expect(throws: FieldError.self) {
      try FieldJSON.merge(
        into: &sample, from: Array(#"{"title":"new","stock":-5}"#.utf8).span.bytes)
    }
    #expect(sample == before)
  }

  @Test func textThatIsNotJSONIsASyntaxError() {
    for json in ["", "{", #"{"title":"x""#, #"{"title":"x"} x"#, #"{"title":"x",}"#] {
      do {
        _ = try FieldJSON.decode(Sample.self, from: Array(json.utf8))
        Issue.record("\(json) was read")
      } catch {
        guard case .syntax = error else {
          Issue.record("\(json): \(error)")
          continue
        }
      }
    }
  }

  @Test func aMutatedBodyNeverTraps() {
    for seed in UInt64(1)...20_000 {
      var random = SplitMix64(seed: seed)
      var bytes = FieldJSON.encode(Sample.random(&random))
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
          in: 0...127, using: &random)
      }
      if let read = try? FieldJSON.decode(Sample.self, from: bytes, unknownFields: .ignored) {
        let again = try? FieldJSON.decode(Sample.self, from: FieldJSON.encode(read))
        #expect(again != nil, "seed \(seed)")
      }
    }
  }
}

@Suite struct FieldFormatTests {
  struct Formats: Fields {
    var email: String?
    var uri: String?
    var slug: String?
    var currency: String?
    var country: String?

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "email", &email, .format("email"))
      try visitor.field(2, "uri", &uri, .format("uri"))
      try visitor.field(3, "slug", &slug, .format("slug"))
      try visitor.field(4, "currency", &currency, .format("currency"))
      try visitor.field(5, "country", &country, .format("country"))
    }
  }

  @Test(arguments: [
    ("email", ["a@b.de", "first.last+tag@sub.example.org"], ["a", "a@b", "@b.de", "a b@c.de"]),
    (
      "uri", ["https://example.org/a?b=c#d", "urn:x"], ["", "example.org", ":x", "http:", "a:b c"]
    ),
    ("slug", ["oak-stool-2"], ["", "-a", "a-", "a--b", "Oak", "ö"]),
    ("currency", ["EUR"], ["eur", "EU", "EURO"]), ("country", ["DE"], ["de", "D", "DEU"]),
  ])
  func aFormatTakesTheGoodAndRefusesTheBad(
    _ name: String, _ good: [String], _ bad: [String]
  ) {
    func isAccepted(_ text: String) -> Bool {
      let body = JSONValue.object([.init(name, .string(text))]).bytes
      return (try? FieldJSON.decode(Formats.self, from: body)) != nil
    }
    for text in good { #expect(isAccepted(text), "\(name) \(text)") }
    for text in bad { #expect(!isAccepted(text), "\(name) \(text)") }
  }
}
