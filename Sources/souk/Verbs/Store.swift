// souk store: look at the storage, prove it, and care for it. Here is the list of its verbs, and what
// they share; the verbs are in Store*.swift.
//
// Two ways of looking
// 1. Questions (info, check, stats, readers, free, get, scan, hash, backup) need a consistent state:
//    StoreAccess asks the server that has the folder open, or opens a stopped one through an overlay.
// 2. pages, page and log read the files as they lie there, beside a server too, sound or damaged.

import ArgumentParser
import Bytes

struct Store: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Inspect, prove and care for the storage.",
    discussion: """
      Verbs that look change no byte, and work beside a running server. docs/store.md shows
      what each of them prints.

      EXAMPLES
        souk store info
        souk store check --deep
        souk store log verify --data /srv/souk
        souk store backup /backups/monday
      """,
    subcommands: [
      StoreInfoVerb.self, StoreCheckVerb.self, StoreStatsVerb.self, StoreReadersVerb.self,
      StoreFreeVerb.self, StoreGetVerb.self, StoreScanVerb.self, StoreHashVerb.self,
      StorePagesVerb.self, StorePageVerb.self, StoreLogVerb.self, StoreCompactVerb.self,
      StoreBackupVerb.self, StoreRestoreVerb.self, StoreSalvageVerb.self,
    ])
}

/// The options of every verb of `souk store`.
struct StoreOptions: ParsableArguments {
  @OptionGroup var directory: DataOption
  @Flag(help: "Print JSON.") var json = false

  var data: String { directory.data }

  /// Prints a report as JSON, or as lines for people.
  func show<Report: Fields>(_ report: Report, _ lines: (Report) -> [String]) {
    Terminal.out(
      json
        ? String(decoding: FieldJSON.encode(report), as: UTF8.self)
        : lines(report).joined(separator: "\n"))
  }
  func show(_ report: @autoclosure () -> JSONValue, _ lines: () -> [String]) {
    Terminal.out(
      json
        ? String(decoding: report().bytes, as: UTF8.self) : lines().joined(separator: "\n"))
  }
}
