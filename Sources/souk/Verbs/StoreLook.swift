// souk store info, stats, readers, free, hash: what is in the database, on one consistent state.

import ArgumentParser
import Bytes
import Database
import Disk
import Server

struct StoreInfoVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "Say what is in the data directory: positions, sizes, tables.",
    discussion: """
      EXAMPLES
        souk store info
        souk store info --data /srv/souk --json
      """)

  @OptionGroup var options: StoreOptions

  func run() throws {
    var (report, server) = try StoreAccess.ask(StoreInfoQuestion(), at: options.data)
    report.server = server
    report.data = options.data
    report.files = StoreInspector(path: options.data, disk: PosixDisk()).info().files.map { file in
      var line = StoreInfoReport.File()
      line.name = file.name
      line.bytes = file.bytes
      return line
    }
    options.show(report) { report in
      var lines = [
        "data           \(report.data)",
        "database       \(report.databaseID)",
        "opened by      \(report.server.map { "a server, process \($0)" } ?? "nobody")",
        "commit         \(report.commit)" + (report.commit > 0 ? ", \(report.lastCommitTime)" : ""),
        "checkpoints    \(report.newestCheckpoint) and \(report.olderCheckpoint)",
        "replayed       \(Terminal.count(report.replayedCommits, "commit")) of the log after the "
          + "checkpoint, when it was opened",
        "pages          \(Terminal.grouped(report.pages)) of \(report.pageBytes) bytes: "
          + "\(Terminal.grouped(report.freePages)) free, "
          + "\(Terminal.grouped(report.retiredPages)) retired",
      ]
      for view in report.views {
        lines.append("view           \(view.name), digest \(view.digest)")
      }
      var files = TextTable(.text("file"), .number("size"))
      for file in report.files { files.add(file.name, Terminal.size(file.bytes)) }
      var tables = TextTable(.text("table"), .number("rows"))
      for table in report.tables { tables.add(table.name, Terminal.grouped(table.rows)) }
      return lines + [""] + files.lines + [""] + tables.lines
    }
  }
}

struct StoreStatsVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Measure the trees (entries, depth, pages, how full they are) and the engines.",
    discussion: """
      A tree is a table (products) or an index of one (products.bySeller), or its number. Without \
      one the engines that follow the records are told too, as by `souk engine list`.

      EXAMPLES
        souk store stats
        souk store stats products
        souk store stats products.bySeller --json
      """)

  @Argument(help: "One tree; all of them without it.") var tree: String?
  @OptionGroup var options: StoreOptions

  func run() throws {
    var question = StoreStatsQuestion()
    question.tree = tree
    var report = try StoreAccess.ask(question, at: options.data).report
    if tree == nil {
      // Engines that cannot be opened do not keep the trees from being shown.
      do {
        report.engines = try StoreAccess.ask(EngineListQuestion(), at: options.data).report
      } catch {
        Terminal.note("the engines could not be asked: \(error)")
      }
    }
    options.show(report) { report in
      var table = TextTable(
        .number("tree"), .text("name"), .number("entries"), .number("depth"), .number("leaves"),
        .number("branches"), .number("overflow"), .number("keys"), .number("values"),
        .number("full"), .number("fan-out"))
      for tree in report.trees {
        table.add(
          "\(tree.tree)", tree.name, Terminal.grouped(tree.entries), "\(tree.depth)",
          Terminal.grouped(tree.leafPages), Terminal.grouped(tree.branchPages),
          Terminal.grouped(tree.overflowPages), Terminal.size(tree.keyBytes),
          Terminal.size(tree.valueBytes), "\(tree.fillPercent) %",
          tree.branchPages == 0 ? "-" : "\(tree.fanOut)")
      }
      let end = ["", "at commit \(report.commit), pages of \(report.pageBytes) bytes"]
      return table.lines + end + (report.engines.map { [""] + EngineListVerb.lines($0) } ?? [])
    }
  }
}

