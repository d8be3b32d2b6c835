// souk store: look at the storage, and prove it. These verbs open the data directory through an
// overlay: they recover and read it without writing a byte.

import ArgumentParser
import Bytes
import Database

struct Store: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Inspect and prove the storage.",
    discussion: """
      EXAMPLES
        souk store info
        souk store check --deep
        souk store hash --data ./backup
      """,
    subcommands: [StoreInfoVerb.self, StoreCheckVerb.self, StoreHashVerb.self])
}

struct StoreInfoVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "Say what is in the data directory: positions, sizes, tables.",
    discussion: """
      EXAMPLES
        souk store info
        souk store info --data /srv/souk --json
      """)

  @OptionGroup var directory: DataOption
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let report = StoreReport(of: try Installation.inspect(directory.data).database)
    Terminal.out(
      json
        ? String(decoding: FieldJSON.encode(report), as: UTF8.self)
        : report.lines.joined(separator: "\n"))
  }
}

struct StoreCheckVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Prove that pages, free space, indexes and views fit together.",
    discussion: """
      Exit code 0 when all is sound, 1 with findings, 65 when the data cannot be opened.

      EXAMPLES
        souk store check
        souk store check --deep --json
      """)

  @OptionGroup var directory: DataOption
  @Flag(help: "Read every byte from the disk and prove both checkpoints.") var deep = false
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let database = try Installation.inspect(directory.data).database
    let check = try database.check(deep: deep)
    var report = StoreCheckReport()
    report.commit = check.lsn.rawValue
    report.isSound = check.findings.isEmpty
    report.findings = check.findings
    report.trees = Int64(check.store.trees)
    report.entries = check.store.entries
    report.reachedPages = check.store.reachedPages
    report.retiredPages = check.store.retiredPages
    report.freePages = check.store.freePages
    if json {
      Terminal.out(String(decoding: FieldJSON.encode(report), as: UTF8.self))
    } else {
      for finding in report.findings { Terminal.out("finding: \(finding)") }
      Terminal.out(
        "\(report.isSound ? "sound" : "\(report.findings.count) findings") at commit "
          + "\(report.commit): \(Terminal.grouped(Int(report.entries))) entries in "
          + "\(report.trees) trees; \(Terminal.grouped(Int(report.reachedPages))) pages in use, "
          + "\(Terminal.grouped(Int(report.retiredPages))) retired, "
          + "\(Terminal.grouped(Int(report.freePages))) free; views equal to the records")
    }
    if !report.isSound { throw ExitCode(ExitStatus.failed.rawValue) }
  }
}

struct StoreHashVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hash",
    abstract: "Print a hash of all records: equal for equal content, however it is laid out.",
    discussion: """
      EXAMPLES
        souk store hash
        souk store hash --data ./copy --json
      """)

  @OptionGroup var directory: DataOption
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let (lsn, hash) = try Installation.inspect(directory.data).database.contentHash()
    Terminal.out(json ? #"{"commit":\#(lsn),"hash":"\#(hash)"}"# : "\(hash)  commit \(lsn)")
  }
}
