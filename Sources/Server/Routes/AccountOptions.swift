// AccountOptions: what an operator settles about accounts and mails.

public struct AccountOptions: Sendable {
  /// Where people reach this shop (`https://shop.example.com`), for the links in mails and the way
  /// back from providers. Nil: the address that the server listens on.
  public var baseURL: String?
  /// The name that authenticator apps show.
  public var issuer = "Souk"
  /// Serves a test identity provider under `/dev/identity`. Never on a machine that strangers reach:
  /// it lets everybody be anybody.
  public var isDevelopment = false
  /// Nil: mails stay in the mailbox.
  public var mail: SMTPSettings?
  /// By the provider's name: `google`, `facebook`.
  public var providers: [String: ProviderCredentials] = [:]

  public init() {}
}

/// What a provider gave the operator when the shop was registered there.
public struct ProviderCredentials: Sendable, Equatable {
  public var clientID: String
  public var clientSecret: String

  public init(clientID: String, clientSecret: String) {
    self.clientID = clientID
    self.clientSecret = clientSecret
  }
}
