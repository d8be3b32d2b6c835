// souk export

import ArgumentParser
import Bytes
import Database
import Disk
import Glibc
import Marketplace
import RecordStore

extension ExportFormat: ExpressibleByArgument {}

struct ExportVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write stores, products or categories to a file.",
    discussion: """
      The inverse of import: what is exported and imported again is what it was. The file must be \
      new; `-` is standard output. The directory must not be in use by a server. Variants of products \
      and deleted products are not in the file: to keep everything, use `souk store backup`.

      EXAMPLES
        souk export products products.ndjson
        souk export stores stores.csv --data /srv/souk
        souk export categories - | head
      """)

  @Argument(help: "What to write: stores, products or categories.") var kind: ImportKind
  @Argument(help: "The new file, or - for standard output.", completion: .file()) var file: String
  @OptionGroup var directory: DataOption
  @Option(help: "ndjson or csv; without it by the file's ending, or else ndjson.")
  var format: ExportFormat?
  @Flag(help: "Print JSON about what was done.") var json = false

  func validate() throws {
    if file == "-", json { throw ValidationError("--json goes with a file") }
  }

  func run() throws {
    let format = format ?? (file.lowercased().hasSuffix(".csv") ? .csv : .ndjson)
    let database: Database
    do throws(DatabaseError) {
      database = try Installation.inspect(directory.data, withViews: false).database
    } catch {
      throw Installation.failure(error, at: directory.data)
    }
    let records = database.snapshot().records
    if file == "-" {
      var export = Export(format) { Terminal.bytes($0) }
      try export.run(kind, records)
      return
    }
    var output = try OutputFile(creating: file)
    var export = Export(format) { try output.append($0) }
    try export.run(kind, records)
    try output.finish()
    report(export)
  }

  private func report(_ export: Export) {
    if json {
      var writer = JSONWriter()
      JSONValue.object([
        .init("kind", .string(kind.rawValue)), .init("file", .string(file)),
        .init("rows", .int(Int64(export.rows))),
      ]).write(to: &writer)
      Terminal.out(String(decoding: writer.bytes, as: UTF8.self))
    } else {
      Terminal.out("\(Terminal.grouped(export.rows)) \(kind.rawValue) in \(file)")
    }
  }
}
