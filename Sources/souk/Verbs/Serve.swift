// souk serve

import ArgumentParser
import Bytes
import Database
import Glibc
import Marketplace
import Server

struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Recover, open and serve a data directory until SIGTERM or SIGINT.",
    discussion: """
      EXAMPLES
        souk serve
        souk serve --data /srv/souk --listen 127.0.0.1:8080
        souk serve --listen 127.0.0.1:0     (a free port; the line `listening on` names it)
      """)

  @OptionGroup var directory: DataOption
  @Option(help: "A file of settings; souk.toml in the current folder without it.")
  var config: String?
  @Option(help: "Address and port to listen on; port 0 picks a free one. [127.0.0.1:3000]")
  var listen: String?
  @Option(help: "Event loops; one for each core by default.") var loops: Int?
  @Option(help: "Memory for the page cache, in MiB. [64]") var cacheMib: Int?
  @Option(
    help:
      "Requests for each user or address: N/SECONDS, or off for no rate limits at all. [100/900]")
  var rateLimit: String?
  @Option(help: "Failed sign-ins for each address: N/SECONDS, or off. [5/900]")
  var authRateLimit: String?
  @Option(help: "Requests with this X-Api-Key are not rate limited: for benchmarks.")
  var unlimitedKey: String?
  @Option(help: "Address of a proxy whose X-Forwarded-For is believed; may be repeated.")
  var trustedProxy: [String] = []
  @Option(help: "Where people reach this shop, for links in mails.") var baseUrl: String?
  @Option(help: "A certificate chain in PEM: serve TLS, and HTTP/2 with clients that offer it.")
  var tlsCert: String?
  @Option(help: "The certificate's private key in PEM, without a passphrase.") var tlsKey: String?
  @Option(help: "A file for the log, as JSON, rotated; standard error without it.")
  var logFile: String?
  @Flag(help: "Serve a test identity provider; never where strangers reach it.") var dev = false

  private var flags: [String: [String]] {
    func values(_ text: String?) -> [String] { text.map { [$0] } ?? [] }
    return [
      "listen": values(listen), "loops": values(loops.map(String.init)),
      "cache-mib": values(cacheMib.map(String.init)), "rate-limit": values(rateLimit),
      "auth-rate-limit": values(authRateLimit), "unlimited-key": values(unlimitedKey),
      "trusted-proxy": trustedProxy, "base-url": values(baseUrl), "log-file": values(logFile),
      "tls-cert": values(tlsCert), "tls-key": values(tlsKey),
      "dev": dev ? ["true"] : [],
    ]
  }

  func run() throws {
    // Blocked before any thread is made, so that every thread inherits it and only this one waits.
    let signals = AwaitedSignals([SIGTERM, SIGINT, SIGHUP])
    let first = try Settings(flags: flags, file: config)
    // What is wrong with these is said before anything is opened.
    _ = try first.accountOptions()
    let identity = try first.tlsIdentity()
    let started = SystemClock.monotonicMicroseconds()
    let (log, logFile) = try first.log()
    let installation = try Installation.open(directory.data) { configuration in
      configuration.cacheBytes = (first.integer("cache-mib") ?? 64) << 20
      configuration.onNotice = { log.notice($0) }
      configuration.onFatal = { line in
        logFile?.flush()
        Self.endAfterFatal(line)
      }
    }
    let database = installation.database
    let settings = try withStored(first, in: database)
    let market = try installation.marketplace(policies: try policies(settings))
    try settlePayments(market)
    let token = ControlFile.makeToken()
    var options = settings.serverOptions
    options.tls = identity
    let service = try Service(
      market: market, options: options, version: Souk.version, log: log, controlToken: token,
      accounts: try settings.accountOptions(), settings: SettingKey.storable)
    let address: HTTPServer.Address
    do {
      address = try service.start()
    } catch {
      try? database.close()
      throw VerbFailure("cannot listen on \(settings["listen"] ?? ""): \(error)", .failed)
    }
    announce(service.localAddress ?? address, token)
    printBanner(
      database, milliseconds: (SystemClock.monotonicMicroseconds() - started) / 1000)
    let url = "\(options.tls == nil ? "http" : "https")://\(address.host):\(address.port)"
    if let link = try service.setupLink() {
      Terminal.note("make the first administrator: \(url)\(link)")
    }
    Terminal.out("listening on \(url)")

    while signals.next() == SIGHUP {
      logFile?.reopen()
      renew(service, settings, log)
    }
    let unfinished = try service.stop()
    if unfinished > 0 { Terminal.note("\(unfinished) connections did not end in time") }
    let lsn = database.visibleLSN
    // While the lock is still ours: the next server's file is not to be removed.
    try? ControlFile.remove(from: directory.data)
    try database.close()
    logFile?.close()
    Terminal.note("stopped cleanly at commit \(lsn)")
  }

  private func withStored(_ settings: Settings, in database: Database) throws -> Settings {
    var settings = settings
    try settings.adopt(try StoredSettings.all(database.snapshot().records))
    return settings
  }

  private func policies(_ settings: Settings) throws(VerbFailure) -> OrderPolicies {
    do throws(PolicyError) { return try settings.policies() } catch {
      throw VerbFailure("\(error)", .usage)
    }
  }

  /// What was under way when the server was stopped or killed.
  private func settlePayments(_ market: Marketplace) throws {
    guard let settled = try market.settlePayments(all: true, at: .now), settled.checked > 0 else {
      return
    }
    Terminal.note(
      "\(settled.checked) open payments: \(settled.confirmed) confirmed, \(settled.givenUp) "
        + "given up, \(settled.refunded) given back")
  }

  /// Reads the certificate again; the old one stays when the new one is no good.
  private func renew(_ service: Service, _ settings: Settings, _ log: Log) {
    do throws(VerbFailure) {
      guard let identity = try settings.tlsIdentity() else { return }
      service.renew(identity)
      log.write(.info, "the certificate was read again")
    } catch {
      log.write(.error, "the certificate was not renewed", [("failure", error.message)])
    }
  }

  /// Ends the process at once: nothing that is not durable may be answered.
  private static let endAfterFatal: @Sendable (String) -> Void = { line in
    var reason = line
    if let value = try? JSONValue(parsing: Array(line.utf8)), let text = value["error"]?.text {
      reason = text
    }
    Terminal.error(
      "the commit log cannot be made durable, so the server stops and answers nothing more: "
        + "\(reason); mend the disk and start again: everything that was answered is there")
    _exit(ExitStatus.inputOutput.rawValue)
  }

  /// Lets `souk store` ask this server. Serving goes on without it.
  private func announce(_ address: HTTPServer.Address, _ token: String) {
    do {
      guard try !ControlFile.write(address, token: token, in: directory.data) else { return }
      Terminal.note("`souk store` cannot ask this server: it does not listen on loopback")
    } catch {
      Terminal.note("`souk store` cannot ask this server: \(error)")
    }
  }

  private func printBanner(_ database: Database, milliseconds: Int64) {
    let opening = database.opening
    Terminal.note(
      "souk \(Souk.version)  ·  data \(directory.data)  ·  commit \(database.visibleLSN), "
        + "\(opening.replayedCommits) replayed, open after \(milliseconds) ms")
    if opening.log.tornBytes > 0 {
      Terminal.note(
        "the last shutdown was not clean: \(opening.log.tornBytes) bytes of an unfinished write "
          + "were discarded; nothing that was answered is lost")
    }
    if let reason = opening.store.otherRejected, opening.checkpointLSN.rawValue > 0 {
      Terminal.note("one checkpoint was not usable (\(reason)); the other one and the log were")
    }
    let isEmpty = database.tableCounts(in: database.snapshot()).allSatisfy { $0.rows == 0 }
    if isEmpty {
      Terminal.note(
        "the catalogue is empty; stop, then try: souk seed --demo --data \(directory.data)")
    }
  }
}

/// Signals that interrupt nothing and are taken one after the other.
private struct AwaitedSignals {
  private var set = sigset_t()

  init(_ numbers: [Int32]) {
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// Waits for the next one.
  func next() -> Int32 {
    var set = set
    var number: Int32 = 0
    sigwait(&set, &number)
    return number
  }
}
