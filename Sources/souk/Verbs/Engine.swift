// souk engine list, rebuild, verify: the views of the records. A running server is asked; of a stopped
// directory list and verify change no byte, rebuild opens it for work.

import ArgumentParser
import Bytes
import Database
import Disk
import Server

struct Engine: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List, compare and rebuild the engines that follow the records.",
    discussion: """
      An engine (text, documents) holds nothing of its own: it is made from the records and
      follows the log. Its files in views/ only make an opening faster, and may be removed;
      documents has none.

      EXAMPLES
        souk engine list
        souk engine verify text
        souk engine rebuild text --data /srv/souk
      """,
    subcommands: [EngineListVerb.self, EngineRebuildVerb.self, EngineVerifyVerb.self])
}

struct EngineListVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Say where each engine stands, and what its files hold.",
    discussion: """
      EXAMPLES
        souk engine list
        souk engine list --data /srv/souk --json
      """)

  @OptionGroup var options: StoreOptions

  func run() throws {
    var (report, server) = try StoreAccess.ask(EngineListQuestion(), at: options.data)
    report.server = server
    options.show(report, Self.lines)
  }

  static func lines(_ report: EngineListReport) -> [String] {
    var table = TextTable(
      .text("engine"), .number("commit"), .number("rows"), .text("digest"), .number("files"),
      .number("size"), .number("up to"), .number("behind"))
    for engine in report.engines {
      table.add(
        engine.name, "\(engine.commit)", Terminal.grouped(engine.rows), engine.digest,
        "\(engine.files)", Terminal.size(engine.fileBytes),
        engine.filesCommit.map { "\($0)" } ?? "-", Terminal.grouped(engine.lag))
    }
    var lines = table.lines + [""]
    if let text = report.text {
      lines.append(
        "text has \(Terminal.count(text.documents, "document")) in "
          + "\(Terminal.count(text.segments, "segment")) of "
          + "\(Terminal.size(UInt64(text.segmentBytes))) in memory, the newest beside them")
    }
    for engine in report.engines {
      if let commit = engine.loadedAt {
        lines.append("\(engine.name) was loaded from its files, which held commit \(commit)")
      } else {
        lines.append(
          "\(engine.name) was made from the records at commit \(engine.rebuiltAt ?? 0): "
            + (engine.reason ?? "its files are not used"))
      }
      if let failure = engine.failure {
        lines.append("\(engine.name) could not be written: \(failure); it is tried again")
      }
    }
    return lines
  }
}

struct EngineRebuildVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rebuild", abstract: "Make an engine anew from the records, files and all.",
    discussion: """
      A running server does it beside its work: readers and writers see the old one until the
      new one takes its place. It needs the memory of a second one.

      EXAMPLES
        souk engine rebuild text
        souk engine rebuild text --data /srv/souk --json
      """)

  @Argument(help: "The engine: text.") var name: String
  @OptionGroup var options: StoreOptions

  func run() throws {
    var question = EngineRebuildQuestion()
    question.name = name
    let report = try StoreAccess.work(question, at: options.data)
    options.show(report) { report in
      [
        "rebuilt \(report.name) at commit \(report.commit) from "
          + "\(Terminal.count(report.rows, "row")) and \(Terminal.count(report.commits, "commit")) "
          + "behind them, in \(Terminal.duration(micros: report.micros))",
        report.wasSound
          ? "  digest \(report.digest), as before"
          : "  digest \(report.digest); the one before had \(report.replacedDigest), which was wrong",
      ]
    }
    if let failure = report.failure {
      throw VerbFailure(
        "\(report.name) is rebuilt, but its files could not be written: \(failure); a running server "
          + "tries again, else the next opening makes it from the records", .inputOutput)
    }
  }
}

struct EngineVerifyVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Compare an engine with the records.",
    discussion: """
      Makes a second one from the records of one snapshot and compares the digests of all that
      both hold. Exit code 1 when they differ. A running server goes on meanwhile.

      EXAMPLES
        souk engine verify text
        souk engine verify text --json
      """)

  @Argument(help: "The engine: text.") var name: String
  @OptionGroup var options: StoreOptions

  func run() throws {
    var question = EngineVerifyQuestion()
    question.name = name
    let report = try StoreAccess.ask(question, at: options.data).report
    options.show(report) { report in
      [
        report.isSound
          ? "\(report.name) equals the records at commit \(report.commit): "
            + "\(Terminal.count(report.rows, "row")), digest \(report.digest)"
          : "finding: \(report.name) has digest \(report.digest) at commit \(report.commit), the "
            + "records say \(report.expected)"
      ]
    }
    if !report.isSound {
      throw VerbFailure(
        "\(report.name) of \(options.data) differs from the records; `souk engine rebuild "
          + "\(report.name)` mends it")
    }
  }
}
