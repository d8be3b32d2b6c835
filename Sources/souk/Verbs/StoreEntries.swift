// souk store get, scan: entries of one tree, decoded.

import ArgumentParser
import Bytes
import Server

/// How keys are written, in the help of both verbs.
private let keyHelp = """
  A key is its components, parted by commas: UUIDs, numbers, times such as
  2026-01-31T12:00:00Z, text ("in quotes, when it has commas"), true or false;
  or hex: and all its bytes. Password and token hashes are printed as (redacted).
  """

struct StoreGetVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Print one entry of a tree.",
    discussion: keyHelp + """


      EXAMPLES
        souk store get products 01a20b88-d20b-7dcc-b509-67601e53463d
        souk store get products.bySlug oak-stool --json
      """)

  @Argument(help: "A table, an index of one (products.bySlug), or a number.") var tree: String
  @Argument(help: "The whole key.") var key: String
  @Flag(help: "Print secrets too.") var reveal = false
  @OptionGroup var options: StoreOptions

  func run() throws {
    var question = StoreGetQuestion()
    question.tree = tree
    question.key = key
    question.reveals = reveal
    let report = try StoreAccess.ask(question, at: options.data).report
    options.show(report) { report in
      report.entries.flatMap { entry -> [String] in
        var lines = ["\(report.tree) \(entry.key)  (\(entry.valueBytes) bytes)"]
        if case .object(let members)? = entry.value?.value {
          let width = members.map(\.name.count).max() ?? 0
          for member in members {
            let padding = String(repeating: " ", count: width - member.name.count)
            let value = String(decoding: member.value.bytes, as: UTF8.self)
            lines.append("  \(member.name)\(padding)  \(value)")
          }
        } else {
          lines.append("  " + entry.text)
        }
        return lines
      }
    }
  }
}

struct StoreScanVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scan", abstract: "Print the entries of a tree in key order.",
    discussion: keyHelp + """

      In --from, --to and --prefix the last components may be missing.

      EXAMPLES
        souk store scan products --limit 5
        souk store scan products.byPrice --prefix active --reverse
        souk store scan users --from 01a20b88-d20b-7dcc-b509-67601e53463d --json
      """)

  @Argument(help: "A table, an index of one (products.bySlug), or a number.") var tree: String
  @Option(help: "The first key.") var from: String?
  @Option(help: "The key before which it ends.") var to: String?
  @Option(help: "What all keys begin with.") var prefix: String?
  @Option(help: "At most so many entries.") var limit: Int64 = 20
  @Flag(help: "From the end to the beginning.") var reverse = false
  @Flag(help: "Print secrets too.") var reveal = false
  @OptionGroup var options: StoreOptions

  func run() throws {
    var question = StoreScanQuestion()
    question.tree = tree
    question.from = from
    question.to = to
    question.prefix = prefix
    question.limit = limit
    question.isReverse = reverse
    question.reveals = reveal
    let report = try StoreAccess.ask(question, at: options.data).report
    options.show(report) { report in
      var lines = report.entries.map { "\($0.key)  \($0.text)" }
      if report.entries.isEmpty { lines.append("no entries of \(report.tree) there") }
      if report.hasMore { lines.append("… and more: --limit \(limit) ended it") }
      return lines
    }
  }
}

extension StoreEntry {
  /// The value on one line.
  var text: String {
    if let value { return String(decoding: value.value.bytes, as: UTF8.self) }
    if let primaryKey { return "-> \(primaryKey)" }
    return valueHex.map { "hex:\($0)" } ?? "-"
  }
}
