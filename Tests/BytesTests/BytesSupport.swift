// What the tests of this folder share: samples from a seeded generator of every interesting size.

import Bytes

extension SplitMix64 {
  /// Any magnitude is as likely as any other, and the neighbours of powers of two are frequent.
  mutating func number() -> UInt64 {
    let power = UInt64(1) << UInt64.random(in: 0..<64, using: &self)
    return switch next() % 4 {
    case 0: power
    case 1: power &- 1
    case 2: ~power
    default: next() >> (next() % 64)
    }
  }

  /// Short runs from few values, so that prefixes and zeros are frequent.
  mutating func bytes(most: Int = 12) -> [UInt8] {
    let values: [UInt8] = [0, 0, 1, 2, 0x61, 0x7f, 0x80, 0xfe, 0xff, 0xff]
    return (0..<Int.random(in: 0...most, using: &self)).map { _ in
      values[Int(next() % UInt64(values.count))]
    }
  }

  mutating func text() -> String {
    let parts = ["\0", "\0", "a", "b", "é", "\u{1}", "\u{ff}", "日", "😀"]
    return (0..<Int.random(in: 0...8, using: &self)).map { _ in
      parts[Int(next() % UInt64(parts.count))]
    }.joined()
  }
}

/// The error that `body` throws; nil when it throws none.
func decodeError<T>(_ body: () throws(DecodeError) -> T) -> DecodeError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error
  }
}
