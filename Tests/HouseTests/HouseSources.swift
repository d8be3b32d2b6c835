// What the rules look at: the Swift files of the house as lines, with and without comments and text,
// and the functions in them. A reader of Swift that is just good enough for formatted code.

import Foundation

/// Modules by floor. A module imports only modules on floors below its own.
let floors: [[String]] = [
  ["COpenSSL", "CCrypt", "CZlib", "CZstd", "Kernels"],
  ["Bytes", "Disk"],
  ["CommitLog"],
  ["RecordStore", "Views"],
  ["TextSearch"],
  ["Database"],
  ["Marketplace"],
  ["Server"],
  ["souk"],
]

let root = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

func floor(of module: String) -> Int? {
  floors.firstIndex { $0.contains(module) }
}

struct Source: Sendable {
  var module: String
  /// From the root: `Sources/Bytes/Key.swift`.
  var path: String
  var lines: [String]
  /// The lines without comments and without the contents of string literals.
  var code: [String]

  init(module: String, path: String, text: String) {
    self.module = module
    self.path = path
    lines = text.components(separatedBy: "\n")
    code = codeOnly(text).components(separatedBy: "\n")
  }

  /// Below the marketplace: one of the engines, or what they stand on.
  var isBelowMarketplace: Bool { (floor(of: module) ?? 0) < 6 }

  static let all = load("Sources")
  static let tests = load("Tests")

  private static func load(_ folder: String) -> [Source] {
    let base = root.appendingPathComponent(folder)
    guard let files = FileManager.default.enumerator(atPath: base.path) else { return [] }
    return files.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.sorted().map {
      let text = (try? String(contentsOf: base.appendingPathComponent($0), encoding: .utf8)) ?? ""
      return Source(
        module: $0.split(separator: "/").first.map(String.init) ?? "", path: folder + "/" + $0,
        text: text)
    }
  }
}

/// A regular expression that is compiled once.
struct Pattern: Sendable {
  private let expression: NSRegularExpression?

  init(_ text: String) { expression = try? NSRegularExpression(pattern: text) }

  /// What the groups of the first match hold; the whole match without groups. nil without a match.
  func groups(in line: String) -> [String]? {
    let range = NSRange(line.startIndex..., in: line)
    guard let match = expression?.firstMatch(in: line, range: range) else { return nil }
    return (0..<match.numberOfRanges).compactMap {
      Range(match.range(at: $0), in: line).map { String(line[$0]) }
    }
  }

  func isIn(_ line: String) -> Bool { groups(in: line) != nil }
}

/// The text with comments and the contents of string literals blanked out, line for line.
func codeOnly(_ text: String) -> String {
  var result: [UInt8] = []
  let bytes = Array(text.utf8)
  var position = 0
  func at(_ offset: Int) -> UInt8 {
    position + offset < bytes.count ? bytes[position + offset] : 0
  }
  func isAt(_ mark: StaticString) -> Bool {
    (0..<mark.utf8CodeUnitCount).allSatisfy { at($0) == mark.utf8Start[$0] }
  }
  while position < bytes.count {
    if isAt("//") {
      while position < bytes.count, at(0) != UInt8(ascii: "\n") { position += 1 }
    } else if at(0) == UInt8(ascii: "\"") {
      let isLong = isAt("\"\"\"")
      position += isLong ? 3 : 1
      result.append(UInt8(ascii: "\""))
      // Parentheses of an interpolation that is open: quotes within it do not close the text.
      var depth = 0
      while position < bytes.count {
        if depth == 0, isLong ? isAt("\"\"\"") : at(0) == UInt8(ascii: "\"") { break }
        if isAt("\\(") || (depth > 0 && at(0) == UInt8(ascii: "(")) {
          depth += 1
          position += at(0) == UInt8(ascii: "\\") ? 2 : 1
          continue
        }
        if depth > 0, at(0) == UInt8(ascii: ")") { depth -= 1 }
        if at(0) == UInt8(ascii: "\\") { position += 1 }
        if at(0) == UInt8(ascii: "\n") { result.append(at(0)) }
        position += 1
      }
      position += isLong ? 3 : 1
      result.append(UInt8(ascii: "\""))
    } else {
      result.append(at(0))
      position += 1
    }
  }
  return String(decoding: result, as: UTF8.self)
}

/// A function or initialiser with a body.
struct Function: Sendable {
  var source: Source
  var name: String
  /// Indices of the lines from the declaration to the closing brace.
  var lines: Range<Int>
  var code: [String] { Array(source.code[lines]) }
  var text: String { code.joined(separator: "\n") }
}

extension Source {
  /// Every function and initialiser that has a body, nested ones too.
  var functions: [Function] {
    code.indices.compactMap { index -> Function? in
      guard let name = declaredFunction(code[index]), let end = endOfBody(from: index) else {
        return nil
      }
      return Function(source: self, name: name, lines: index..<end + 1)
    }
  }

  private static let function = Pattern(#"^\s*(?:[@\w()]+ )*func (\w+|[^\s\w(]+)"#)
  private static let initialiser = Pattern(#"^\s*(?:[@\w()]+ )*init[?]?[(<]"#)

  private func declaredFunction(_ line: String) -> String? {
    if line.contains("func ") { return Self.function.groups(in: line)?[1] }
    return line.contains("init") && Self.initialiser.isIn(line) ? "init" : nil
  }

  /// The line of the brace that closes the body; nil for a declaration without one.
  private func endOfBody(from first: Int) -> Int? {
    var parentheses = 0
    var braces = 0
    for index in first..<code.count {
      for byte in code[index].utf8 {
        switch byte {
        case UInt8(ascii: "("): parentheses += 1
        case UInt8(ascii: ")"): parentheses -= 1
        case UInt8(ascii: "{") where parentheses == 0 || braces > 0: braces += 1
        case UInt8(ascii: "}") where braces > 0:
          braces -= 1
          if braces == 0 { return index }
        case UInt8(ascii: "}") where parentheses == 0: return nil
        default: break
        }
      }
      if braces == 0, parentheses == 0, !isContinued(after: index) { return nil }
    }
    return nil
  }

  private func isContinued(after index: Int) -> Bool {
    if code[index].hasSuffix("->") || index + 1 >= code.count { return true }
    let next = code[index + 1].drop { $0 == " " }
    return ["{", "throws", "rethrows", "async", "->", "where"].contains { next.hasPrefix($0) }
  }
}
