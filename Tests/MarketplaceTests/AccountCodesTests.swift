// One-time passwords, Base32, QR codes and sealed secrets against vectors of others, and their
// decoders against noise.

import Bytes
import Marketplace
import Testing

@Suite struct AccountCodesTests {
  @Test func totpAnswersTheVectorsOfRFC6238() {
    let key = Array("12345678901234567890".utf8)
    let vectors: [(Int64, String)] = [
      (59, "94287082"), (1_111_111_109, "07081804"), (1_111_111_111, "14050471"),
      (1_234_567_890, "89005924"), (2_000_000_000, "69279037"), (20_000_000_000, "65353130"),
    ]
    for (seconds, code) in vectors {
      let step = TOTP.step(at: Timestamp(microseconds: seconds * 1_000_000))
      #expect(TOTP.code(key: key, step: step, digits: 8) == code)
    }
  }

  @Test func aCodeIsGoodOneStepAroundAndOnce() {
    let key = Array("12345678901234567890".utf8)
    let time = Timestamp(microseconds: 1_795_000_000_000_000)
    let present = TOTP.step(at: time)
    for step in (present - 3)...(present + 3) {
      let found = TOTP.match(TOTP.code(key: key, step: step), key: key, at: time, after: 0)
      #expect(found == (abs(step - present) <= 1 ? step : nil))
    }
    let code = TOTP.code(key: key, step: present)
    #expect(TOTP.match(code, key: key, at: time, after: present) == nil)
    #expect(TOTP.match(code, key: key, at: time, after: present - 1) == present)
    for wrong in ["", "12345", "1234567", code + "\u{0}", "ａｂｃｄｅｆ"] {
      #expect(TOTP.match(wrong, key: key, at: time, after: 0) == nil)
    }
  }

  @Test func base32AnswersTheVectorsOfRFC4648() {
    let vectors = [
      ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"),
      ("fooba", "MZXW6YTB"), ("foobar", "MZXW6YTBOI"),
    ]
    for (plain, text) in vectors {
      #expect(Base32.encode(Array(plain.utf8)) == text)
      #expect(Base32.decode(text) == Array(plain.utf8))
    }
    #expect(Base32.decode("mzxw 6ytb-oi======") == Array("foobar".utf8))
    for bad in ["A", "AAA", "AAAAAA", "MZ", "1", "MZXW6YTB0", "=A", "é"] {
      #expect(Base32.decode(bad) == nil, "\(bad)")
    }
  }

  @Test func whatBase32EncodesItDecodesAndNoiseDoesNotTrapIt() {
    var random = SplitMix64(seed: 7)
    for _ in 0..<2000 {
      let bytes = (0..<Int(random.next() % 40)).map { _ in
        UInt8(truncatingIfNeeded: random.next())
      }
      #expect(Base32.decode(Base32.encode(bytes)) == bytes)
      let noise = String(decoding: bytes.map { $0 & 0x7f }, as: UTF8.self)
      if let decoded = Base32.decode(noise) {
        // What is accepted is what encoding gives, but for case, spaces and padding.
        let plain = noise.uppercased().filter { !" -=".contains($0) }
        #expect(Base32.encode(decoded) == plain)
      }
    }
  }

  // MARK: QR

  @Test func aQRCodeHasTheModulesThatAnotherEncoderGives() throws {
    // Made with the program qrcode of PyPI: byte mode, level M, mask 0.
    let expected = """
      111111100011001111111
      100000101110001000001
      101110100100001011101
      101110100011101011101
      101110101011101011101
      100000100111001000001
      111111101010101111111
      000000000100000000000
      101010100010100010010
      001111001001001110010
      111111111111010111111
      110100000101100010010
      001110111111010010100
      000000001110000010110
      111111100100111110111
      100000100010000100011
      101110101100100010100
      101110100111011110110
      101110101101010010101
      100000100101110010010
      111111101101001100111
      """
    let code = try #require(QRCode(Array("HELLO souk".utf8)))
    #expect(code.version == 1 && code.mask == 0)
    #expect(Self.rows(code).joined(separator: "\n") == expected)
  }

  @Test func qrCodesOfEverySizeAgreeWithAnotherEncoder() throws {
    // Bytes, version, our mask, and the beginning of SHA-256 over the modules as 0 and 1, which the
    // program qrcode of PyPI gives for that mask.
    let vectors: [(count: Int, version: Int, mask: Int, hash: [UInt8])] = [
      (1, 1, 2, [0xf4, 0xb4, 0xda, 0xe1]),
      (14, 1, 2, [0xda, 0x54, 0x11, 0x0d]),
      (15, 2, 6, [0x0c, 0x4c, 0xf5, 0xeb]),
      (100, 6, 2, [0x1c, 0x40, 0x0a, 0x1a]),
      (300, 13, 3, [0x36, 0x5e, 0xbd, 0x97]),
      (500, 17, 4, [0x63, 0xf7, 0x8a, 0x29]),
      (900, 24, 0, [0x88, 0xe1, 0xa7, 0xe1]),
      (1500, 32, 6, [0x41, 0xbd, 0xc9, 0x35]),
      (2331, 40, 4, [0xb8, 0x10, 0x2c, 0xa1]),
    ]
    for vector in vectors {
      let bytes = (0..<vector.count).map { UInt8(($0 * 7 + vector.count) % 251) }
      let code = try #require(QRCode(bytes))
      #expect(code.version == vector.version && code.mask == vector.mask, "\(vector.count)")
      let modules = Array(Self.rows(code).joined().utf8)
      #expect(Array(Crypto.sha256(modules).prefix(4)) == vector.hash, "\(vector.count)")
    }
    #expect(QRCode([UInt8](repeating: 0, count: 2332)) == nil)
  }

