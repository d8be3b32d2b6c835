// souk store check: the proof, or everything that stands against it.
//
//   sound                    0   the report says what was compared with what
//   opens, with findings     1   each finding is a line
//   does not open           65   the files are looked through one by one, for what is wrong with them

import ArgumentParser
import Bytes
import Database
import Server

struct StoreCheckVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Prove that pages, free space, indexes and views fit together.",
    discussion: """
      Exit code 0 when all is sound, 1 with findings, 65 when the data cannot be opened.
      On a running server writes wait until it is done.

      EXAMPLES
        souk store check
        souk store check --deep --json
      """)

  @Flag(help: "Read every byte from the disk, the whole log too, and prove both checkpoints.")
  var deep = false
  @OptionGroup var options: StoreOptions

  func run() throws {
    var question = StoreCheckQuestion()
    question.isDeep = deep
    let report = try StoreAccess.ask(question, at: options.data).report
    options.show(report, Self.lines)
    if !report.isSound { throw ExitCode(ExitStatus.failed.rawValue) }
  }

  static func lines(_ report: StoreCheckReport) -> [String] {
    let count = report.findings.count
    let verdict = report.isSound ? "sound" : "\(count) \(count == 1 ? "finding" : "findings")"
    return report.findings.map { "finding: \($0)" } + ["\(verdict) at commit \(report.commit)"]
      + checked(report).map { "  " + $0 }
  }

  /// What was read, and what it was compared with.
  private static func checked(_ report: StoreCheckReport) -> [String] {
    let pages = report.reachedPages
    return [
      "\(Terminal.grouped(report.entries)) entries in \(report.trees) trees: order, form, and "
        + "every index against its table",
      "\(Terminal.grouped(pages)) pages in use, \(Terminal.grouped(report.retiredPages)) retired, "
        + "\(Terminal.grouped(report.freePages)) free: each page is one of these",
      report.isDeep
        ? "every page read from the disk against its hash; both checkpoints"
        : "pages in memory were taken as they are; --deep reads every byte and both checkpoints",
      report.views == 0
        ? "views were not checked: the records must be sound first"
        : "\(report.views == 1 ? "1 view" : "\(report.views) views") compared with the records",
    ]
  }
}
