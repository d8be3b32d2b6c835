// souk config

import ArgumentParser
import Bytes
import Database
import Marketplace

struct Config: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show and check the settings.", subcommands: [ConfigShow.self, ConfigCheck.self])
}

/// One setting, as JSON shows it.
private struct SettingReport: Fields {
  var name = ""
  var values: [String] = []
  var origin = ""
  var variable = ""

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "name", &name)
    try visitor.field(2, "values", &values)
    try visitor.field(3, "origin", &origin)
    try visitor.field(4, "variable", &variable)
  }
}

private struct SettingsReport: Fields {
  var settings: [SettingReport] = []

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "settings", &settings)
  }
}

struct ConfigShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Print every setting's value, and with --origin where it comes from.",
    discussion: """
      A flag of `souk serve` goes before the environment, that before souk.toml in the current \
      folder, that before what administrators have stored (PUT /admin/settings), that before the \
      default. What is stored is looked up when --data names a stopped directory. Secrets are not \
      printed.

      EXAMPLES
        souk config show --origin
        souk config show --origin --data ./souk-data
        SOUK_LISTEN=0.0.0.0:80 souk config show --json
      """)

  @Option(help: "The file; souk.toml in the current folder without it.", completion: .file())
  var config: String?
  @Option(help: "A stopped data directory, whose stored settings count.") var data: String?
  @Flag(help: "Say where each value comes from.") var origin = false
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    var settings = try Settings(file: config)
    if let data { try settings.adopt(try stored(in: data)) }
    var report = SettingsReport()
    for setting in settings.all {
      var line = SettingReport()
      line.name = setting.key.name
      line.values = setting.key.isSecret ? setting.values.map { _ in "(secret)" } : setting.values
      line.origin = "\(setting.origin)"
      line.variable = setting.key.variable
      report.settings.append(line)
    }
    if json { return Terminal.out(String(decoding: FieldJSON.encode(report), as: UTF8.self)) }
    let width = report.settings.map(\.name.count).max() ?? 0
    for line in report.settings {
      let name = line.name + String(repeating: " ", count: width - line.name.count)
      let value = line.values.isEmpty ? "(not set)" : line.values.joined(separator: "; ")
      Terminal.out("\(name)  \(value)" + (origin ? "    from \(line.origin)" : ""))
    }
  }
}

extension ConfigShow {
  private func stored(in data: String) throws -> [String: [String]] {
    let database: Database
    do throws(DatabaseError) {
      database = try Installation.inspect(data, withViews: false).database
    } catch {
      throw Installation.failure(error, at: data)
    }
    return try StoredSettings.all(database.snapshot().records)
  }
}

struct ConfigCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check a file of settings, and the environment, without starting anything.",
    discussion: """
      EXAMPLES
        souk config check
        souk config check /etc/souk/souk.toml
      """)

  @Argument(help: "The file; souk.toml in the current folder without it.", completion: .file())
  var file: String?

  func run() throws {
    let settings = try Settings(file: file)
    _ = try settings.accountOptions()
    let set = settings.all.count { $0.origin != .fallback }
    Terminal.out("fine: \(Terminal.count(set, "setting is", "settings are")) set")
  }
}
