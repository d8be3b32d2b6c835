// AuthCookies: sessions of browsers, and the defence against writes that another site makes them do.
//
//   souk_session   the session's secret: HttpOnly, SameSite=Lax, Secure where the shop has TLS
//   souk_csrf      the token of the session, readable by scripts of ours only
//
// A write that a cookie authenticates must repeat the token in X-CSRF-Token and name this shop in
// Origin; either alone has been got round before. A bearer token needs neither: no browser sends it
// by itself.

import Bytes
import Marketplace
import RecordStore

enum AuthCookies {
  static let session = "souk_session"
  static let crossSite = "souk_csrf"
  static let state = "souk_oauth"
  static let crossSiteHeader = "X-CSRF-Token"
  /// More cookies than any browser sends to one host.
  private static let cookiesMax = 100

  /// The value of a cookie; the first of the name.
  static func value(_ name: String, of request: Request) -> String? {
    var left = cookiesMax
    for header in request.headers.all("Cookie") {
      for pair in header.utf8.split(separator: UInt8(ascii: ";")) {
        left -= 1
        guard left >= 0 else { return nil }
        let trimmed = pair.drop { $0 == 0x20 || $0 == 0x09 }
        guard let equals = trimmed.firstIndex(of: UInt8(ascii: "=")),
          trimmed[..<equals].elementsEqual(name.utf8)
        else { continue }
        let value = trimmed[trimmed.index(after: equals)...]
        return String(Substring(value))
      }
    }
    return nil
  }

  /// - Parameter seconds: 0 makes the browser forget it.
  static func line(
    _ name: String, _ value: String, seconds: Int64, isSecure: Bool, isForScripts: Bool = false
  ) -> String {
    "\(name)=\(value); Path=/; Max-Age=\(seconds); SameSite=Lax"
      + (isForScripts ? "" : "; HttpOnly") + (isSecure ? "; Secure" : "")
  }

  /// Whether `origin` names the host that the request was sent to.
  static func isSame(origin: String, host: String) -> Bool {
    guard let scheme = ["https://", "http://"].first(where: { origin.hasPrefix($0) }) else {
      return false
    }
    let named = origin.dropFirst(scheme.count).lowercased()
    let port = scheme == "https://" ? ":443" : ":80"
    func plain(_ text: String) -> String {
      text.hasSuffix(port) ? String(text.dropLast(port.count)) : text
    }
    return !named.isEmpty && plain(named) == plain(host.lowercased())
  }
}

extension MarketplaceServer {
  /// The principal of a session's cookie; nil without one. 401 when the session has ended, 403 for
  /// a write that may come from another site.
  func session(of request: Request) throws -> Principal? {
    guard let secret = AuthCookies.value(AuthCookies.session, of: request) else { return nil }
    let found = try telling {
      try Accounts.authenticate(
        market.database.snapshot().records, cookie: secret, at: .now)
    }
    if request.method != .get, request.method != .head, request.method != .options {
      try refuseCrossSite(request, found.caller)
    }
    if found.isStale {
      let sessionID = found.caller.sessionID
      // Nobody waits for this; when it fails the next request tries again.
      market.database.write { transaction in
        try Accounts.touch(transaction, sessionID: sessionID)
      } completion: { _ in
      }
    }
    return Principal(
      id: found.caller.userID, roles: Roles(found.caller.role), detail: found.caller)
  }

  private func refuseCrossSite(_ request: Request, _ caller: Caller) throws(APIError) {
    let token = request.headers[AuthCookies.crossSiteHeader] ?? ""
    guard market.keys.crossSite.isToken(token, of: caller.sessionID) else {
      throw APIError(
        .forbidden,
        "Send the session's token in \(AuthCookies.crossSiteHeader): a cookie alone proves nothing.",
        details: [.init("reason", .string("csrf_token"))])
    }
    guard let origin = request.headers["Origin"], let host = request.headers["Host"],
      AuthCookies.isSame(origin: origin, host: host)
    else {
      throw APIError(
        .forbidden, "The header Origin must name this shop.",
        details: [.init("reason", .string("csrf_origin"))])
    }
  }

  /// Sets the cookies of a session that was just opened by cookie.
  func setCookies(_ reply: inout Reply<SignedIn>, secret: SecretText) {
    guard let token = reply.value?.csrfToken else { return }
    let seconds = Accounts.sessionSeconds
    reply.headers.add(
      "Set-Cookie",
      AuthCookies.line(
        AuthCookies.session, secret.text, seconds: seconds, isSecure: accounts.isSecure))
    reply.headers.add(
      "Set-Cookie",
      AuthCookies.line(
        AuthCookies.crossSite, token, seconds: seconds, isSecure: accounts.isSecure,
        isForScripts: true))
  }

  /// Makes the browser forget its session.
  func clearCookies<Output: Fields>(_ reply: inout Reply<Output>) {
    for name in [AuthCookies.session, AuthCookies.crossSite] {
      reply.headers.add(
        "Set-Cookie", AuthCookies.line(name, "", seconds: 0, isSecure: accounts.isSecure))
    }
  }
}
