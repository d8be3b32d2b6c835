// Bytes from a disk never trap. What decodes them is found mechanically, and in it no operation may
// stand that traps on a value nobody has looked at: arithmetic that can overflow, a subscript, a
// forced unwrapping, a narrowing conversion, a call of itself.

import Foundation
import Testing

@Suite struct DecoderRules {
  /// What a function must mention to count as a decoder: the readers, and the error that they throw.
  static let marks = Pattern(#"\b(ByteReader|BinarySource|KeyReader|DecodeError)\b"#)

  /// Files that look at bytes from a disk before anything has vouched for them, and are decoders from
  /// the first line to the last, whatever they mention.
  static let wholeFiles: [String] = [
    "Sources/CommitLog/SegmentScan.swift", "Sources/RecordStore/Tree/PageValidator.swift",
  ]

  /// The readers themselves: each of their loads stands behind a comparison with the end, which is
  /// their invariant 1. All others are built on them.
  static let readers: Set<String> = [
    "Sources/Bytes/ByteReader.swift", "Sources/Bytes/Fields/BinarySource.swift",
  ]

  static let banned: [(name: String, pattern: Pattern)] = [
    ("arithmetic that traps", Pattern(#"[\w)\]] [+\-*]=? "#)),
    ("a subscript", Pattern(#"[\w)\]?]\["#)),
    ("a forced unwrapping", Pattern(#"[\w)\]]!(?!=)"#)),
    (
      "a conversion that traps",
      // The labelled ones are total, and what a reader returns as u8, u16 or u32 fits every wider type.
      Pattern(#"\bU?Int(8|16|32|64)?\((?!\w+:|try \w+\.u(8|16|32)\()"#)
    ),
  ]

  /// Lines of one file that may break one rule, and why they cannot trap all the same. The count is a
  /// ratchet: it only goes down.
  struct Exception: Sendable {
    var file: String
    var rule: String
    var linesMost: Int
    var reason: String

    init(_ file: String, _ rule: String, _ linesMost: Int, _ reason: String) {
      self.file = "Sources/" + file
      self.rule = rule
      self.linesMost = linesMost
      self.reason = reason
    }
  }

  static let exceptions: [Exception] = [
    Exception(
      "CommitLog/FileCommitLog+read.swift", "arithmetic that traps", 10,
      "sums of an offset and a frame size that FrameHeader.valid has found to lie in the window"),
    Exception(
      "CommitLog/FileCommitLog+read.swift", "a conversion that traps", 1, "a u32 into an Int"),
    Exception(
      "CommitLog/LogInspector.swift", "arithmetic that traps", 2,
      "an offset and sizes of a frame that FrameHeader.valid has found to lie in the bytes"),
    Exception(
      "CommitLog/LogInspector.swift", "a conversion that traps", 2,
      "a u32 into an Int; an offset within the bytes, which is not negative"),
    Exception(
      "CommitLog/Frame.swift", "arithmetic that traps", 3,
      "constants taken from a count of bytes, and an offset that was compared before"),
    Exception(
      "CommitLog/LogEntryCodec.swift", "arithmetic that traps", 2, "the size is at least 40"),
    Exception("CommitLog/LogEntryCodec.swift", "a conversion that traps", 1, "a constant"),
    Exception(
      "CommitLog/SegmentHeader.swift", "a subscript", 1, "the count of bytes was compared before"),
    Exception(
      "CommitLog/SegmentHeader.swift", "a conversion that traps", 2,
      "a u32 into an Int; a constant"),
    Exception(
      "CommitLog/SegmentScan.swift", "arithmetic that traps", 9,
      "offsets within the bytes; LSNs that FrameHeader.nextLSN has added without overflow"),
    Exception(
      "CommitLog/SegmentScan.swift", "a conversion that traps", 2, "counts, which are not negative"),
    Exception("RecordStore/Catalog.swift", "a subscript", 1, "of a dictionary"),
    Exception("RecordStore/PageScan+survey.swift", "a subscript", 1, "of a dictionary"),
    Exception(
      "RecordStore/Transaction.swift", "arithmetic that traps", 1, "the number was compared before"),
    Exception(
      "RecordStore/Tree/PageValidator.swift", "arithmetic that traps", 17,
      "sums of a few 16-bit fields and constants in 64 bits"),
    Exception(
      "RecordStore/Tree/PageValidator.swift", "a subscript", 3,
      "a bit map with a bit for each byte of the page; the offset was compared with its end"),
    Exception(
      "RecordStore/Tree/PageValidator.swift", "a conversion that traps", 2,
      "a constant, and six bits of an offset"),
  ]

  /// Functions that call another of the same name.
  static let overloads: Set<String> = ["Sources/Bytes/Fields/FieldBinary.swift decode"]

  /// The parts of the house that decode: whole files, and functions that mention a reader.
  static let decoders: [Function] = Source.all.flatMap { source -> [Function] in
    guard source.isBelowMarketplace, !readers.contains(source.path) else { return [] }
    if wholeFiles.contains(source.path) {
      return [Function(source: source, name: source.path, lines: 0..<source.code.count)]
    }
    return source.functions.filter { marks.isIn($0.text) }
  }

  @Test func theListNamesFilesThatAreThere() {
    let paths = Set(Source.all.map(\.path))
    for path in Self.wholeFiles + Self.readers { #expect(paths.contains(path), "\(path)") }
    #expect(Self.decoders.count > 60, "\(Self.decoders.count)")
  }

  /// The lines that break a rule, by file and rule.
  static let breaches: [String: [String]] = {
    var seen: Set<String> = []
    var breaches: [String: [String]] = [:]
    for decoder in decoders {
      for (index, line) in zip(decoder.lines, decoder.code) {
        for ban in banned where ban.pattern.isIn(line) {
          let place = "\(decoder.source.path):\(index + 1)"
          // A function within a function is looked at twice.
          guard seen.insert(place + ban.name).inserted else { continue }
          breaches[decoder.source.path + " " + ban.name, default: []].append(
            "\(place) \(line.trimmingCharacters(in: .whitespaces))")
        }
      }
    }
    return breaches
  }()

  @Test func nothingTrapsOnBytesFromADisk() {
    for (place, lines) in Self.breaches.sorted(by: { $0.key < $1.key }) {
      let exception = Self.exceptions.first { $0.file + " " + $0.rule == place }
      #expect(
        lines.count <= exception?.linesMost ?? 0,
        "\(place):\n\(lines.joined(separator: "\n"))\nallowed: \(exception?.reason ?? "none")")
    }
  }

  @Test func noDecoderCallsItself() {
    for decoder in Self.decoders.flatMap({ $0.source.functions }) where decoder.name != "init" {
      guard Self.marks.isIn(decoder.text) else { continue }
      let body = decoder.code.dropFirst().joined(separator: "\n")
      let name = NSRegularExpression.escapedPattern(for: decoder.name)
      guard Pattern(#"(?:^|[^\w.]|\bself\.|\bSelf\.)"# + name + #"\("#).isIn(body) else { continue }
      if Self.overloads.contains(decoder.source.path + " " + decoder.name) { continue }
      Issue.record("\(decoder.source.path):\(decoder.lines.lowerBound + 1) calls itself")
    }
  }

  @Test func everyExceptionIsNeeded() {
    for exception in Self.exceptions {
      let count = Self.breaches[exception.file + " " + exception.rule]?.count ?? 0
      #expect(
        count == exception.linesMost,
        "\(exception.file) has \(count) lines with \(exception.rule): lower the count")
    }
  }
}
