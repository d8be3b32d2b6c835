// AuthTestProvider: an identity provider for development, under `/dev/identity`: a page on which
// everybody may say who he is, and the two endpoints behind it. It checks what a real one checks
// (redirect address, PKCE, single use), so that a client that works here is a right client.
//
// There only with `AccountOptions.isDevelopment`: it lets everybody be anybody.

import Bytes
import Marketplace
import Synchronization

final class TestIdentityProvider: Sendable {
  static let prefix = "/dev/identity"
  private static let entriesMax = 1000

  private struct Grant {
    var challenge: String
    var redirectURI: String
    var claims: [(String, JSONValue)]
  }

  private struct State {
    var codes: [String: Grant] = [:]
    var tokens: [String: [(String, JSONValue)]] = [:]
  }

  private let state = Mutex(State())

  func routes(_ accounts: AccountServices) -> RouteGroup {
    RouteGroup("Test identity provider") {
      routeBytes(
        .get, Self.prefix + "/authorize", "testAuthorize", "The page that asks who you are.",
        query: Self.parameters, output: .bytes("text/html"), errors: [.invalidInput]
      ) { context, responder in
        try Self.check(context, accounts)
        responder.answer(Self.page(context))
      }
      routeBytes(
        .get, Self.prefix + "/approve", "testApprove", "What the page sends.",
        query: Self.parameters + [
          QueryParameter("email", .text, required: true), QueryParameter("sub"),
          QueryParameter("verified"), QueryParameter("name"),
        ], output: .none, status: 302, errors: [.invalidInput]
      ) { [self] context, responder in
        try Self.check(context, accounts)
        responder.answer(approve(context))
      }
      routeBytes(
        .post, Self.prefix + "/token", "testToken", "Exchanges a code.",
        accepts: ["application/x-www-form-urlencoded"], errors: [.invalidInput],
        bodyBytesMax: 16 << 10
      ) { [self] context, responder in
        responder.answer(try token(context.request.body))
      }
      routeBytes(
        .get, Self.prefix + "/userinfo", "testUserInfo", "Says who a token is of.",
        errors: [.invalidToken]
      ) { [self] context, responder in
        responder.answer(try userInfo(context.request.headers["Authorization"] ?? ""))
      }
    }
  }

  private static let parameters = [
    QueryParameter("response_type", .oneOf(["code"]), required: true),
    QueryParameter("client_id", .oneOf(["souk"]), required: true),
    QueryParameter("redirect_uri", .text, required: true),
    QueryParameter("scope"),
    QueryParameter("state", .text, required: true),
    QueryParameter("code_challenge", .text, required: true),
    QueryParameter("code_challenge_method", .oneOf(["S256"]), required: true),
  ]

  /// Only this shop's own callback is a place to send anybody.
  private static func check(
    _ context: Context<Nothing>, _ accounts: AccountServices
  ) throws(APIError) {
    let expected = "\(accounts.baseURL)/api/v1/auth/oauth/test/callback"
    guard context.query("redirect_uri") == expected else {
      throw APIError(issues: [
        FieldIssue(path: "?redirect_uri", rule: "format", message: "is not the registered address")
      ])
    }
  }

  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  private static func page(_ context: Context<Nothing>) -> Response {
    let hidden = parameters.compactMap { parameter in
      context.query(parameter.name).map {
        "<input type=\"hidden\" name=\"\(parameter.name)\" value=\"\(escaped($0))\">"
      }
    }
    return .html(
      """
      <!doctype html><html lang="en"><meta charset="utf-8"><title>Test identity provider</title>
      <h1>Who do you want to be?</h1>
      <form action="\(prefix)/approve" method="get">\(hidden.joined())
      <p><label>E-mail address <input name="email" type="email" required></label>
      <p><label>Name <input name="name"></label>
      <p><label><input type="checkbox" name="verified" value="true" checked> The address is verified
      </label><p><button>Sign in</button></form></html>
      """)
  }

  private func approve(_ context: Context<Nothing>) -> Response {
    let email = context.query("email") ?? ""
    let names = (context.query("name") ?? "").split(separator: " ", maxSplits: 1)
    let grant = Grant(
      challenge: context.query("code_challenge") ?? "",
      redirectURI: context.query("redirect_uri") ?? "",
      claims: [
        ("sub", .string(context.query("sub") ?? email)), ("email", .string(email)),
        ("email_verified", .bool(context.query("verified") == "true")),
        ("given_name", .string(String(names.first ?? ""))),
        ("family_name", .string(names.count > 1 ? String(names[1]) : "")),
      ])
    let code = SecretText().text
    state.withLock { state in
      if state.codes.count >= Self.entriesMax { state.codes = [:] }
      state.codes[code] = grant
    }
    let answer = Form.encode([("code", code), ("state", context.query("state") ?? "")])
    return Response(status: 302, headers: ["Location": "\(grant.redirectURI)?\(answer)"])
  }

  private func token(_ body: [UInt8]) throws(APIError) -> Response {
    let refused = APIError(.invalidInput, "The code is not valid.")
    guard let form = Form.decode(body), let code = form["code"],
      let grant = state.withLock({ $0.codes.removeValue(forKey: code) }),
      form["grant_type"] == "authorization_code", form["client_id"] == "souk",
      form["client_secret"] == "test", form["redirect_uri"] == grant.redirectURI,
      let verifier = form["code_verifier"], (43...128).contains(verifier.utf8.count),
      Base64URL.encode(Crypto.sha256(Array(verifier.utf8))) == grant.challenge
    else { throw refused }
    let token = SecretText().text
    state.withLock { state in
      if state.tokens.count >= Self.entriesMax { state.tokens = [:] }
      state.tokens[token] = grant.claims
    }
    return Self.json([("access_token", .string(token)), ("token_type", .string("Bearer"))])
  }

  private func userInfo(_ authorization: String) throws(APIError) -> Response {
    let token = String(authorization.dropFirst("Bearer ".count))
    guard let claims = state.withLock({ $0.tokens[token] }) else {
      throw APIError(.invalidToken, "There is no such token.")
    }
    return Self.json(claims)
  }

  private static func json(_ members: [(String, JSONValue)]) -> Response {
    var response = Response.json(
      JSONValue.object(members.map { JSONValue.Member($0.0, $0.1) }).bytes)
    response.headers["Cache-Control"] = "no-store"
    return response
  }
}
