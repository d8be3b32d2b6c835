// The parser against the cases of RFC 8259, against the rule itself where all inputs can be tried,
// and against Foundation on what both must accept.

import Bytes
import Foundation
import Testing

/// Whether the pull parser passes over the text and finds nothing after it.
func isSkipped(_ bytes: [UInt8]) -> Bool {
  do {
    try JSONReader.read(bytes.span.bytes) { (reader) throws(JSONError) in
      try reader.skip()
      try reader.finish()
    }
    return true
  } catch {
    return false
  }
}

@Suite struct JSONConformanceTests {
  @Test func everyTextThatIsJSONIsReadAndWrittenAsItsValue() throws {
    for (text, written) in JSONCases.accepted {
      let bytes = JSONCases.bytes(text)
      let value = try? JSONValue(parsing: bytes)
      #expect(value?.bytes == (written.isEmpty ? bytes : JSONCases.bytes(written)), "\(text)")
      #expect(isSkipped(bytes), "\(text)")
    }
  }

  @Test func everyTextThatIsNotJSONIsRefused() {
    for text in JSONCases.refused {
      let bytes = JSONCases.bytes(text)
      #expect(throws: JSONError.self, "\(text)") { try JSONValue(parsing: bytes) }
    }
  }

  @Test func whatIsPassedOverIsCheckedAsWellAsWhatIsRead() {
    for text in JSONCases.refused {
      // A name that comes twice is grammatical; only who keeps the names can see it.
      let duplicates = [#"{"a":1,"a""#, #"{"a":1,"b":2,"a""#, #"{"a":1,"\u0061""#, #"{"":1,"""#]
      if duplicates.contains(where: text.hasPrefix) || text.contains(#"{"x":{"a":1,"a""#) {
        continue
      }
      #expect(!isSkipped(JSONCases.bytes(text)), "\(text)")
    }
  }

  @Test func anErrorLiesInsideTheText() {
    for text in JSONCases.refused {
      let bytes = JSONCases.bytes(text)
      do {
        _ = try JSONValue(parsing: bytes)
      } catch {
        #expect((0...bytes.count).contains(error.offset), "\(text): \(error)")
      }
    }
  }

  @Test(arguments: [("[", "]"), (#"{"a":"#, "}"), (#"[{"a":"#, "}]")])
  func depthEndsAt64(_ opening: String, _ closing: String) {
    let levels = opening.utf8.count == 6 ? 2 : 1
    func nested(_ depth: Int) -> [UInt8] {
      let count = depth / levels
      let text =
        String(repeating: opening, count: count) + (opening == "[" ? "" : "0")
        + String(repeating: closing, count: count)
      return Array(text.utf8)
    }
    #expect(isSkipped(nested(64)))
    #expect((try? JSONValue(parsing: nested(64)))?.bytes == nested(64))
    #expect(!isSkipped(nested(64 + levels)))
    #expect(throws: JSONError.self) { try JSONValue(parsing: nested(64 + levels)) }
    #expect(throws: JSONError.self) { try JSONValue(parsing: nested(1_000_000)) }
    // Siblings are not depth.
    #expect(isSkipped(Array(("[" + String(repeating: "[],", count: 100) + "0]").utf8)))
  }

  @Test func everyByteAtEveryPlaceOfAStringIsJudgedAsTheGrammarSays() {
    for count in [1, 7, 8, 9, 16, 17] {
      for place in 0..<count {
        for byte in UInt8.min...UInt8.max {
          var content = Array(repeating: UInt8(ascii: "x"), count: count)
          content[place] = byte
          // A quote leaves text behind; a backslash takes an x or the closing quote with it.
          let isRight = byte >= 0x20 && byte < 0x80 && byte != 0x22 && byte != 0x5c
          #expect(isSkipped([0x22] + content + [0x22]) == isRight, "\(byte) at \(place)/\(count)")
        }
      }
    }
  }

  @Test func sequencesOfBytesAreJudgedAsUTF8() {
    func agrees(_ sequence: [UInt8]) -> Bool {
      let isText = String(validating: sequence, as: UTF8.self) != nil
      return isSkipped([0x22, 0x61] + sequence + [0x22]) == isText
    }
    let edges: [UInt8] = [0x7f, 0x80, 0xbf, 0xc0]
    var wrong: [[UInt8]] = []
    for first in UInt8(0x80)...0xff {
      if !agrees([first]) { wrong.append([first]) }
      for second in UInt8(0x70)...0xff {
        if !agrees([first, second]) { wrong.append([first, second]) }
        for third in edges {
          if !agrees([first, second, third]) { wrong.append([first, second, third]) }
          for fourth in edges
          where first >= 0xf0 && !agrees([first, second, third, fourth]) {
            wrong.append([first, second, third, fourth])
          }
        }
      }
    }
    #expect(wrong.isEmpty, "\(wrong.prefix(5))")
  }

  @Test func everyUnitEscapeIsItsScalarOrRefused() {
    for unit in 0...0xffff {
      let digits = String(unit, radix: 16)
      let padded = String(repeating: "0", count: 4 - digits.count) + digits
      let value = try? JSONValue(parsing: Array("\"\\u\(padded)\"".utf8))
      let expected = Unicode.Scalar(UInt32(unit)).map { String(Character($0)) }
      #expect(value?.text.map { Array($0.utf8) } == expected.map { Array($0.utf8) }, "\(padded)")
    }
  }

  // MARK: Foundation

  @Test func foundationReadsTheSameValues() throws {
    for (text, _) in JSONCases.accepted {
      let bytes = JSONCases.bytes(text)
      // Foundation has no number beyond a Double, folds names that are canonically equal, and
      // drops a byte order mark even inside a string.
      if text.contains("e400") || text.contains("e9999999") || text.contains("e-9999999")
        || text.contains(#"e\u0301"#) || text.contains("ef bb bf") || text.contains("feff")
      {
        continue
      }
      let value = try JSONValue(parsing: bytes)
      let theirs = try JSONSerialization.jsonObject(
        with: Data(bytes), options: [.fragmentsAllowed])
      #expect(isSame(value, theirs), "\(text): \(theirs)")
    }
  }

  @Test func foundationReadsWhatIsWrittenAndIsReadInTurn() throws {
    for seed in UInt64(1)...1000 {
      var random = SplitMix64(seed: seed)
      let value = JSONValue.random(&random, depth: 0)
      let theirs = try JSONSerialization.jsonObject(
        with: Data(value.bytes), options: [.fragmentsAllowed])
      #expect(isSame(value, theirs), "seed \(seed)")
      let rewritten = try JSONSerialization.data(
        withJSONObject: theirs, options: [.fragmentsAllowed, .prettyPrinted])
      #expect(isSame(try JSONValue(parsing: Array(rewritten)), theirs), "seed \(seed)")
    }
  }
}

/// Whether Foundation's tree has the same values. Text is compared by its bytes.
func isSame(_ value: JSONValue, _ theirs: Any) -> Bool {
  switch value {
  case .null: return theirs is NSNull
  case .bool(let bool):
    return (theirs as? NSNumber).map { isBool($0) && $0.boolValue == bool } ?? false
  case .number(let text):
    guard let number = theirs as? NSNumber, !isBool(number) else { return false }
    if let whole = Int64(text) { return number.int64Value == whole }
    // Foundation passes some numbers through a decimal type and loses last digits; the Doubles
    // themselves are tested against the C library.
    guard let ours = value.double else { return false }
    return abs(number.doubleValue - ours) <= abs(ours) * 1e-12
  case .string(let text):
    return (theirs as? String).map { Array($0.utf8) == Array(text.utf8) } ?? false
  case .array(let elements):
    guard let list = theirs as? [Any], list.count == elements.count else { return false }
    return zip(elements, list).allSatisfy { isSame($0, $1) }
  case .object(let members):
    guard let map = theirs as? [String: Any], map.count == members.count else { return false }
    return members.allSatisfy { member in map[member.name].map { isSame(member.value, $0) } ?? false
    }
  }
}

private func isBool(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }

extension JSONValue {
  /// Any value, with every kind of character and number in it.
  static func random(_ random: inout SplitMix64, depth: Int) -> JSONValue {
    let kind = Int.random(in: 0..<(depth < 5 ? 10 : 6), using: &random)
    switch kind {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &random))
    case 2:
      return .int(Int64(bitPattern: random.next()) >> Int64.random(in: 0...63, using: &random))
    case 3:
      let double = Double(bitPattern: random.next())
      return double.isFinite ? .number(double.description) : .int(0)
    case 4, 5: return .string(random.anyText(upTo: 30))
    case 6, 7:
      return .array(
        (0..<Int.random(in: 0...5, using: &random)).map { _ in .random(&random, depth: depth + 1) })
    default:
      return .object(
        (0..<Int.random(in: 0...5, using: &random)).map { index in
          Member("\(index)" + random.anyText(upTo: 9), .random(&random, depth: depth + 1))
        })
    }
  }
}

extension SplitMix64 {
  /// Scalars from every plane, those with escapes more often.
  mutating func anyText(upTo count: Int) -> String {
    var text = ""
    for _ in 0..<Int.random(in: 0...count, using: &self) {
      let most: UInt32 = [0x23, 0x80, 0x800, 0x1_0000, 0x11_0000].randomElement(using: &self) ?? 1
      if let scalar = Unicode.Scalar(UInt32.random(in: 0..<most, using: &self)) {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
