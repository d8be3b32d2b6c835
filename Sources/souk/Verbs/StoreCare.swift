// souk store compact, backup, restore, salvage: the verbs that write, each what its name says.
//
// Invariant: a new folder appears whole or not at all; nothing that exists is overwritten but by
// compact, which renames a proved file over the old one.

import ArgumentParser
import Bytes
import CommitLog
import Database
import Disk
import Server

struct StoreCompactVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compact",
    abstract: "Write the records of a stopped directory anew, without free space.",
    discussion: """
      Needs the space of the new file beside the old one. A running server is not compacted in
      place: `souk store backup` writes a compact copy beside it.

      EXAMPLES
        souk store compact
        souk store compact --data /srv/souk --json
      """)

  @OptionGroup var options: StoreOptions

  func run() throws {
    let data = options.data
    Terminal.progress("compacting \(data)")
    let report: CompactionReport
    do throws(DatabaseError) {
      report = try Database.compact(
        Installation.configuration(data, disk: PosixDisk(), withViews: false))
    } catch {
      Terminal.endProgress()
      guard case .locked = error else { throw Installation.failure(error, at: data) }
      throw VerbFailure(
        "\(data) is in use by another process; stop the server to compact it in place, or write a "
          + "compact copy beside it with `souk store backup FOLDER --data \(data)`", .locked)
    }
    Terminal.endProgress()
    options.show(
      .members([
        "commit": .count(report.lsn.rawValue), "bytesBefore": .count(report.bytesBefore),
        "bytesAfter": .count(report.bytesAfter), "liveBytes": .count(report.liveBytes),
        "trees": .count(report.trees), "entries": .count(report.entries),
      ])
    ) {
      [
        "\(data)/records.souk: \(Terminal.size(report.bytesBefore)) -> "
          + "\(Terminal.size(report.bytesAfter)) at commit \(report.lsn)",
        "  \(Terminal.count(report.entries, "entry", "entries")) in "
          + "\(Terminal.count(report.trees, "tree")), "
          + "\(Terminal.size(report.liveBytes)) of keys and values",
      ]
    }
  }
}

struct StoreBackupVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Write a proved copy of records, log and secrets into a new folder.",
    discussion: """
      A running server writes it itself, beside its work; of a stopped directory no byte is
      changed. The backup can be restored to every commit that it holds.

      EXAMPLES
        souk store backup /backups/monday
        souk store backup ./copy --data /srv/souk --json
      """)

  @Argument(help: "The new folder.") var folder: String
  @OptionGroup var options: StoreOptions

  func run() throws {
    let target = try AbsolutePath.of(folder)
    guard !(target + "/").hasPrefix(try AbsolutePath.of(options.data) + "/") else {
      throw VerbFailure(
        "\(folder) lies inside the data directory; name a folder outside it", .usage)
    }
    var question = StoreBackupQuestion()
    question.target = target
    let report = try StoreAccess.ask(
      question, at: options.data, disk: SplitDisk(writing: target)
    ).report
    options.show(report) { report in
      [
        "wrote \(report.backup): \(Terminal.count(report.files, "file")), \(Terminal.size(report.bytes))",
        "  it can be restored to every commit from \(report.firstCommit) to \(report.lastCommit), "
          + "\(report.lastTime)",
      ]
    }
  }
}

struct StoreRestoreVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Make a data directory from a backup, as it was at a commit or a time.",
    discussion: """
      The data directory must not exist, or be empty. Every file of the backup is proved first,
      and the new database afterwards.

      EXAMPLES
        souk store restore /backups/monday --data ./restored
        souk store restore /backups/monday --data ./restored --until 1200
        souk store restore /backups/monday --data ./restored --until 2026-01-31T12:00:00Z
      """)

  @Argument(help: "The folder of the backup.") var backup: String
  @Option(help: "The last commit, or the time after which nothing counts.") var until: String?
  @OptionGroup var options: StoreOptions

  func run() throws {
    let point = try until.map { text throws(VerbFailure) -> RestorePoint in
      if let lsn = UInt64(text) { return .lsn(LSN(lsn)) }
      if let time = Timestamp(text) { return .time(time) }
      throw VerbFailure(
        "--until takes a commit such as 1200 or a time such as 2026-01-31T12:00:00Z, not \(text)",
        .usage)
    }
    Terminal.progress("restoring \(backup)")
    defer { Terminal.endProgress() }
    let report = try Database.restore(
      from: backup,
      Installation.configuration(options.data, disk: PosixDisk(), withViews: false), until: point)
    Terminal.endProgress()
    options.show(
      .members([
        "data": .string(options.data), "databaseId": .string(report.databaseID.description),
        "commit": .count(report.lsn.rawValue), "time": .string(report.time.description),
        "firstCommit": .count(report.range.lowerBound.rawValue),
        "lastCommit": .count(report.range.upperBound.rawValue),
        "droppedCommits": .count(report.droppedCommits), "hash": .string(report.hash),
      ])
    ) {
      [
        "made \(options.data) from \(backup): commit \(report.lsn), \(report.time)",
        "  the backup holds the commits from \(report.range.lowerBound) to "
          + "\(report.range.upperBound)"
          + (report.droppedCommits == 0
            ? "" : "; without the last \(Terminal.count(report.droppedCommits, "commit"))"),
        "  hash \(report.hash)",
      ]
    }
  }
}

