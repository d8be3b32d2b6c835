// Settings: every setting's value and where it comes from. A flag goes before the environment, that
// before souk.toml, that before what is stored in the database, that before the default. A value that is not acceptable is refused with its place,
// wherever it comes from; an unknown key of the file or variable of the environment is, too.

import Bytes
import Disk
import Glibc
import Marketplace
import Server

struct Settings {
  enum Origin: Equatable, CustomStringConvertible {
    case flag
    case environment(String)
    case file(String, line: Int)
    case stored
    case fallback

    var description: String {
      switch self {
      case .flag: "flag"
      case .environment(let name): "environment, \(name)"
      case .file(let path, let line): "\(path), line \(line)"
      case .stored: "stored in the database"
      case .fallback: "default"
      }
    }
  }

  struct Setting {
    var key: SettingKey
    /// Empty: not set.
    var values: [String]
    var origin: Origin
  }

  /// The file that is read when none is named.
  static let usualFile = "souk.toml"
  /// Variables of ours that are no settings.
  private static let otherVariables: Set<String> = ["SOUK_SUPERUSER_PASSWORD"]

  private(set) var all: [Setting] = []

  /// - Parameters:
  ///   - flags: values by the setting's name.
  ///   - file: nil reads `souk.toml` in the current folder, if it is there.
  init(flags: [String: [String]] = [:], file: String?) throws(VerbFailure) {
    let path = file ?? (access(Self.usualFile, F_OK) == 0 ? Self.usualFile : nil)
    let entries = try path.map { name throws(VerbFailure) in try Self.read(name) } ?? [:]
    let environment = Self.environment()
    for key in SettingKey.all {
      var setting = Setting(key: key, values: key.fallback, origin: .fallback)
      if let values = flags[key.name], !values.isEmpty {
        setting = Setting(key: key, values: values, origin: .flag)
      } else if let text = environment[key.variable] {
        let values =
          key.kind == .list ? text.split(separator: ";").map { Self.trimmed($0) } : [text]
        setting = Setting(key: key, values: values, origin: .environment(key.variable))
      } else if let path, let entry = entries[key.name] {
        setting = Setting(
          key: key, values: try Self.values(entry, of: key, in: path),
          origin: .file(path, line: entry.line))
      }
      try Self.check(setting)
      all.append(setting)
    }
    try Self.refuseUnknown(environment)
  }

  /// Takes what is stored for settings that nothing else says.
  mutating func adopt(_ stored: [String: [String]]) throws(VerbFailure) {
    for index in all.indices where all[index].key.isStorable && all[index].origin == .fallback {
      guard let values = stored[all[index].key.name], !values.isEmpty else { continue }
      all[index].values = values
      all[index].origin = .stored
      try Self.check(all[index])
    }
  }

  subscript(name: String) -> String? { all.first { $0.key.name == name }?.values.first }

  func list(_ name: String) -> [String] { all.first { $0.key.name == name }?.values ?? [] }

  func integer(_ name: String) -> Int? { self[name].flatMap { Int($0) } }

  // MARK: Reading

  private static func read(_ path: String) throws(VerbFailure) -> [String: TomlFile.Entry] {
    let text: String
    do { text = String(decoding: try InputFile.bytes(of: path), as: UTF8.self) } catch {
      throw error as? VerbFailure ?? VerbFailure("\(path) cannot be read: \(error)", .inputOutput)
    }
    let file: TomlFile
    do throws(TomlError) { file = try TomlFile(text) } catch {
      throw VerbFailure("\(path), \(error)", .usage)
    }
    var entries: [String: TomlFile.Entry] = [:]
    for entry in file.entries {
      guard SettingKey.named(entry.key) != nil else {
        throw VerbFailure(
          "\(path), line \(entry.line): there is no setting \(entry.key)" + hint(entry.key), .usage)
      }
      entries[entry.key] = entry
    }
    return entries
  }

  private static func hint(_ name: String) -> String {
    nearest(name, in: SettingKey.all.map(\.name)).map { "; did you mean \($0)?" } ?? ""
  }

  private static func values(
    _ entry: TomlFile.Entry, of key: SettingKey, in path: String
  ) throws(VerbFailure) -> [String] {
    switch (entry.value, key.kind) {
    case (.string(let text), .text): return [text]
    case (.string(let text), .list): return [text]
    case (.strings(let texts), .list): return texts
    case (.integer(let number), .integer): return [String(number)]
    case (.boolean(let value), .boolean): return [String(value)]
    default:
      throw VerbFailure(
        "\(path), line \(entry.line): \(key.name) takes a \(key.kind), not this", .usage)
    }
  }

