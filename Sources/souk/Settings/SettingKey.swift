// SettingKey: every setting there is: its name in souk.toml, its variable in the environment, its
// default, and what is acceptable. The flag of the same name belongs to `souk serve`.

import Marketplace
import Server

struct SettingKey: Sendable {
  enum Kind: Sendable {
    case text, integer, boolean, list
  }

  var name: String
  var kind: Kind
  /// Empty: not set.
  var fallback: [String]
  var summary: String
  var isSecret = false
  /// Whether it may be stored in the database: what a shop settles, not what a machine needs before
  /// the database is open.
  var isStorable = false
  /// What is wrong with the value, or nil.
  var issue: @Sendable ([String]) -> String?

  /// `SOUK_MAIL_HOST` of `mail.host`.
  var variable: String {
    "SOUK_"
      + name.uppercased().map { $0 == "." || $0 == "-" ? "_" : String($0) }.joined()
  }

  /// Those that administrators may store.
  static var storable: [StorableSetting] {
    all.filter(\.isStorable).map {
      StorableSetting(
        name: $0.name, summary: $0.summary, isList: $0.kind == .list, issue: $0.issue)
    }
  }

  static func named(_ name: String) -> SettingKey? { all.first { $0.name == name } }

  static let all: [SettingKey] = [
    SettingKey(
      name: "listen", kind: .text, fallback: ["127.0.0.1:3000"],
      summary: "Address and port; port 0 picks a free one."
    ) { values in
      Settings.address(values[0]) == nil
        ? "takes HOST:PORT, such as 127.0.0.1:3000, not \(values[0])" : nil
    },
    SettingKey(
      name: "loops", kind: .integer, fallback: [],
      summary: "Event loops; one for each core by default.", issue: range(1...256)),
    SettingKey(
      name: "cache-mib", kind: .integer, fallback: ["64"],
      summary: "Memory for the page cache, in MiB.", issue: range(8...1_048_576)),
    SettingKey(
      name: "rate-limit", kind: .text, fallback: ["100/900"],
      summary: "Requests for each user or address: N/SECONDS, or off for no limits at all.",
      isStorable: true, issue: rate),
    SettingKey(
      name: "auth-rate-limit", kind: .text, fallback: ["5/900"],
      summary: "Failed sign-ins for each address: N/SECONDS, or off.", isStorable: true,
      issue: rate),
    SettingKey(
      name: "unlimited-key", kind: .text, fallback: [],
      summary: "Requests with this X-Api-Key are not rate limited: for benchmarks.",
      isSecret: true, issue: any),
    SettingKey(
      name: "trusted-proxy", kind: .list, fallback: [],
      summary: "Addresses of proxies whose X-Forwarded-For is believed.", issue: any),
    SettingKey(
      name: "base-url", kind: .text, fallback: [],
      summary: "Where people reach this shop, for links in mails.", isStorable: true
    ) { values in
      values[0].hasPrefix("http://") || values[0].hasPrefix("https://")
        ? nil : "begins with http:// or https://"
    },
    SettingKey(
      name: "dev", kind: .boolean, fallback: ["false"],
      summary: "Serve a test identity provider; never where strangers reach it.", issue: any),
    SettingKey(
      name: "tls-cert", kind: .text, fallback: [],
      summary: "A certificate chain in PEM: TLS, and HTTP/2 with clients that offer it.",
      issue: any),
    SettingKey(
      name: "tls-key", kind: .text, fallback: [],
      summary: "The certificate's private key in PEM, without a passphrase.", issue: any),
    SettingKey(
      name: "log-file", kind: .text, fallback: [],
      summary: "A file for the log, as JSON; standard error without it.", issue: any),
    SettingKey(
      name: "log-file-mib", kind: .integer, fallback: ["64"],
      summary: "A log file longer than this is renamed NAME.1 and a new one begun, in MiB.",
      issue: range(1...1_048_576)),
    SettingKey(
      name: "log-files", kind: .integer, fallback: ["5"],
      summary: "So many log files are kept, the newest and its predecessors.",
      issue: range(1...1000)),
    SettingKey(
      name: "log-level", kind: .text, fallback: ["info"],
      summary: "The least that is logged: debug, info, warning or error."
    ) { values in
      Log.Level(named: values[0]) == nil
        ? "takes debug, info, warning or error, not \(values[0])" : nil
    },
    SettingKey(
      name: "access-log", kind: .boolean, fallback: [],
      summary: "A log line for every request; with a log-file it is on unless this says false.",
      issue: any),
    SettingKey(
      name: "commission", kind: .text, fallback: ["0%"],
      summary: "What the marketplace keeps of the goods' price, such as 12.5%.", isStorable: true
    ) { Settings.basisPoints($0[0]) == nil ? "takes a rate from 0% to 100%, such as 12.5%" : nil },
    SettingKey(
      name: "tax.rules", kind: .list, fallback: [],
      summary: "Such as \"US-CA 8.25%\" or \"* 19%\"; the most specific rule decides.",
      isStorable: true
    ) { values in
      do throws(PolicyError) { _ = try DeclaredTax(values) } catch { return error.description }
      return nil
    },
    SettingKey(
      name: "delivery.rules", kind: .list, fallback: [],
      summary: "Such as \"US 5.00 USD free from 50.00\"; one fee for each seller's part.",
      isStorable: true
    ) { values in
      do throws(PolicyError) { _ = try DeclaredDelivery(values) } catch {
        return error.description
      }
      return nil
    },
    SettingKey(
      name: "mail.host", kind: .text, fallback: [],
      summary: "A mail server; without it mails stay in the mailbox.", issue: any),
    SettingKey(
      name: "mail.port", kind: .integer, fallback: ["25"], summary: "The relay's port.",
      issue: range(1...65_535)),
    SettingKey(
      name: "mail.user", kind: .text, fallback: [], summary: "Name for the relay.", issue: any),
    SettingKey(
      name: "mail.password", kind: .text, fallback: [], summary: "Password for the relay.",
      isSecret: true, issue: any),
    SettingKey(
      name: "mail.security", kind: .text, fallback: [],
      summary: "starttls, tls or none; unset: none on this machine, tls on port 465, else starttls."
    ) { values in
      SMTPSecurity(rawValue: values[0]) == nil
        ? "takes starttls, tls or none, not \(values[0])" : nil
    },
    SettingKey(
      name: "mail.ca", kind: .text, fallback: [],
      summary: "Certificates in PEM that vouch for the mail server, in place of the system's.",
      issue: any),
    SettingKey(
      name: "mail.from", kind: .text, fallback: [], summary: "The sender of all mails.", issue: any),
  ]

  private static let any: @Sendable ([String]) -> String? = { _ in nil }

  private static func range(_ bounds: ClosedRange<Int>) -> @Sendable ([String]) -> String? {
    { values in
      Int(values[0]).map(bounds.contains) == true
        ? nil : "takes a number from \(bounds.lowerBound) to \(bounds.upperBound)"
    }
  }

  private static let rate: @Sendable ([String]) -> String? = { values in
    values[0] == "off" || RateLimit(values[0]) != nil
      ? nil : "takes N/SECONDS such as 100/900, or off, not \(values[0])"
  }
}
