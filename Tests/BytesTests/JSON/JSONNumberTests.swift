// Numbers: Doubles against strtod of the C library, integers and decimals against their digits.

import Bytes
import Foundation
import Testing

/// The Double of a text that is a number; nil when it is refused or not a number.
private func double(_ text: String) -> Double? {
  try? JSONReader.read(Array(text.utf8).span.bytes) { (reader) throws(JSONError) -> Double? in
    let number = try reader.number()
    try reader.finish()
    return reader.double(of: number)
  }
}

private func number(_ text: String) throws -> JSONNumber {
  try JSONReader.read(Array(text.utf8).span.bytes) { (reader) throws(JSONError) in
    try reader.number()
  }
}

/// Whether the text is read as strtod reads it, to the bit. Infinity is to be refused.
private func agreesWithC(_ text: String) -> Bool {
  let expected = strtod(text, nil)
  return double(text)?.bitPattern == (expected.isFinite ? expected.bitPattern : nil)
}

@Suite struct JSONNumberTests {
  @Test func everyDoubleIsReadBackToTheBit() {
    var random = SplitMix64(seed: 1)
    for index in 0..<200_000 {
      let value = Double(bitPattern: random.next())
      guard value.isFinite else { continue }
      var writer = JSONWriter()
      writer.double(value)
      let text = String(decoding: writer.bytes, as: UTF8.self)
      #expect(double(text)?.bitPattern == value.bitPattern, "\(index): \(text)")
    }
  }

  @Test func aDoubleThatIsNotFiniteIsWrittenAsNull() {
    for value in [Double.nan, .infinity, -.infinity] {
      var writer = JSONWriter()
      writer.double(value)
      #expect(writer.bytes == Array("null".utf8))
    }
  }

  @Test(arguments: [
    "0", "-0", "0.0", "-0.0", "0e5", "-0e-5", "0e400", "-0e-400", "1", "0.1", "0.3", "1e22", "1e23",
    "1e-22", "1e-23", "8.5e22", "9.5e21", "9007199254740991", "9007199254740992",
    "9007199254740993", "9007199254740994", "9007199254740995", "9007199254740992.5",
    "9007199254740993.0000000000000000000000000001", "9007199254740992e22", "9007199254740993e22",
    "9007199254740993e-22", "-9007199254740993e-1", "18446744073709551615", "18446744073709551616",
    "18446744073709551617", "123456789012345678901234567890", "123456789012345678901234567890e-30",
    "6.9294956446009195e15", "3.7455744005952583e15", "1.448997445238699",
    "2.2250738585072011e-308",
    "2.2250738585072012e-308", "2.2250738585072014e-308", "2.225073858507201136057409796709e-308",
    "4.9e-324", "5e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "1e-323", "1e-324",
    "-1e-400", "1e-400", "1.7976931348623157e308", "1.7976931348623158e308",
    "1.7976931348623159e308", "-1.7976931348623159e308", "1e308", "1e309", "1e400", "-1e400",
    "1e99999999999999999999", "1e-99999999999999999999", "1.0000000000000000000000000e-99999999",
    "1.00000000000000011102230246251565404236316680908203125",
    "1.00000000000000011102230246251565404236316680908203124",
    "1.00000000000000011102230246251565404236316680908203126",
    "5.708990770823839207320493820740630171355185152001e-3", "0.000000000000000000000000000001e30",
    "7.2057594037927933e16", "1.0e+0000000000000000000000000000000000001", "89255.0e-22",
    "104110013277974872254e-225", "12345e-320", "358416272e-33", "0.000001e-317",
  ])
  func aHardCaseIsReadAsTheCLibraryReadsIt(_ text: String) {
    #expect(agreesWithC(text))
  }