  /// The variables that begin with `SOUK_`.
  private static func environment() -> [String: String] {
    var result: [String: String] = [:]
    var next: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      next += 1
      guard text.hasPrefix("SOUK_"), let equals = text.firstIndex(of: "=") else { continue }
      result[String(text[..<equals])] = String(text[text.index(after: equals)...])
    }
    return result
  }

  private static func refuseUnknown(_ environment: [String: String]) throws(VerbFailure) {
    let known = SettingKey.all.map(\.variable)
    for name in environment.keys.sorted()
    where !known.contains(name) && !otherVariables.contains(name)
      && !name.hasPrefix("SOUK_TEST_") && name != "SOUK_NIGHTLY"
    {
      guard let near = nearest(name, in: known) else { continue }
      throw VerbFailure(
        "the environment has \(name), which is no setting; did you mean \(near)?", .usage)
    }
  }

  private static func check(_ setting: Setting) throws(VerbFailure) {
    guard !setting.values.isEmpty else { return }
    var issue = setting.key.issue(setting.values)
    if setting.key.kind == .boolean, !["true", "false"].contains(setting.values[0]) {
      issue = "takes true or false, not \(setting.values[0])"
    }
    guard let issue else { return }
    let name = setting.origin == .flag ? "--\(setting.key.name)" : setting.key.name
    let place = setting.origin == .flag ? "" : " (\(setting.origin))"
    throw VerbFailure("\(name) \(issue)\(place)", .usage)
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }

  // MARK: What they come to

  static func address(_ text: String) -> (host: String, port: Int)? {
    guard let colon = text.lastIndex(of: ":"), colon != text.startIndex,
      let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port)
    else { return nil }
    return (String(text[..<colon]), port)
  }

  /// Hundredths of a percent of `12.5%`.
  static func basisPoints(_ text: String) -> Int64? {
    guard text.hasSuffix("%"),
      let rate = Amount(String(text.dropLast()))?.rescaled(toDigits: 2),
      (0...10_000).contains(rate.minor)
    else { return nil }
    return rate.minor
  }

  var serverOptions: ServerOptions {
    var options = ServerOptions()
    if let (host, port) = self["listen"].flatMap(Self.address) {
      options.host = host
      options.port = port
    }
    options.loops = integer("loops")
    options.rateLimit = self["rate-limit"].flatMap { RateLimit($0) }
    options.authRateLimit = self["auth-rate-limit"].flatMap { RateLimit($0) }
    if options.authRateLimit == nil { options.accountRateLimit = nil }
    if options.rateLimit == nil { options = options.withoutRateLimits }
    options.unlimitedKey = self["unlimited-key"]
    options.trustedProxies = Set(list("trusted-proxy"))
    return options
  }

  /// The rules have been checked when the settings were read.
  func policies() throws(PolicyError) -> OrderPolicies {
    OrderPolicies(
      tax: try DeclaredTax(list("tax.rules")),
      delivery: try DeclaredDelivery(list("delivery.rules")),
      commissionBasisPoints: self["commission"].flatMap(Self.basisPoints) ?? 0)
  }

  func accountOptions() throws(VerbFailure) -> AccountOptions {
    var options = AccountOptions()
    options.baseURL = self["base-url"]
    options.isDevelopment = self["dev"] == "true"
    guard let host = self["mail.host"] else { return options }
    guard let from = self["mail.from"] else {
      throw VerbFailure("mail.host is set, and mail.from, the sender of mails, is not", .usage)
    }
    var trusted: [UInt8] = []
    if let file = self["mail.ca"] {
      do { trusted = try InputFile.bytes(of: file) } catch {
        throw error as? VerbFailure ?? VerbFailure("\(file): \(error)", .inputOutput)
      }
    }
    do throws(SMTPSettingsError) {
      options.mail = try SMTPSettings(
        host: host, port: integer("mail.port") ?? 25, user: self["mail.user"],
        password: self["mail.password"] ?? "", from: from,
        security: self["mail.security"].flatMap { SMTPSecurity(rawValue: $0) },
        trustedPEM: trusted)
    } catch {
      throw VerbFailure("\(error)", .usage)
    }
    return options
  }

  /// Where the log goes, and the file when it is one. Throws when the file cannot be written.
  func log() throws(VerbFailure) -> (log: Log, file: LogFile?) {
    let level = self["log-level"].flatMap { Log.Level(named: $0) } ?? .info
    let logsRequests = self["access-log"].map { $0 == "true" }
    guard let path = self["log-file"] else {
      return (.standard(level: level, logsRequests: logsRequests ?? false), nil)
    }
    do throws(DiskError) {
      let file = try LogFile(
        path, bytesMax: UInt64(clamping: integer("log-file-mib") ?? 64) << 20,
        filesMax: integer("log-files") ?? 5)
      let log = Log(level: level, format: .json, logsRequests: logsRequests ?? true) {
        file.write($0)
      }
      return (log, file)
    } catch {
      throw VerbFailure("the log file cannot be opened: \(error)", .inputOutput)
    }
  }

  /// The certificate and its key; nil without them. One without the other is refused.
  func tlsIdentity() throws(VerbFailure) -> TLSIdentity? {
    let (certificate, key) = (self["tls-cert"], self["tls-key"])
    guard certificate != nil || key != nil else { return nil }
    guard let certificate, let key else {
      throw VerbFailure("tls-cert and tls-key go together, and only one of them is set", .usage)
    }
    do {
      return try TLSIdentity(
        certificatePEM: try InputFile.bytes(of: certificate), keyPEM: try InputFile.bytes(of: key))
    } catch {
      if let error = error as? VerbFailure { throw error }
      throw VerbFailure("\(certificate) and \(key): \(error)")
    }
  }
}