  private static func rows(_ code: QRCode) -> [String] {
    (0..<code.size).map { y in
      String((0..<code.size).map { x in code.isDark(x, y) ? "1" : "0" })
    }
  }

  @Test func theSVGDrawsEveryDarkModuleOnce() throws {
    let code = try #require(QRCode(Array("otpauth://totp/Souk".utf8)))
    let dark = (0..<code.size).reduce(0) { sum, y in
      sum + (0..<code.size).filter { code.isDark($0, y) }.count
    }
    let path = try #require(code.svg().split(separator: "<path d=\"").last)
    let drawn = path.split(separator: "h").dropFirst().compactMap { Int($0.prefix { $0.isNumber }) }
    #expect(drawn.reduce(0, +) == dark)
  }

  // MARK: Sealing

  private static let sealing = Sealing(key: (0..<32).map { UInt8($0) })
  private static let plain = Array("attack at dawn".utf8)

  private static func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex)
    return stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(digits[$0...($0 + 1)]), radix: 16)
    }
  }

  @Test func sealedValuesOfAnotherProgramOpenWithBothNonceLengths() throws {
    // DocumentedBytes of DataFormats/sealed.md, made with pyca/cryptography: key 00…1f, table 20, row "row", nonce 64 65 66 ….
    let twelve = Self.bytes(
      "0c6465666768696a6b6c6d6e6f6acfb1f9d5ca39422e6fd4228df2af9c296faa071a8276ff4a423b89ad0b")
    let sixteen = Self.bytes(
      "106465666768696a6b6c6d6e6f707172735c20a20deaadbd961704a034d52a560cb9c73730877f07b9c6d9c9e830b9"
    )
    let row = Array("row".utf8)
    for value in [twelve, sixteen] {
      #expect(Self.sealing.open(value, table: 20, row: row) == Self.plain)
    }
  }

  @Test func aSealedValueThatWasChangedOrMovedDoesNotOpen() throws {
    let row: [UInt8] = [1, 2, 3]
    let sealed = try Self.sealing.seal(Self.plain, table: 20, row: row, nonce: Sealing.Nonce())
    #expect(sealed.first == 12)
    #expect(Self.sealing.open(sealed, table: 20, row: row) == Self.plain)
    #expect(Self.sealing.open(sealed, table: 19, row: row) == nil)
    #expect(Self.sealing.open(sealed, table: 20, row: [1, 2, 4]) == nil)
    let other = Sealing(key: [UInt8](repeating: 9, count: 32))
    #expect(other.open(sealed, table: 20, row: row) == nil)
    for index in sealed.indices {
      for bit in 0..<8 {
        var changed = sealed
        changed[index] ^= 1 << UInt8(bit)
        #expect(Self.sealing.open(changed, table: 20, row: row) == nil, "byte \(index)")
      }
      #expect(Self.sealing.open(Array(sealed.prefix(index)), table: 20, row: row) == nil)
    }
    let again = try Self.sealing.seal(Self.plain, table: 20, row: row, nonce: Sealing.Nonce())
    #expect(again != sealed)
  }

  // MARK: Guessing

  @Test func guessingIsSlowedDownAndForgiven() throws {
    let guardian = SignInGuard(entriesMax: 64)
    var time = Timestamp(microseconds: 1_795_000_000_000_000)
    for wrong in 1...SignInGuard.freeAttempts {
      #expect(try guardian.begin("Ann@example.com", at: time) == wrong)
    }
    // Letters without case are one name; many at once are as many in a row.
    let early = refusal { try guardian.begin(" ann@EXAMPLE.com", at: time) }
    #expect(early?.code == .rateLimited)
    var waited: [Int64] = []
    for _ in 0..<12 {
      var seconds: Int64 = 0
      while (try? guardian.begin("ann@example.com", at: time.adding(seconds: seconds))) == nil {
        seconds += 1
      }
      waited.append(seconds)
      time = time.adding(seconds: seconds)
    }
    #expect(waited == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
    guardian.succeeded("ann@example.com")
    #expect(try guardian.begin("ann@example.com", at: time) == 1)
    for number in 0..<1000 { try guardian.begin("\(number)", at: time) }
    #expect(guardian.count <= 64)
    #expect(try guardian.begin("999", at: time.adding(seconds: 901)) == 1)
  }

  @Test func noTextIsTakenForAnAccessToken() {
    let tokens = AccessTokens(key: [UInt8](repeating: 5, count: 32))
    var random = SplitMix64(seed: 11)
    let alphabet = Array("eyJhbGciOiJIUzI1NiJ9.-_=AZ09{}\"".utf8)
    for _ in 0..<3000 {
      let text = String(
        decoding: (0..<Int(random.next() % 120)).map { _ in
          alphabet[Int(random.next() % UInt64(alphabet.count))]
        }, as: UTF8.self)
      let error = refusal { _ = try tokens.verify(text, at: .zero) }
      #expect(error?.code == .invalidToken, "\(text)")
    }
  }
}
