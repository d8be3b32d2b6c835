// The stored form: golden bytes, identity over random records, evolution, and damaged bytes.

import Bytes
import Testing

@Suite struct FieldBinaryTests {
  /// A record within a record is written first, and its length put before it.
  @Test(arguments: [1, 100, 125, 126, 127, 128, 129, 16_380, 16_383, 16_384, 16_390, 2_097_200])
  func aLengthOfAnyNumberOfBytesIsPutBeforeItsRecord(count: Int) throws {
    struct Inner: Fields, Equatable {
      var text: [UInt8] = []
      mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
        try visitor.field(1, "text", &text)
      }
    }
    struct Outer: Fields, Equatable {
      var inner = Inner()
      var last: Int64 = 0
      mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
        try visitor.field(1, "inner", &inner)
        try visitor.field(2, "last", &last)
      }
    }
    var outer = Outer()
    outer.inner.text = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    outer.last = 5
    var expected = ByteWriter()
    expected.u8(1 << 3 | WireKind.bytes.rawValue)
    expected.lengthPrefixed(FieldBinary.encode(outer.inner))
    expected.u8(2 << 3 | WireKind.varint.rawValue)
    expected.signedVarint(5)
    #expect(FieldBinary.encode(outer) == expected.bytes)
    #expect(try FieldBinary.decode(Outer.self, from: expected.bytes) == outer)
  }

  @Test func aSmallRecordHasTheDocumentedBytes() {
    struct Coupon: Fields {
      var code = ""
      var percentOff: Int64 = 0
      var isActive = true
      var minimum: Amount?
      var regions: [String] = []

      mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
        try visitor.field(1, "code", &code)
        try visitor.field(2, "percentOff", &percentOff)
        try visitor.field(3, "isActive", &isActive)
        try visitor.field(5, "minimum", &minimum)
        try visitor.field(6, "regions", &regions)
      }
    }
    var coupon = Coupon()
    coupon.code = "OAK"
    coupon.percentOff = 15
    coupon.isActive = false
    coupon.minimum = Amount(minor: 4990, digits: 2)
    coupon.regions = ["DE", "FR"]
    let expected: [UInt8] = [
      0x0a, 0x03, 0x4f, 0x41, 0x4b,  // 1, bytes: "OAK"
      0x10, 0x1e,  // 2, varint: zigzag 15
      0x18, 0x00,  // 3, varint: false, written because the default is true
      0x2a, 0x03, 0xfc, 0x4d, 0x02,  // 5, bytes: zigzag 4990, 2 digits
      0x32, 0x07, 0x02, 0x02, 0x44, 0x45, 0x02, 0x46, 0x52,  // 6, bytes: 2 elements
    ]
    #expect(FieldBinary.encode(coupon) == expected)
    #expect(FieldBinary.encode(Coupon()) == [0x18, 0x01])
  }

  @Test func everyRandomRecordReadsBackAsItself() throws {
    for seed in UInt64(1)...500 {
      var random = SplitMix64(seed: seed)
      let sample = Sample.random(&random)
      let bytes = FieldBinary.encode(sample)
      let read = try FieldBinary.decode(Sample.self, from: bytes)
      #expect(read == sample, "seed \(seed)")
      #expect(FieldBinary.encode(read) == bytes, "seed \(seed)")
    }
  }

  @Test func anOptionalWhoseDefaultIsNotNilKeepsNil() throws {
    var sample = Sample()
    sample.priority = nil
    #expect(try FieldBinary.decode(Sample.self, from: FieldBinary.encode(sample)) == sample)
  }

  struct Older: Fields, Equatable {
    var title = ""
    var stock: Int64 = 0

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(2, "title", &title)
      try visitor.field(4, "stock", &stock)
    }
  }

  @Test func anOlderReaderSkipsWhatItDoesNotKnow() throws {
    for seed in UInt64(1)...100 {
      var random = SplitMix64(seed: seed)
      let sample = Sample.random(&random)
      let older = try FieldBinary.decode(Older.self, from: FieldBinary.encode(sample))
      #expect(older == Older(title: sample.title, stock: sample.stock), "seed \(seed)")
    }
  }

  @Test func aNewerReaderKeepsTheDefaultsOfAbsentFields() throws {
    let bytes = FieldBinary.encode(Older(title: "x", stock: 3))
    var expected = Sample()
    expected.title = "x"
    expected.stock = 3
    expected.status = .draft
    let read = try FieldBinary.decode(Sample.self, from: bytes)
    #expect(read == expected)
  }

  @Test func numbersThatDoNotRiseAreRefused() {
    #expect(throws: DecodeError.self) {
      try FieldBinary.decode(Older.self, from: [0x20, 0x02, 0x12, 0x01, 0x41])
    }
    #expect(throws: DecodeError.self) {
      try FieldBinary.decode(Older.self, from: [0x20, 0x02, 0x20, 0x02])
    }
  }

  @Test func aWordOutsideAnEnumIsRefused() {
    #expect(throws: DecodeError.self) {
      try FieldBinary.decode(Sample.self, from: [0x9a, 0x01, 0x01, 0x78])
    }
  }

  @Test func everyTruncationOfARecordThrowsOrReadsAPrefixOfItsFields() {
    var random = SplitMix64(seed: 5)
    let sample = Sample.random(&random)
    let bytes = FieldBinary.encode(sample)
    for count in 0..<bytes.count {
      guard let read = try? FieldBinary.decode(Sample.self, from: Array(bytes[..<count])) else {
        continue
      }
      #expect(read != sample, "\(count) bytes")
    }
  }

  @Test func damagedBytesNeverTrap() {
    for seed in UInt64(1)...20_000 {
      var random = SplitMix64(seed: seed)
      var bytes = FieldBinary.encode(Sample.random(&random))
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      }
      if let read = try? FieldBinary.decode(Sample.self, from: bytes) {
        let again = try? FieldBinary.decode(Sample.self, from: FieldBinary.encode(read))
        #expect(again != nil, "seed \(seed)")
      }
    }
  }

  struct Chain: Fields {
    var next: [Chain] = []

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "next", &next)
    }
  }

  @Test func aTypeThatContainsItselfIsReadToABoundedDepth() throws {
    func chain(_ depth: Int) -> Chain {
      var chain = Chain()
      for _ in 1..<depth {
        var outer = Chain()
        outer.next = [chain]
        chain = outer
      }
      return chain
    }
    #expect(try FieldBinary.decode(Chain.self, from: FieldBinary.encode(chain(10))).next.count == 1)
    let deep = FieldBinary.encode(chain(1000))
    #expect(throws: DecodeError.self) { try FieldBinary.decode(Chain.self, from: deep) }
  }
}