  @Test func longNumbersAreReadAsTheCLibraryReadsThem() {
    let zeros = String(repeating: "0", count: 400)
    // Halfway between two Doubles, decided by a digit after 800 others.
    let half = "9007199254740993." + String(repeating: "0", count: 800)
    let texts = [
      "0." + zeros + "1e401", "1" + zeros + "e-400", "-1" + zeros + "e-401", "1" + zeros,
      half, half + "1", String(repeating: "9", count: 10_000) + "e-9990",
      "0." + zeros + zeros + "1",
      String(repeating: "123456789", count: 90) + "e-800",
      "0." + String(repeating: "3", count: 100_000),
    ]
    for text in texts { #expect(agreesWithC(text), "\(text.prefix(40))… \(text.utf8.count)") }
  }

  @Test func randomDecimalsAreReadAsTheCLibraryReadsThem() {
    for seed in UInt64(1)...100_000 {
      var random = SplitMix64(seed: seed)
      var digits = String(Int.random(in: 1...9, using: &random))
      for _ in 0..<Int.random(in: 0...24, using: &random) {
        digits += String(Int.random(in: 0...9, using: &random))
      }
      var text = Bool.random(using: &random) ? "-" : ""
      if Bool.random(using: &random) { text += "0." }
      text += digits
      let exponents = Bool.random(using: &random) ? -345...310 : -25...25
      if seed % 5 > 0 { text += "e\(Int.random(in: exponents, using: &random))" }
      #expect(agreesWithC(text), "seed \(seed): \(text)")
    }
  }

  @Test func anIntegerIsOneHoweverItIsWritten() throws {
    let cases: [(String, Int64?)] = [
      ("12", 12), ("12.0", 12), ("1.2e1", 12), ("120e-1", 12), ("1.25", nil), ("125e-3", nil),
      ("-0", 0), ("0e99999999999", 0), ("0.000", 0), ("-9223372036854775808", .min),
      ("-9223372036854775809", nil), ("9223372036854775807", .max), ("9223372036854775808", nil),
      ("9223372036854775807.0000000000000000000000", .max), ("9223372036854775807.1", nil),
      ("1e18", 1_000_000_000_000_000_000), ("1e19", nil), ("1e99999999999", nil),
      ("1e-99999999999", nil), ("100000000000000000000000e-22", 10),
    ]
    for (text, expected) in cases { #expect(try number(text).int64 == expected, "\(text)") }
    #expect(try number("18446744073709551615").uint64 == .max)
    #expect(try number("18446744073709551616").uint64 == nil)
    #expect(try number("-1").uint64 == nil)
    #expect(try number("-0").uint64 == 0)
  }

  @Test func aDecimalKeepsItsDigits() throws {
    let cases: [(String, Int64, UInt8)] = [
      ("49.90", 4990, 2), ("-0.05", -5, 2), ("5", 5, 0), ("5e3", 5000, 0), ("5e-3", 5, 3),
      ("0.00", 0, 2), ("-92233720368547758.08", .min, 2), ("92233720368547758.07", .max, 2),
      ("1.000000000000000000", 1_000_000_000_000_000_000, 18),
      ("0.0000000000000000010", 1, 18), ("0e-99999", 0, 0),
    ]
    for (text, minor, digits) in cases {
      let decimal = try number(text).decimal
      #expect(decimal?.minor == minor && decimal?.digits == digits, "\(text)")
    }
    for text in ["92233720368547758.08", "1e19", "0.0000000000000000001", "1e-99999999999"] {
      #expect(try number(text).decimal == nil, "\(text)")
    }
  }

  @Test func integersAreWrittenAsTheLibraryWritesThem() {
    var random = SplitMix64(seed: 3)
    for shift in 0..<64 {
      for _ in 0..<100 {
        let unsigned = random.next() >> UInt64(shift)
        let signed = Int64(bitPattern: random.next()) >> Int64(shift)
        var writer = JSONWriter()
        writer.beginArray()
        writer.uint(unsigned)
        writer.int(signed)
        writer.endArray()
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "[\(unsigned),\(signed)]")
      }
    }
  }
}
