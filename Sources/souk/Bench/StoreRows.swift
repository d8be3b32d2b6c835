// StoreRows: the rows of `souk bench store`. Benchmarks/store/workload.h makes the same rows from the
// same numbers for the peers and says what they are; a change here is a change there.

enum StoreRows {
  static let keyBytes = 16
  static let valueBytes = 200
  static let rowsPerCommit = 10

  struct Row: Sendable {
    var key: [UInt8]
    var value: [UInt8]

    init(_ key: Key, version: UInt64) {
      self.key = key.bytes
      value = StoreRows.value(of: key, version: version)
    }
  }

  /// The two halves of a key; big-endian on the disk, so that they sort as numbers.
  struct Key: Sendable {
    var high: UInt64
    var low: UInt64

    /// What the first eight bytes of its value are.
    var checkWord: UInt64 { mix(high ^ low) }

    var bytes: [UInt8] {
      [UInt8](unsafeUninitializedCapacity: keyBytes) { buffer, count in
        store(into: UnsafeMutableRawBufferPointer(buffer))
        count = keyBytes
      }
    }

    func store(into buffer: UnsafeMutableRawBufferPointer) {
      buffer.storeBytes(of: high.bigEndian, as: UInt64.self)
      buffer.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
  }

  /// SplitMix64 (Steele, Lea, Flood 2014): the number that follows state `x`.
  @inline(__always)
  static func mix(_ x: UInt64) -> UInt64 {
    var x = x &+ 0x9e37_79b9_7f4a_7c15
    x = (x ^ (x >> 30)) &* 0xbf58_476d_1ce4_e5b9
    x = (x ^ (x >> 27)) &* 0x94d0_49bb_1331_11eb
    return x ^ (x >> 31)
  }

  struct Random {
    private var state: UInt64
    init(_ state: UInt64) { self.state = state }

    mutating func next() -> UInt64 {
      defer { state &+= 0x9e37_79b9_7f4a_7c15 }
      return mix(state)
    }

    /// A key anywhere among the stored ones.
    mutating func key() -> Key {
      let high = next() >> 8
      return Key(high: high, low: next())
    }
  }

  /// Key `index` of `count` that are stored before anything is measured.
  static func stored(_ index: UInt64, of count: UInt64) -> Key {
    let stride = (1 << 56) / count
    return Key(high: index &* stride &+ mix(index) % stride, low: mix(~index))
  }

  /// Key `place` of the given commit, above nearly all of earlier commits.
  static func ordered(commit: UInt64, place: UInt64) -> Key {
    let milliseconds = 0x0193_0000_0000 &+ commit / 8
    return Key(
      high: milliseconds << 16 | 0x7000 | mix(commit) & 0xfff,
      low: 1 << 63 | ((mix(~commit) >> 3) &+ place))
  }

  static func value(of key: Key, version: UInt64) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: valueBytes) { buffer, count in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      bytes.storeBytes(of: key.checkWord, as: UInt64.self)
      var random = Random(key.checkWord ^ mix(version))
      for offset in stride(from: 8, to: valueBytes, by: 8) {
        bytes.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
      }
      count = valueBytes
    }
  }

  /// Whether `value` is one that was written for `key`.
  static func fits(_ value: RawSpan, _ key: Key) -> Bool {
    value.byteCount == valueBytes
      && value.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self) == key.checkWord
  }

  /// A hash over some rows of each kind: equal for all programs that make the same rows.
  static var sample: UInt64 {
    var hash: UInt64 = 0
    var random = Random(5)
    for index in 0..<10 as Range<UInt64> {
      let keys = [
        stored(index, of: 1000), random.key(), ordered(commit: index * 3, place: index),
      ]
      for key in keys {
        let row = Row(key, version: index)
        (row.key + row.value).withUnsafeBytes { bytes in
          for offset in stride(from: 0, to: bytes.count, by: 8) {
            hash = mix(hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
          }
        }
      }
    }
    return hash
  }
}
