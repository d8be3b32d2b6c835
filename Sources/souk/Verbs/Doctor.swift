// souk doctor: everything that can be wrong with an installation, and how to mend it. Changes nothing.

import ArgumentParser
import Bytes
import Database
import Disk
import Glibc
import Marketplace
import Server

/// One thing that was looked at.
struct DoctorCheck: Fields {
  var name = ""
  var isFine = true
  /// What was found.
  var found = ""
  /// What to do; empty when nothing is to be done.
  var mend = ""

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "name", &name)
    try visitor.field(2, "fine", &isFine)
    try visitor.field(3, "found", &found)
    try visitor.field(4, "mend", &mend)
  }
}

struct DoctorReport: Fields {
  var checks: [DoctorCheck] = []

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "checks", &checks)
  }

  mutating func fine(_ name: String, _ found: String) {
    add(name, true, found, "")
  }

  mutating func wrong(_ name: String, _ found: String, mend: String) {
    add(name, false, found, mend)
  }

  private mutating func add(_ name: String, _ isFine: Bool, _ found: String, _ mend: String) {
    var check = DoctorCheck()
    check.name = name
    check.isFine = isFine
    check.found = found
    check.mend = mend
    checks.append(check)
  }
}

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check everything that can be wrong with an installation, and say how to mend it.",
    discussion: """
      Looks and changes nothing; a running server is asked. Exit code 0 when all is well, 1 when \
      something is to be mended.

      EXAMPLES
        souk doctor
        souk doctor --data /srv/souk --json
      """)

  @OptionGroup var directory: DataOption
  @Flag(help: "Print JSON.") var json = false

  /// Below it the next checkpoint may not fit.
  private static let freeBytesLeast: UInt64 = 512 << 20

  func run() throws {
    var report = DoctorReport()
    if checkFolder(&report) {
      checkSecrets(&report)
      checkSpace(&report)
      checkRecords(&report)
    }
    checkClock(&report)
    Terminal.endProgress()
    if json {
      Terminal.out(String(decoding: FieldJSON.encode(report), as: UTF8.self))
    } else {
      for check in report.checks {
        Terminal.out("\(check.isFine ? "ok  " : "BAD ") \(check.name): \(check.found)")
        if !check.mend.isEmpty { Terminal.out("     \(check.mend)") }
      }
    }
    let bad = report.checks.count { !$0.isFine }
    if bad > 0 { throw VerbFailure("\(Terminal.count(bad, "thing")) to mend, see above") }
  }

  private func checkFolder(_ report: inout DoctorReport) -> Bool {
    var status = stat()
    guard stat(directory.data, &status) == 0 else {
      report.wrong(
        "data directory", "there is nothing at \(directory.data)",
        mend: "make one with `souk init --data \(directory.data)`, or name another with --data")
      return false
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      report.wrong(
        "data directory", "\(directory.data) is no folder", mend: "name the folder with --data")
      return false
    }
    if status.st_mode & 0o007 != 0 {
      report.wrong(
        "data directory", "everybody on this machine may look into \(directory.data)",
        mend: "chmod 700 \(directory.data)")
    } else {
      report.fine("data directory", directory.data)
    }
    return true
  }

  private func checkSecrets(_ report: inout DoctorReport) {
    let folder = directory.data + "/secrets"
    let names = (try? PosixDisk().list(folder)) ?? []
    guard !names.isEmpty else {
      return report.wrong(
        "secrets", "there are none in \(folder)",
        mend: "bring them back from a backup; without them everybody must sign in again")
    }
    let open = names.filter { name in
      var status = stat()
      return stat(folder + "/" + name, &status) == 0 && status.st_mode & 0o077 != 0
    }
    if open.isEmpty {
      report.fine("secrets", "\(Terminal.count(names.count, "file")), for the owner alone")
    } else {
      report.wrong(
        "secrets", "others may read \(open.sorted().joined(separator: ", "))",
        mend: "chmod 600 \(folder)/*, and make new ones if somebody else has been here")
    }
  }

  private func checkSpace(_ report: inout DoctorReport) {
    guard let free = try? PosixDisk().freeBytes(directory.data) else { return }
    if free >= Self.freeBytesLeast {
      report.fine("disk space", "\(Terminal.size(free)) are free")
    } else {
      report.wrong(
        "disk space", "only \(Terminal.size(free)) are free",
        mend: "make room: below a few hundred MiB the server refuses writes until there is some")
    }
  }

  private func checkRecords(_ report: inout DoctorReport) {
    do throws(VerbFailure) {
      let (info, server) = try StoreAccess.ask(StoreInfoQuestion(), at: directory.data)
      report.fine(
        "server",
        server.map { "one is running, process \($0)" } ?? "none is running; the files open")
      let now = Timestamp.now
      if info.lastCommitTime > now.adding(seconds: 300) {
        report.wrong(
          "time of the last commit", "\(info.lastCommitTime) lies ahead of this machine's clock",
          mend: "set the clock; until then new commits are dated after the last one")
      }
      let (store, _) = try StoreAccess.ask(StoreCheckQuestion(), at: directory.data)
      if store.isSound {
        report.fine("store", "sound at commit \(store.commit)")
      } else {
        report.wrong(
          "store", store.findings.prefix(3).joined(separator: "; "),
          mend:
            "souk store check --deep names everything; souk store salvage saves what can be read")
      }
      checkEngines(try StoreAccess.ask(EngineListQuestion(), at: directory.data).report, &report)
      let (market, _) = try StoreAccess.ask(MarketAuditQuestion(), at: directory.data)
      if market.findings.isEmpty {
        report.fine(
          "orders, money and stock",
          "\(Terminal.count(market.orders, "order")), \(Terminal.count(market.paidOrders, "payment")), "
            + "\(Terminal.count(market.ledgerEntries, "ledger entry", "ledger entries")), "
            + "\(Terminal.count(market.stockLevels, "stock level")) agree; "
            + "\(Terminal.count(market.openPayments, "payment is", "payments are")) open")
      } else {
        report.wrong(
          "orders, money and stock", market.findings.prefix(10).joined(separator: "; "),
          mend: "make a backup now, and report this: no commit should ever leave it so")
      }
    } catch {
      report.wrong(
        "data", error.message,
        mend: error.status == .corrupt ? "souk store check, then souk store salvage" : "see above")
    }
  }

  private func checkEngines(_ list: EngineListReport, _ report: inout DoctorReport) {
    for engine in list.engines {
      let subject = "engine \(engine.name)"
      if let failure = engine.failure {
        report.wrong(
          subject, "its files cannot be written: \(failure)",
          mend: "it works, but the next start takes longer; see to the disk, it is tried again")
      } else if let flaw = engine.flaw {
        report.wrong(
          subject, "its files are not used: \(flaw)",
          mend:
            "it works; souk engine rebuild \(engine.name) writes them anew, and look at the disk")
      } else {
        report.fine(
          subject,
          "at commit \(engine.commit), "
            + (engine.filesCommit.map {
              "its files (\(Terminal.size(engine.fileBytes))) hold commit \($0)"
            } ?? "without files"))
      }
    }
  }

  private func checkClock(_ report: inout DoctorReport) {
    let now = Timestamp.now
    if now.description < "2024" {
      report.wrong(
        "clock", "this machine believes that it is \(now)", mend: "set the clock and start again")
    } else {
      report.fine("clock", "\(now)")
    }
  }
}
