// souk import

import ArgumentParser
import Bytes
import Database
import Disk
import Glibc
import Marketplace
import RecordStore

extension ImportKind: ExpressibleByArgument {}

struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Import stores, products or categories from NDJSON or CSV.",
    discussion: """
      The whole file is checked first; errors name line and field, and then nothing is written. By \
      default the import is one commit: all or nothing. A row that was imported before is brought \
      up to date. With --url a running server takes the file, 8 MiB at most; SOUK_TOKEN holds an \
      administrator's access token.

      EXAMPLES
        souk import stores stores.ndjson
        souk import categories categories.ndjson
        souk import products products.ndjson --assign-to-stores --stock 5 --dry-run
        souk import products big.csv --assign-to-stores --chunked
        SOUK_TOKEN=… souk import stores stores.csv --url http://127.0.0.1:3000
      """)

  @Argument(help: "What the file holds: stores, products or categories.") var kind: ImportKind
  @Argument(help: "The file.", completion: .file()) var file: String
  @OptionGroup var directory: DataOption
  @Option(help: "A running server, instead of a data directory: http://HOST:PORT.")
  var url: String?
  @Flag(help: "Give products without a shop to the imported shops, by a fixed rule.")
  var assignToStores = false
  @Option(help: "Units of each product at its shop.") var stock: Int64?
  @Flag(help: "Check the file and say what would happen; write nothing.") var dryRun = false
  @Flag(help: "Write in commits of 1,000 rows: for files too large for one.") var chunked = false
  @Flag(help: "Print JSON.") var json = false

  /// Issues that are printed one by one; more are counted.
  private static let issuesShown = 20
  private static let chunkRows = 1000

  func validate() throws {
    if let stock, !(0...1_000_000_000).contains(stock) {
      throw ValidationError("--stock takes a number from 0 to 1000000000")
    }
    if kind != .products, assignToStores || stock != nil {
      throw ValidationError("--assign-to-stores and --stock go with products")
    }
    if let url {
      guard ServerAddress(url) != nil else {
        throw ValidationError(
          "--url takes http://HOST:PORT with an IPv4 address or localhost, such as "
            + "http://127.0.0.1:3000")
      }
      if chunked { throw ValidationError("--chunked goes with a data directory, not with --url") }
    }
  }

  func run() throws {
    var options = ImportOptions()
    options.assignsToStores = assignToStores
    options.stock = stock
    let bytes = try InputFile.bytes(of: file)
    let job = ImportJob(kind, file: bytes, options: options)
    guard job.issues.isEmpty else { throw refused(job) }
    if let server = url.flatMap(ServerAddress.init) {
      return print(try send(bytes, options, to: server))
    }
    let installation =
      dryRun
      ? try Installation.inspect(directory.data) : try Installation.open(directory.data)
    // A dry run writes too, into an overlay that is forgotten: so it finds what a real run finds.
    do {
      let report = try Self.write(job, into: installation.database, chunked: chunked)
      if !dryRun { try installation.database.close() }
      print(report)
    } catch {
      if !dryRun { try? installation.database.close() }
      throw Self.failure(error, file: file)
    }
  }

  private func print(_ report: ImportReport) {
    if json {
      Terminal.out(String(decoding: FieldJSON.encode(report), as: UTF8.self))
    } else {
      let would = dryRun ? "would be " : ""
      Terminal.out(
        "\(Terminal.grouped(Int(report.rows))) \(kind.rawValue): "
          + "\(Terminal.grouped(Int(report.created))) \(would)created, "
          + "\(Terminal.grouped(Int(report.updated))) \(would)updated, "
          + "\(Terminal.grouped(Int(report.unchanged))) unchanged")
    }
  }

  private func refused(_ job: ImportJob) -> VerbFailure {
    for issue in job.issues.prefix(Self.issuesShown) {
      let field = issue.field.isEmpty ? "" : " \(issue.field)"
      Terminal.note("\(file):\(issue.line):\(field) \(issue.message)")
    }
    let more = job.issues.count - Self.issuesShown
    if more > 0 { Terminal.note("and \(more) more") }
    return VerbFailure(
      "\(file) has \(job.issues.count) errors; nothing was written. Mend them and import again.")
  }

  /// Writes a checked job in one commit, or in chunks with progress.
  static func write(
    _ job: ImportJob, into database: Database, chunked: Bool
  ) throws -> ImportReport {
    guard chunked else { return try database.writeBlocking { try job.write($0) }.value }
    var report = ImportReport()
    var start = 0
    while start < job.rowCount {
      let range = start..<min(start + chunkRows, job.rowCount)
      report.add(try database.writeBlocking { try job.write($0, rows: range) }.value)
      start = range.upperBound
      Terminal.progress("\(start) of \(job.rowCount) rows")
    }
    Terminal.endProgress()
    return report
  }

  static func failure(_ error: any Error, file: String) -> any Error {
    switch error {
    case let error as MarketError: VerbFailure("\(file): \(error.message)")
    case DatabaseError.store(.transactionTooLarge), StoreError.transactionTooLarge:
      VerbFailure(
        "\(file) does not fit in one commit; nothing was written. Use --chunked: it writes 1,000 "
          + "rows a commit, and running it again completes one that was cut short.")
    default: error
    }
  }
}
