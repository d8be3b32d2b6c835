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
    var report: StoreCheckReport
    do throws(VerbFailure) {
      report = try StoreAccess.ask(question, at: options.data).report
    } catch {
      if error.status == .corrupt { try showDamage() }
      throw error
    }
    if deep { try proveLog(&report) }
    options.show(report, Self.lines)
    if !report.isSound {
      throw VerbFailure(
        "\(options.data) is not sound, see the findings above; `souk store salvage --to FOLDER` saves "
          + "what can be read, `souk store restore` brings a backup back")
    }
  }

  /// The log's files, as they lie there; beside a server too.
  private func proveLog(_ report: inout StoreCheckReport) throws {
    Terminal.progress("reading the whole log")
    let result = try StoreFiles(options.data).readLog { try $0.verify() }
    Terminal.endProgress()
    var log = StoreCheckReport.Log()
    log.segments = Int64(result.segments)
    log.bytes = result.bytes
    log.commits = Int64(result.entries)
    report.log = log
    report.findings += result.findings.map { "log: \($0)" }
    report.isSound = report.findings.isEmpty
  }

  /// Of a directory that does not open.
  private func showDamage() throws {
    let files = try StoreFiles(options.data)
    var report = StoreCheckReport()
    report.commit = files.report.newest?.lsn ?? 0
    report.findings = files.findings()
    options.show(report) { $0.findings.map { "finding: \($0)" } + ["it does not open"] }
  }

  static func lines(_ report: StoreCheckReport) -> [String] {
    let verdict = report.isSound ? "sound" : Terminal.count(report.findings.count, "finding")
    return report.findings.map { "finding: \($0)" } + ["\(verdict) at commit \(report.commit)"]
      + checked(report).map { "  " + $0 }
  }

  /// What was read, and what it was compared with.
  private static func checked(_ report: StoreCheckReport) -> [String] {
    let pages = report.reachedPages
    return [
      "\(Terminal.count(report.entries, "entry", "entries")) in \(Terminal.count(report.trees, "tree")): order, form, and "
        + "every index against its table",
      "\(Terminal.count(pages, "page")) in use, \(Terminal.grouped(report.retiredPages)) retired, "
        + "\(Terminal.grouped(report.freePages)) free: each page is one of these",
      report.isDeep
        ? "every page and large value read from the disk against its hash; both checkpoints whole"
        : "pages in memory were taken as they are; --deep reads every byte, and both checkpoints",
      report.views == 0
        ? "views were not checked: the records must be sound first"
        : "\(Terminal.count(report.views, "view")) compared with one made from "
          + "the records",
      report.log.map {
        "log: \(Terminal.count($0.commits, "commit")) in \(Terminal.count($0.segments, "segment")) "
          + "(\(Terminal.size($0.bytes))), every hash, the chain and the order"
      } ?? "log: only what was replayed when it was opened; --deep reads all of it",
    ]
  }
}
