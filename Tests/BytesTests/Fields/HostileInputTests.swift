// Inputs made to cost more than they weigh: counts that the bytes cannot hold, bodies whose members
// never stand where the visit looks for them.

import Bytes
import Synchronization
import Testing

@Suite struct HostileInputTests {
  struct Lists: Fields, Equatable {
    var flags: [Bool] = []
    var names: [String: String] = [:]
    var bytes: [UInt8] = []
    var inner: [Lists] = []

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "flags", &flags)
      try visitor.field(2, "names", &names)
      try visitor.field(3, "bytes", &bytes)
      try visitor.field(4, "inner", &inner)
    }
  }

  @Test(arguments: [1, 2, 4], [UInt64(3), 1 << 20, 1 << 31, 1 << 32, 1 << 62, 1 << 63, .max])
  func aCountBeyondTheBytesIsTruncation(_ number: Int, _ count: UInt64) {
    var writer = ByteWriter()
    writer.varint(count)
    // Two elements of a byte each, one pair of empty texts, two empty records.
    writer.u16(0)
    var record = ByteWriter()
    record.varint(UInt64(number) << 3 | 2)
    record.lengthPrefixed(writer.bytes)
    do {
      let read = try FieldBinary.decode(Lists.self, from: record.bytes)
      Issue.record("read \(read)")
    } catch {
      #expect(error.kind == .truncated)
    }
  }

  @Test func aCountThatTheBytesHoldIsRead() throws {
    var lists = Lists()
    lists.flags = Array(repeating: true, count: 5000)
    lists.inner = Array(repeating: Lists(), count: 5000)
    lists.names = Dictionary(uniqueKeysWithValues: (0..<5000).map { ("\($0)", "") })
    #expect(try FieldBinary.decode(Lists.self, from: FieldBinary.encode(lists)) == lists)
  }

  @Test func aCountBelowTheBytesIsRefused() {
    for number in [UInt8(1), 4] {
      #expect(throws: DecodeError.self) {
        try FieldBinary.decode(Lists.self, from: [number << 3 | 2, 3, 1, 0, 0])
      }
    }
  }

  @Test func aLengthBeyondTheBytesIsTruncation() {
    for length in [UInt64(3), 1 << 31, 1 << 63, .max] {
      var record = ByteWriter()
      record.varint(3 << 3 | 2)
      record.varint(length)
      record.u16(0)
      #expect(throws: DecodeError.self) { try FieldBinary.decode(Lists.self, from: record.bytes) }
    }
  }

  /// Counts how often it is visited.
  struct Counted: Fields {
    static let visitCount = Mutex(0)
    var a: Int64 = 0
    var b: Int64 = 0
    var c: [Counted] = []

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      Self.visitCount.withLock { $0 += 1 }
      try visitor.field(1, "a", &a)
      try visitor.field(2, "b", &b)
      try visitor.field(3, "c", &c)
    }

    /// Visits that reading the body takes, and its issues.
    static func read(_ json: String) -> (visits: Int, issues: Int) {
      visitCount.withLock { $0 = 0 }
      var issueCount = 0
      do {
        _ = try FieldJSON.decode(Counted.self, from: Array(json.utf8))
      } catch {
        if case .invalid(let issues) = error { issueCount = issues.count }
      }
      return (visitCount.withLock { $0 }, issueCount)
    }
  }

  /// One test, because the counter is one.
  @Test func theWorkForABodyOutOfOrderIsBounded() {
    #expect(Counted.read(#"{"a":1,"b":2,"c":[]}"#) == (2, 0))
    #expect(Counted.read(#"{"c":[],"b":2,"a":1}"#) == (4, 0))
    let most = FieldIssues.countMax
    let reversed = String(repeating: #""b":1,"a":1,"#, count: 50_000)
    let unknown = (0..<50_000).map { #""u\#($0)":1"# }.joined(separator: ",")
    for body in ["{\(reversed)\"c\":[]}", "{\(unknown)}", "{\"c\":[{\(unknown)}]}"] {
      let (visits, issues) = Counted.read(body)
      #expect(issues == most)
      // One a reported member, one that names the fields for each suggestion, and the ends.
      #expect(visits <= 2 * most + 10)
    }
    // What follows the last issue is still checked to be JSON.
    #expect(Counted.read("{\(unknown),}") == (2 * most, 0))
  }
}
