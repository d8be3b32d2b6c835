// AuthProviders: whom people can sign in with. A provider is a value of `OAuthProvider`, or any other
// type that keeps the promises of `IdentityProvider`; the next one is one more case here.

import Bytes
import Marketplace

/// Somebody else who knows who a person is (OAuth 2.0 with PKCE, RFC 6749 and 7636).
protocol IdentityProvider: Sendable {
  var name: String { get }
  /// Where a browser is sent.
  ///
  /// - Parameter challenge: SHA-256 of the verifier, base64url.
  func authorizationURL(state: String, challenge: String, redirectURI: String) -> String
  /// Who it is, for the code that came back. Blocks.
  func identity(
    code: String, verifier: String, redirectURI: String
  ) throws(MarketError) -> ProviderIdentity
}

/// The providers by name.
struct IdentityProviders: Sendable {
  static let names = ["facebook", "google", "test"]
  private let options: AccountOptions

  init(_ options: AccountOptions) { self.options = options }

  /// The provider of this name. Throws RES_4001 for an unknown one, SYS_9002 with what is missing for
  /// one that is not set up.
  ///
  /// - Parameter baseURL: of this shop, where the test provider is.
  func named(_ name: String, baseURL: String) throws(MarketError) -> any IdentityProvider {
    switch name {
    case "google":
      return try configured(
        OAuthProvider(
          name: name, authorize: "https://accounts.google.com/o/oauth2/v2/auth",
          token: "https://oauth2.googleapis.com/token",
          userInfo: "https://openidconnect.googleapis.com/v1/userinfo",
          scope: "openid email profile", credentials: options.providers[name]))
    case "facebook":
      return try configured(
        OAuthProvider(
          name: name, authorize: "https://www.facebook.com/v21.0/dialog/oauth",
          token: "https://graph.facebook.com/v21.0/oauth/access_token",
          userInfo: "https://graph.facebook.com/me?fields=id,email,first_name,last_name",
          scope: "email public_profile", credentials: options.providers[name]))
    case "test" where options.isDevelopment:
      return try configured(
        OAuthProvider(
          name: name, authorize: baseURL + TestIdentityProvider.prefix + "/authorize",
          token: baseURL + TestIdentityProvider.prefix + "/token",
          userInfo: baseURL + TestIdentityProvider.prefix + "/userinfo",
          scope: "openid email profile",
          credentials: ProviderCredentials(clientID: "souk", clientSecret: "test")))
    default: throw .notFound("provider")
    }
  }

  private func configured(_ provider: OAuthProvider) throws(MarketError) -> OAuthProvider {
    let details = JSONValue.object([.init("provider", .string(provider.name))])
    guard provider.credentials != nil else {
      throw MarketError(
        .serviceUnavailable,
        "Signing in with \(provider.name) is not set up: the server has no client id and secret.",
        details: details)
    }
    guard OutgoingHTTP.canReach(provider.token), OutgoingHTTP.canReach(provider.userInfo) else {
      throw MarketError(
        .serviceUnavailable,
        "Signing in with \(provider.name) needs outgoing HTTPS, which this server does not have yet.",
        details: details)
    }
    return provider
  }
}

/// OpenID Connect, and what is like it.
struct OAuthProvider: IdentityProvider {
  let name: String
  let authorize: String
  let token: String
  let userInfo: String
  let scope: String
  let credentials: ProviderCredentials?

  func authorizationURL(state: String, challenge: String, redirectURI: String) -> String {
    authorize + "?"
      + Form.encode([
        ("response_type", "code"), ("client_id", credentials?.clientID ?? ""),
        ("redirect_uri", redirectURI), ("scope", scope), ("state", state),
        ("code_challenge", challenge), ("code_challenge_method", "S256"),
      ])
  }

  func identity(
    code: String, verifier: String, redirectURI: String
  ) throws(MarketError) -> ProviderIdentity {
    let form = Form.encode([
      ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirectURI),
      ("client_id", credentials?.clientID ?? ""),
      ("client_secret", credentials?.clientSecret ?? ""), ("code_verifier", verifier),
    ])
    let answer = try ask(
      OutgoingRequest(
        method: .post, url: token,
        headers: [
          ("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json"),
        ], body: Array(form.utf8)))
    guard let accessToken = answer["access_token"]?.text, Mails.isOneLine(accessToken) else {
      throw refused
    }
    let claims = try ask(
      OutgoingRequest(
        url: userInfo,
        headers: [("Authorization", "Bearer \(accessToken)"), ("Accept", "application/json")]))
    return try identity(claims)
  }

  /// Reads what a provider says: the names of OpenID Connect, or those of Facebook, which never says
  /// that an address is verified.
  func identity(_ claims: JSONValue) throws(MarketError) -> ProviderIdentity {
    guard let subject = claims["sub"]?.text ?? claims["id"]?.text, !subject.isEmpty else {
      throw refused
    }
    let isVerified = claims["email_verified"]
    return ProviderIdentity(
      provider: name, subject: subject, email: claims["email"]?.text ?? "",
      isEmailVerified: isVerified == .bool(true) || isVerified?.text == "true",
      firstName: Self.name(claims["given_name"] ?? claims["first_name"]),
      lastName: Self.name(claims["family_name"] ?? claims["last_name"]))
  }

  /// As long as a name may be here.
  private static func name(_ value: JSONValue?) -> String {
    String(String.UnicodeScalarView((value?.text ?? "").unicodeScalars.prefix(100)))
  }

  private var refused: MarketError {
    MarketError(.invalidCredentials, "\(name) did not confirm who you are. Begin again.")
  }

  private func ask(_ request: OutgoingRequest) throws(MarketError) -> JSONValue {
    let response: OutgoingResponse
    do throws(OutgoingError) {
      response = try OutgoingHTTP.send(request)
    } catch {
      throw MarketError(.serviceUnavailable, "\(name) cannot be reached at the moment.")
    }
    guard response.status == 200 else { throw refused }
    do throws(JSONError) {
      return try JSONValue(parsing: response.body)
    } catch {
      throw refused
    }
  }
}

/// application/x-www-form-urlencoded.
enum Form {
  static func encode(_ pairs: [(String, String)]) -> String {
    pairs.map { TOTP.percentEncoded($0.0) + "=" + TOTP.percentEncoded($0.1) }
      .joined(separator: "&")
  }

  /// Nil when it is malformed.
  static func decode(_ bytes: [UInt8]) -> QueryParameters? {
    bytes.withUnsafeBufferPointer { QueryParameters($0) }
  }
}
