// SMTPSettings: the server that takes our mails.
//
// Passwords and reset links must not go through a network in the clear: to another machine the connection
// is encrypted, or nothing is sent. Its certificate must be good for the host's name; a server that does
// not offer STARTTLS where that was agreed is refused, because somebody between may have taken it away.

/// How a connection to a mail server is protected.
public enum SMTPSecurity: String, Sendable, CaseIterable {
  /// Not at all: on this machine only.
  case none
  /// Begins in the clear and changes over before anything is said (RFC 3207).
  case startTLS = "starttls"
  /// TLS from the first byte (RFC 8314).
  case tls
}

public struct SMTPSettings: Sendable, Equatable {
  public let host: String
  public let port: Int
  /// Nil: no AUTH.
  public let user: String?
  public let password: String
  /// The sender of all mails.
  public let from: String
  public let security: SMTPSecurity
  /// Certificates in PEM that vouch for the server; empty for those that the system trusts.
  public let trustedPEM: [UInt8]

  /// - Parameter security: nil is TLS on port 465 and STARTTLS elsewhere, nothing on this machine.
  ///
  /// Throws for another machine without protection, and for what cannot stand in a command.
  public init(
    host: String, port: Int = 25, user: String? = nil, password: String = "", from: String,
    security: SMTPSecurity? = nil, trustedPEM: [UInt8] = []
  ) throws(SMTPSettingsError) {
    guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      throw .host(host)
    }
    let isNear = Self.isLoopback(host)
    self.security = security ?? (isNear ? .none : port == 465 ? .tls : .startTLS)
    guard isNear || self.security != .none else { throw .needsTLS(host: host) }
    guard (1...65_535).contains(port) else { throw .port(port) }
    guard SMTPAddress.isSafe(from) else { throw .sender(from) }
    self.host = host
    self.port = port
    self.user = user
    self.password = password
    self.from = from
    self.trustedPEM = trustedPEM
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
  case host(String)
  case needsTLS(host: String)
  case port(Int)
  case sender(String)

  public var description: String {
    switch self {
    case .host(let host): "“\(host)” is no name of a mail server"
    case .needsTLS(let host):
      "the mail server \(host) is another machine, and nothing may go there in the clear; "
        + "take starttls or tls"
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