struct StoreReadersVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "readers",
    abstract: "List who reads which state, and how much space that holds.",
    discussion: """
      EXAMPLES
        souk store readers
        souk store readers --json
      """)

  @OptionGroup var options: StoreOptions

  func run() throws {
    var (report, server) = try StoreAccess.ask(StoreReadersQuestion(), at: options.data)
    report.server = server
    options.show(report) { report in
      var readers = TextTable(
        .number("snapshot"), .text("purpose"), .number("commit"), .number("outdated for"),
        .number("holds"), .text("state"))
      for reader in report.readers {
        readers.add(
          "\(reader.id)", reader.purpose, "\(reader.commit)",
          reader.ageMicros == 0 ? "-" : Terminal.duration(micros: reader.ageMicros),
          Terminal.size(reader.heldBytes), reader.isExpired ? "expired" : "reading")
      }
      var consumers = TextTable(
        .text("reader of the log"), .number("commit"), .number("behind"), .number("holds"),
        .text("state"))
      for consumer in report.logConsumers {
        consumers.add(
          consumer.name, "\(consumer.commit)", Terminal.grouped(consumer.lag),
          Terminal.size(consumer.heldBytes), consumer.mustRebuild ? "must rebuild" : "following")
      }
      return readers.lines
        + (report.logConsumers.isEmpty ? [] : [""] + consumers.lines)
        + [
          "",
          "the newest commit is \(report.commit)"
            + (report.server == nil ? "; no server has it open, only this command" : ""),
        ]
    }
  }
}

struct StoreFreeVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "free",
    abstract: "Show the free pages, and what the retired ones wait for.",
    discussion: """
      EXAMPLES
        souk store free
        souk store free --json
      """)

  @OptionGroup var options: StoreOptions

  func run() throws {
    let report = try StoreAccess.ask(StoreFreeQuestion(), at: options.data).report
    options.show(report) { report in
      func size(_ pages: UInt64) -> String { Terminal.size(pages * UInt64(report.pageBytes)) }
      var lines = [
        "pages    \(Terminal.grouped(report.pages)), \(size(report.pages))",
        "free     \(Terminal.grouped(report.freePages)), \(size(report.freePages))",
        "retired  \(Terminal.grouped(report.retiredPages)), \(size(report.retiredPages))",
      ]
      if !report.runs.isEmpty {
        var runs = TextTable(.text("free neighbours"), .number("runs"), .number("pages"))
        for run in report.runs {
          let length =
            run.lengthMin == run.lengthMax
            ? "\(run.lengthMin)" : "\(run.lengthMin) to \(run.lengthMax)"
          runs.add(length, Terminal.grouped(run.runs), Terminal.grouped(run.pages))
        }
        lines += [""] + runs.lines
      }
      if !report.waiting.isEmpty {
        var waiting = TextTable(.number("retired at"), .number("pages"), .text("needed by"))
        for wait in report.waiting {
          waiting.add(
            "\(wait.commit)", Terminal.grouped(wait.pages),
            wait.pinnedBy.isEmpty ? "nobody any more" : wait.pinnedBy.joined(separator: ", "))
        }
        lines += [""] + waiting.lines
      }
      return lines
    }
  }
}

struct StoreHashVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hash",
    abstract: "Print a hash of all records: equal for equal content, however it is laid out.",
    discussion: """
      Earlier states can be hashed back to the older checkpoint.

      EXAMPLES
        souk store hash
        souk store hash --at 1200
        souk store hash --data ./copy --json
      """)

  @Option(name: .customLong("at"), help: "The state after this commit.") var commit: UInt64?
  @OptionGroup var options: StoreOptions

  func run() throws {
    var question = StoreHashQuestion()
    question.commit = commit
    let report = try StoreAccess.ask(question, at: options.data).report
    options.show(report) { ["\($0.hash)  commit \($0.commit)"] }
  }
}
