// Routes of signing in with a provider.
//
//   GET /auth/oauth/{provider}            302 to the provider; a cookie ties the answer to the browser
//   GET /auth/oauth/{provider}/callback   the code becomes an identity, the identity a session
//
// Invariants
// 1. A state works once, for its provider, within ten minutes, in the browser that began (the cookie):
//    nobody is signed in to an account that somebody else chose for him.
// 2. The code is exchanged with a verifier that only this server can tell (PKCE, S256).
// 3. Two-step sign-in is asked for here as well.

import Bytes
import Marketplace
import RecordStore

extension MarketplaceServer {
  private static let returnPathBytesMax = 500

  var providerRoutes: RouteGroup {
    RouteGroup("Accounts") {
      routeLater(
        .get, "/auth/oauth/{provider}", "beginProviderSignIn",
        "Go to a provider (google, facebook; test with --dev) to sign in there. Who is signed in "
          + "already links the provider's account to his own.",
        query: [
          QueryParameter("session", .oneOf(SessionKind.allCases.map(\.rawValue)), "How to stay."),
          QueryParameter(
            "redirectTo", .text, "With session=cookie: the path of this shop to end at."),
        ], output: Nothing.self, status: 302,
        errors: [.notFound, .invalidInput, .serviceUnavailable], beginProvider)
      routeLater(
        .get, "/auth/oauth/{provider}/callback", "finishProviderSignIn",
        "Where the provider sends the browser back to.",
        query: [
          QueryParameter("code"), QueryParameter("state"),
          QueryParameter("error", .text, "Why the provider refuses."),
        ], output: SignedIn.self,
        errors: [
          .notFound, .invalidToken, .invalidCredentials, .twoFactorRequired, .conflict,
          .forbidden, .serviceUnavailable,
        ], on: .pool, finishProvider)
    }
  }

  private func redirectURI(_ provider: String) -> String {
    "\(accounts.baseURL)/api/v1/auth/oauth/\(provider)/callback"
  }

  @Sendable
  private func beginProvider(_ context: Context<Nothing>, _ answer: Answer<Nothing>) throws {
    let provider = try telling {
      try accounts.providers.named(context.path("provider"), baseURL: accounts.baseURL)
    }
    let path = context.query("redirectTo") ?? ""
    guard path.isEmpty || Self.isOwnPath(path) else {
      throw APIError(issues: [
        FieldIssue(
          path: "?redirectTo", rule: "format", message: "must be a path of this shop, such as /cart"
        )
      ])
    }
    let wantsCookie = context.query("session") == SessionKind.cookie.rawValue
    let linkTo = (context.principal?.detail as? Caller)?.userID ?? .zero
    let state = SecretText()
    let verifier = market.keys.codeVerifier(state: state.text)
    let challenge = Base64URL.encode(Crypto.sha256(Array(verifier.utf8)))
    let url = provider.authorizationURL(
      state: state.text, challenge: challenge, redirectURI: redirectURI(provider.name))
    write(context, answer) { transaction in
      try OneTimeTokens.issue(
        transaction, state, .oauthState, userID: linkTo, subject: provider.name
      ) { token in
        token.wantsCookie = wantsCookie
        token.returnPath = path
      }
      var reply = Reply<Nothing>(status: 302, value: nil, headers: ["Location": url])
      reply.headers.add(
        "Set-Cookie",
        AuthCookies.line(
          AuthCookies.state, state.text, seconds: TokenPurpose.oauthState.lifetimeSeconds,
          isSecure: accounts.isSecure))
      return reply
    }
  }

  /// A path that a browser cannot take for another host.
  static func isOwnPath(_ path: String) -> Bool {
    path.utf8.count <= returnPathBytesMax && path.hasPrefix("/") && !path.hasPrefix("//")
      && path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") }
  }

  @Sendable
  private func finishProvider(_ context: Context<Nothing>, _ answer: Answer<SignedIn>) throws {
    let provider = try telling {
      try accounts.providers.named(context.path("provider"), baseURL: accounts.baseURL)
    }
    let state = context.query("state") ?? ""
    let kept = AuthCookies.value(AuthCookies.state, of: context.request) ?? ""
    guard !state.isEmpty, Crypto.isEqual(Array(state.utf8), Array(kept.utf8)) else {
      throw APIError(
        .invalidToken, "This sign-in was not begun in this browser. Begin again.")
    }
    // Used up before the provider is asked, so that one code is exchanged once.
    let token = try telling {
      try market.database.writeBlocking(requestID: context.commitRequestID) { transaction in
        try OneTimeTokens.take(transaction, text: state, [.oauthState])
      }.value
    }
    guard token.subject == provider.name else { throw APIError(OneTimeTokens.refused) }
    guard let code = context.query("code"), context.query("error") == nil else {
      throw APIError(.invalidCredentials, "\(provider.name) did not let you in. Begin again.")
    }
    let identity = try telling {
      try provider.identity(
        code: code, verifier: market.keys.codeVerifier(state: state),
        redirectURI: redirectURI(provider.name))
    }
    let (secret, challenge) = (SecretText(), SecretText())
    decide(context, answer) { transaction in
      let user = try ProviderAccounts.user(transaction, identity, linkTo: token.userID)
      let outcome = try signIn(
        transaction, user, secret, challenge, context, token.wantsCookie ? .cookie : .token)
      guard case .reply(var reply) = outcome else { return outcome }
      reply.headers.add(
        "Set-Cookie",
        AuthCookies.line(AuthCookies.state, "", seconds: 0, isSecure: accounts.isSecure))
      if token.wantsCookie, !token.returnPath.isEmpty {
        reply.status = 303
        reply.value = nil
        reply.headers["Location"] = token.returnPath
      }
      return .reply(reply)
    }
  }
}
