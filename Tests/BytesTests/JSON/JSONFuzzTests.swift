// Fuzzing: whatever the bytes, the parser answers. Two questions are asked of each input: do the
// two ways through it agree, and does what was read come back the same when it is written?

import Bytes
import Testing

/// What an input shows to be wrong; nil when all holds.
private func fault(_ bytes: [UInt8]) -> String? {
  let isGrammatical = isSkipped(bytes)
  do {
    let value = try JSONValue(parsing: bytes)
    guard isGrammatical else { return "read, but not passed over" }
    let written = value.bytes
    guard let again = try? JSONValue(parsing: written) else { return "not read again" }
    return again.bytes == written && again == value ? nil : "changed by writing"
  } catch {
    if isGrammatical, error.reason != "a member is named twice" {
      return "passed over, but not read: \(error)"
    }
    return (0...bytes.count).contains(error.offset) ? nil : "error outside the text: \(error)"
  }
}

@Suite struct JSONFuzzTests {
  @Test func randomBytesAreAnsweredAlike() {
    for seed in UInt64(1)...50_000 {
      var random = SplitMix64(seed: seed)
      let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      let fault = fault(bytes)
      #expect(fault == nil, "seed \(seed)")
    }
  }

  @Test func randomTokensAreAnsweredAlike() {
    let tokens = [
      "{", "}", "[", "]", ",", ":", "\"a\":", "\"b\":", "\"\"", "1", "-0.5e3", "true", "null", " ",
      "\"\\n\"", "\"é\"", "[]", "{}", "\"", "\\", "0", "e",
    ]
    var readCount = 0
    for seed in UInt64(1)...100_000 {
      var random = SplitMix64(seed: seed)
      var bytes: [UInt8] = []
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        bytes += Array((tokens.randomElement(using: &random) ?? "").utf8)
      }
      let fault = fault(bytes)
      #expect(fault == nil, "seed \(seed)")
      if isSkipped(bytes) { readCount += 1 }
    }
    // The inputs must reach both answers.
    #expect(readCount > 1000)
  }

  @Test func damagedTextsAreAnsweredAlike() {
    for seed in UInt64(1)...50_000 {
      var random = SplitMix64(seed: seed)
      var bytes = JSONValue.random(&random, depth: 1).bytes
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<max(1, bytes.count), using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes.insert(UInt8.random(in: 0...255, using: &random), at: min(place, bytes.count))
        case 1: if place < bytes.count { bytes.remove(at: place) }
        case 2: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &random) }
        default: bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
        }
      }
      let fault = fault(bytes)
      #expect(fault == nil, "seed \(seed)")
    }
  }

  @Test func aTextIsReadTheSameWithSpaceAndEscapesInIt() throws {
    for seed in UInt64(1)...5000 {
      var random = SplitMix64(seed: seed)
      let value = JSONValue.random(&random, depth: 0)
      let bytes = value.loose(&random)
      #expect(try JSONValue(parsing: bytes).bytes == value.bytes, "seed \(seed)")
    }
  }

  @Test func theReaderSurvivesCallsInAnyOrder() {
    for seed in UInt64(1)...50_000 {
      var random = SplitMix64(seed: seed)
      var bytes = JSONValue.random(&random, depth: 2).bytes
      if seed % 2 == 0, !bytes.isEmpty {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8(ascii: "}")
      }
      JSONReader.read(bytes.span.bytes) { reader in
        for _ in 0..<30 {
          switch Int.random(in: 0..<11, using: &random) {
          case 0: try? reader.beginObject()
          case 1: try? reader.beginArray()
          case 2, 3: _ = try? reader.nextName()
          case 4, 5: _ = try? reader.nextElement()
          case 6: _ = try? reader.number()
          case 7: _ = try? reader.string()
          case 8: _ = try? reader.bool()
          case 9: try? reader.null()
          default: try? reader.skip()
          }
          #expect((0...bytes.count).contains(reader.offset), "seed \(seed)")
        }
      }
    }
  }
}

extension JSONValue {
  /// This value with white space anywhere and characters written as escapes at random.
  func loose(_ random: inout SplitMix64) -> [UInt8] {
    func space() -> [UInt8] {
      let all: [UInt8] = [0x20, 0x0a, 0x0d, 0x09]
      return (0..<Int.random(in: 0...2, using: &random)).map { _ in
        all[Int.random(in: 0..<4, using: &random)]
      }
    }
    func quoted(_ text: String) -> [UInt8] {
      var result: [UInt8] = [0x22]
      for scalar in text.unicodeScalars {
        let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
        if mustEscape || Int.random(in: 0..<3, using: &random) == 0 {
          for unit in String(scalar).utf16 {
            var digits = String(unit, radix: 16)
            if Bool.random(using: &random) { digits = digits.uppercased() }
            result += Array(("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8)
          }
        } else {
          result += Array(String(scalar).utf8)
        }
      }
      return result + [0x22]
    }
    func list(_ open: Unicode.Scalar, _ parts: [[UInt8]], _ close: Unicode.Scalar) -> [UInt8] {
      [UInt8(ascii: open)] + Array(parts.joined(separator: [UInt8(ascii: ",")]))
        + [UInt8(ascii: close)]
    }
    let body: [UInt8]
    switch self {
    case .string(let text): body = quoted(text)
    case .array(let elements):
      body = list("[", elements.isEmpty ? [space()] : elements.map { $0.loose(&random) }, "]")
    case .object(let members):
      let parts = members.map {
        space() + quoted($0.name) + space() + [UInt8(ascii: ":")] + $0.value.loose(&random)
      }
      body = list("{", parts.isEmpty ? [space()] : parts, "}")
    default: body = bytes
    }
    return space() + body + space()
  }
}
