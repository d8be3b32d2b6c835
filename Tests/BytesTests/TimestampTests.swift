// Timestamp: RFC 3339 in and out, against a calendar counted day by day.

import Bytes
import Testing

@Suite struct TimestampTests {
  @Test func everyDayOfEightCenturiesIsPrintedAndParsed() {
    // The oracle counts days from 1600-01-01, which is 135140 days before 1970-01-01.
    var (year, month, day) = (1600, 1, 1)
    func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    var number: Int64 = -135_140
    while year < 2401 {
      let text = "\(year)-\(padded(month))-\(padded(day))T00:00:00.000Z"
      let moment = Timestamp(microseconds: number * 86_400_000_000)
      if moment.description != text || Timestamp(text) != moment {
        Issue.record("day \(number): \(moment), expected \(text)")
        return
      }
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
      day += 1
      if day > lengths[month - 1] { (month, day) = (month + 1, 1) }
      if month > 12 { (year, month) = (year + 1, 1) }
      number += 1
    }
  }

  @Test func randomMomentsSurviveToTheMillisecond() {
    var generator = SplitMix64(seed: 4)
    // Years 0000 to 9999.
    for _ in 0..<20_000 {
      let micros = Int64.random(
        in: -62_167_219_200_000_000...253_402_300_799_999_999, using: &generator)
      let moment = Timestamp(microseconds: micros)
      let floored = micros - ((micros % 1000) + 1000) % 1000
      #expect(Timestamp(moment.description)?.microseconds == floored, "\(micros)")
    }
  }

  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("1970-01-01t00:00:00z", 0),
    ("1969-12-31T23:59:59.999999Z", -1), ("1970-01-01T00:00:00.1Z", 100_000),
    ("1970-01-01T00:00:00.000001Z", 1), ("1970-01-01T00:00:00.000001999Z", 1),
    ("1970-01-01T01:00:00+01:00", 0), ("1969-12-31T18:30:00-05:30", 0),
    ("1970-01-01T23:59:00+23:59", 0), ("1970-01-01T00:00:00-00:00", 0),
    ("2000-02-29T00:00:00Z", 951_782_400_000_000), ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
    ("2026-11-22T10:15:30.123Z", 1_795_342_530_123_000),
  ])
  func textsHaveTheirMoments(_ text: String, _ micros: Int64) {
    #expect(Timestamp(text)?.microseconds == micros)
  }

  @Test(arguments: [
    "", "2026-11-22", "2026-11-22T10:15:30", "2026-11-22 10:15:30Z", "2026-11-22T10:15:30.Z",
    "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
    "2026-01-01T00:00:61Z", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+0100",
    "2026-01-01T00:00:00+01:60", "2026-01-01T00:00:00Zz", "2026-01-01T00:00:00+01:00Z",
    "2026-1-01T00:00:00.0Z", "+026-01-01T00:00:00Z", "2026-01-01T00:00:00,5Z",
    "２026-01-01T00:00:00Z", "2026/01/01T00:00:00Z", "2026-01-01T00.00.00Z",
    "2026-01-01T00:00:00.00000000000000000000000000000000Z",
  ])
  func otherTextsAreRefused(_ text: String) {
    #expect(Timestamp(text) == nil)
  }

  @Test func arbitraryTextNeverTraps() {
    var generator = SplitMix64(seed: 5)
    let pattern = Array("2026-11-22T10:15:30.123+01:00".utf8)
    for _ in 0..<20_000 {
      var bytes = pattern
      for _ in 0..<Int.random(in: 0...3, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] =
          UInt8.random(in: 0x20...0x7e, using: &generator)
      }
      bytes.removeLast(Int.random(in: 0...3, using: &generator))
      let text = String(decoding: bytes, as: UTF8.self)
      guard let moment = Timestamp(text) else { continue }
      #expect(Timestamp(moment.description)?.description == moment.description, "\(text)")
    }
  }

  @Test func theExtremesPrint() {
    #expect(Timestamp(microseconds: .max).description == "294247-01-10T04:00:54.775Z")
    #expect(Timestamp(microseconds: .min).description.hasSuffix("-12-21T19:59:05.224Z"))
  }

  @Test func secondsAreAdded() {
    #expect(Timestamp.zero.adding(seconds: -1).description == "1969-12-31T23:59:59.000Z")
    #expect(Timestamp.zero < Timestamp.zero.adding(seconds: 1))
  }
}
