// ImportFile: the rows of an import file. NDJSON when the first byte that is no space is `{`, else
// CSV (RFC 4180) with a header line.

import Bytes

enum ImportFile {
  /// A line that is longer is refused before it is parsed.
  static let lineBytesMax = 1 << 20

  /// The rows that could be read, and what was wrong with the others.
  static func rows(of bytes: [UInt8]) -> (rows: [ImportRow], issues: [ImportIssue]) {
    let first = bytes.first { $0 != 0x20 && $0 != 0x0a && $0 != 0x0d && $0 != 0x09 }
    return first == UInt8(ascii: "{") ? ndjson(bytes) : CSV.rows(of: bytes)
  }

  private static func ndjson(_ bytes: [UInt8]) -> (rows: [ImportRow], issues: [ImportIssue]) {
    var rows: [ImportRow] = []
    var issues: [ImportIssue] = []
    var line = 0
    var start = 0
    while start < bytes.count {
      line += 1
      let end = bytes[start...].firstIndex(of: 0x0a) ?? bytes.count
      let content = bytes[start..<end]
      start = end + 1
      if content.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }) { continue }
      guard content.count <= lineBytesMax else {
        issues.append(
          ImportIssue(line: line, field: "", message: "is longer than \(lineBytesMax) bytes"))
        continue
      }
      do throws(JSONError) {
        guard case .object(let members) = try JSONValue(parsing: Array(content)) else {
          issues.append(ImportIssue(line: line, field: "", message: "is not a JSON object"))
          continue
        }
        rows.append(ImportRow(line: line, object: members))
      } catch {
        issues.append(ImportIssue(line: line, field: "", message: error.description))
      }
    }
    return (rows, issues)
  }
}

/// RFC 4180: fields in quotes may hold commas, line ends and doubled quotes; both line ends are
/// accepted.
enum CSV {
  static func rows(of bytes: [UInt8]) -> (rows: [ImportRow], issues: [ImportIssue]) {
    var issues: [ImportIssue] = []
    var records = parse(bytes, &issues)
    guard !records.isEmpty else { return ([], issues) }
    let header = records.removeFirst().fields
    var rows: [ImportRow] = []
    for record in records where record.fields != [""] {
      guard record.fields.count == header.count else {
        issues.append(
          ImportIssue(
            line: record.line, field: "",
            message: "has \(record.fields.count) fields, the header has \(header.count)"))
        continue
      }
      rows.append(ImportRow(line: record.line, columns: Array(zip(header, record.fields))))
    }
    return (rows, issues)
  }

  private struct Record {
    var line: Int
    var fields: [String]
  }

  private static func parse(_ bytes: [UInt8], _ issues: inout [ImportIssue]) -> [Record] {
    var records: [Record] = []
    var fields: [String] = []
    var line = 1
    var recordLine = 1
    var index = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    while index < bytes.count {
      let field = field(bytes, &index, &line)
      if let text = String(validating: field.bytes, as: UTF8.self), field.isWellFormed {
        fields.append(text)
      } else {
        issues.append(
          ImportIssue(
            line: recordLine, field: "",
            message: field.isWellFormed ? "is not UTF-8" : "has a quote that is not closed"))
        fields.append("")
      }
      let isLast = index >= bytes.count
      if !isLast, bytes[index] == UInt8(ascii: ",") {
        index += 1
        if index == bytes.count { fields.append("") } else { continue }
      }
      records.append(Record(line: recordLine, fields: fields))
      fields = []
      if index < bytes.count, bytes[index] == 0x0d { index += 1 }
      if index < bytes.count, bytes[index] == 0x0a { index += 1 }
      line += 1
      recordLine = line
    }
    return records
  }

  /// Reads one field; leaves `index` on the comma or line end behind it.
  private static func field(
    _ bytes: [UInt8], _ index: inout Int, _ line: inout Int
  ) -> (bytes: [UInt8], isWellFormed: Bool) {
    var content: [UInt8] = []
    func isEnd(_ byte: UInt8) -> Bool { byte == UInt8(ascii: ",") || byte == 0x0a || byte == 0x0d }
    guard bytes[index] == UInt8(ascii: "\"") else {
      while index < bytes.count, !isEnd(bytes[index]) {
        content.append(bytes[index])
        index += 1
      }
      return (content, true)
    }
    index += 1
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "\"") {
        guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
          let isWellFormed = index == bytes.count || isEnd(bytes[index])
          while index < bytes.count, !isEnd(bytes[index]) { index += 1 }
          return (content, isWellFormed)
        }
        index += 1
      } else if byte == 0x0a {
        line += 1
      }
      content.append(byte)
    }
    return (content, false)
  }
}
