// AccountServices: what the routes of accounts share while the server runs: where it is reached, who
// sends its mails, and the providers that people sign in with.

import Marketplace
import NIOPosix

final class AccountServices: Sendable {
  let options: AccountOptions
  let providers: IdentityProviders
  let testProvider: TestIdentityProvider?
  private let market: Marketplace
  private let log: Log?
  private let address = Late<String>()
  private let sender = Late<MailSender>()

  init(market: Marketplace, options: AccountOptions, log: Log?) {
    self.market = market
    self.options = options
    self.log = log
    providers = IdentityProviders(options)
    testProvider = options.isDevelopment ? TestIdentityProvider() : nil
  }

  /// Called once, when the server listens.
  func begin(at address: HTTPServer.Address, isTLS: Bool) {
    let everywhere = ["0.0.0.0": "127.0.0.1", "::": "::1"]
    var reached = address
    reached.host = everywhere[address.host] ?? address.host
    self.address.set("\(isTLS ? "https" : "http")://\(reached)")
    guard let settings = options.mail else { return }
    let sender = MailSender(market: market, settings: settings, log: log)
    sender.start()
    self.sender.set(sender)
  }

  /// Ends the sender; what it has not delivered waits for the next start. Blocks.
  func shutDown() { sender.current?.stop() }

  /// Without a slash at its end.
  var baseURL: String {
    let url = options.baseURL ?? address.current ?? "http://127.0.0.1:3000"
    return url.hasSuffix("/") ? String(url.dropLast()) : url
  }

  var letters: AccountLetters { AccountLetters(baseURL: baseURL) }

  /// Cookies are for encrypted connections only.
  var isSecure: Bool { baseURL.hasPrefix("https://") }

  /// Mails leave the machine, so their texts are no longer shown to administrators.
  var sendsMail: Bool { options.mail != nil }
}
