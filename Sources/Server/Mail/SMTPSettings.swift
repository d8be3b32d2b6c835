// SMTPSettings: the server that takes our mails.
//
// There is no TLS towards other machines in this program, and passwords and reset links must not go
// through a network in the clear: a host that is not this machine is refused. A relay on this machine
// (Postfix, msmtpd, OpenSMTPD) speaks TLS to the rest of the world.

public struct SMTPSettings: Sendable, Equatable {
  public let host: String
  public let port: Int
  /// Nil: no AUTH.
  public let user: String?
  public let password: String
  /// The sender of all mails.
  public let from: String

  /// Throws for a host that is not this machine, and for what cannot stand in a command.
  public init(
    host: String, port: Int = 25, user: String? = nil, password: String = "", from: String
  ) throws(SMTPSettingsError) {
    guard Self.isLoopback(host) else { throw .needsTLS(host: host) }
    guard (1...65_535).contains(port) else { throw .port(port) }
    guard SMTPAddress.isSafe(from) else { throw .sender(from) }
    self.host = host
    self.port = port
    self.user = user
    self.password = password
    self.from = from
  }

  /// Whether `host` is this machine: `localhost`, 127.0.0.0/8 or ::1.
  static func isLoopback(_ host: String) -> Bool {
    if host == "localhost" || host == "::1" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127"
      && parts.allSatisfy { (1...3).contains($0.utf8.count) && UInt8($0) != nil }
  }
}

public enum SMTPSettingsError: Error, Equatable, CustomStringConvertible {
  case needsTLS(host: String)
  case port(Int)
  case sender(String)

  public var description: String {
    switch self {
    case .needsTLS(let host):
      "the mail server \(host) is another machine, and this program has no TLS towards others; "
        + "name a relay on this machine, such as 127.0.0.1"
    case .port(let port): "\(port) is no port; take 1 to 65535"
    case .sender(let from): "“\(from)” is no address to send mails from"
    }
  }
}

enum SMTPAddress {
  /// One `@`, printable ASCII, nothing that could end the command or the brackets round it.
  static func isSafe(_ address: String) -> Bool {
    let bytes = Array(address.utf8)
    let at = UInt8(ascii: "@")
    return (3...254).contains(bytes.count) && bytes.filter { $0 == at }.count == 1
      && bytes.first != at && bytes.last != at
      && bytes.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x3c && $0 != 0x3e }
  }
}