struct StoreSalvageVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "salvage",
    abstract: "Make a new data directory of what a damaged one still proves.",
    discussion: """
      The damaged directory is only read. Exit code 1 when something was lost; what was is
      listed. A backup that can be restored is better: try that first.

      EXAMPLES
        souk store salvage --to ./saved
        souk store salvage --data /srv/souk --to /srv/souk-saved --json
      """)

  @Option(name: .customLong("to"), help: "The new data directory.") var target: String
  @OptionGroup var options: StoreOptions

  func run() throws {
    _ = try StoreFiles(options.data)
    let lock = try StoreFiles.hold(options.data, toDo: "salvage what it holds")
    defer { withExtendedLifetime(lock) {} }
    Terminal.progress("salvaging \(options.data)")
    defer { Terminal.endProgress() }
    let report: SalvageReport
    do throws(DatabaseError) {
      report = try Database.salvage(
        from: options.data, Installation.configuration(target, disk: PosixDisk(), withViews: false))
    } catch {
      throw Installation.failure(error, at: options.data)
    }
    Terminal.endProgress()
    options.show(json(report)) { lines(report) }
    let ranges = report.trees.reduce(0) { $0 + $1.lost.count }
    let losses = [
      ranges == 0 ? nil : Terminal.count(ranges, "range") + " of keys",
      report.problems.isEmpty ? nil : Terminal.count(report.problems.count, "other thing"),
    ].compactMap { $0 }
    guard losses.isEmpty else {
      throw VerbFailure(
        "\(target) holds what could be proved, not everything: \(losses.joined(separator: " and ")) "
          + "may be lost, see above; a backup would bring them back")
    }
  }

  private func json(_ report: SalvageReport) -> JSONValue {
    .members([
      "data": .string(target), "checkpoint": .count(report.checkpointLSN.rawValue),
      "commit": .count(report.lsn.rawValue), "commitsOfLog": .count(report.commits),
      "trees": .array(
        report.trees.map { tree in
          .members([
            "tree": .string(tree.name), "rows": .count(tree.rows),
            "rowsInCheckpoint": tree.rowsInCheckpoint.map(JSONValue.count),
            "rowsFromOrphans": .count(tree.rowsFromOrphans),
            "rowsFromOlderCheckpoint": .count(tree.rowsFromOlderCheckpoint),
            "lost": .array(
              tree.lost.map { range in
                .members([
                  "page": .count(range.page), "from": .string(text(range.from, tree)),
                  "to": range.to.map { .string(text($0, tree)) }, "reason": .string(range.reason),
                ])
              }),
          ])
        }), "problems": .array(report.problems.map(JSONValue.string)),
    ])
  }

  private func text(_ key: [UInt8], _ tree: SalvageReport.Tree) -> String {
    StoreTree(tree.number).text(ofKey: key, reveal: false)
  }

  private func lines(_ report: SalvageReport) -> [String] {
    var table = TextTable(
      .text("table"), .number("rows"), .number("in checkpoint"), .number("lost pages found"),
      .number("from older"), .number("lost ranges"))
    for tree in report.trees {
      table.add(
        tree.name, Terminal.grouped(tree.rows),
        tree.rowsInCheckpoint.map { Terminal.grouped($0) } ?? "?",
        Terminal.grouped(tree.rowsFromOrphans), Terminal.grouped(tree.rowsFromOlderCheckpoint),
        "\(tree.lost.count)")
    }
    var lines = [
      "made \(target): checkpoint \(report.checkpointLSN), and "
        + "\(Terminal.count(report.commits, "commit")) of the log, to commit \(report.lsn)", "",
    ]
    lines += table.lines
    for tree in report.trees {
      for range in tree.lost {
        let from = range.from.isEmpty ? "the beginning" : text(range.from, tree)
        let to = range.to.map { text($0, tree) } ?? "the end"
        lines.append(
          "lost: \(tree.name) from \(from) to \(to), page \(range.page): \(range.reason)")
      }
    }
    return lines + report.problems.map { "lost: \($0)" }
  }
}
