// Routes of the set-up: the page behind the link that the first start prints, on which the first
// administrator is made. Both are gone as soon as there is an administrator.
//
// The page is a plain form: no script, and a secret in the link that only the operator has seen.

import Bytes
import Database
import Marketplace
import RecordStore

extension MarketplaceServer {
  static let setupPath = "/setup"
  private static let formBytesMax = 4096

  /// The link's path with its secret; nil when there is an administrator.
  public func setupLink() throws -> String? {
    guard try !Accounts.hasAdministrator(market.database.snapshot().records) else { return nil }
    return "\(Self.setupPath)?token=\(Base64URL.encode(try setupSecret()))"
  }

  private func setupSecret() throws(DatabaseError) -> [UInt8] {
    try market.database.secret(named: "setup-token", byteCount: 32)
  }

  var setupRoutes: RouteGroup {
    RouteGroup("Set-up") {
      routeBytes(
        .get, Self.setupPath, "setupPage", "The form that makes the first administrator.",
        query: [QueryParameter("token", required: true, "From the link of the first start.")],
        output: .bytes("text/html"), errors: [.notFound], on: .pool
      ) { context, responder in
        try checkSetup(context.query("token") ?? "")
        responder.answer(Self.page(Self.form(token: context.query("token") ?? "", error: nil)))
      }
      routeBytes(
        .post, Self.setupPath, "setup", "Make the first administrator, from the form's fields.",
        accepts: ["application/x-www-form-urlencoded"], output: .bytes("text/html"),
        errors: [.notFound, .validation], bodyBytesMax: Self.formBytesMax, on: .pool, makeFirst)
    }
  }

  /// 404 for a wrong secret and when there is an administrator: the page is not there then.
  private func checkSetup(_ token: String) throws {
    let isRight = Crypto.isEqual(Base64URL.decode(token) ?? [], try setupSecret())
    guard isRight, try !Accounts.hasAdministrator(market.database.snapshot().records) else {
      throw APIError(.notFound, "The set-up is done, or the link is not the one that was printed.")
    }
  }

  @Sendable
  private func makeFirst(_ context: Context<Nothing>, _ responder: Responder) throws {
    let fields = FormFields(context.request.body)
    let token = fields["token"] ?? ""
    try checkSetup(token)
    var request = RegisterRequest()
    request.email = fields["email"] ?? ""
    request.password = fields["password"] ?? ""
    request.role = .admin
    do {
      // The same checks as a body of the API gets.
      _ = try FieldJSON.decode(RegisterRequest.self, from: FieldJSON.encode(request))
      try PasswordHasher.check(request.password, path: "/password")
    } catch {
      let message =
        switch error {
        case FieldError.invalid(let issues):
          issues.map { "\($0.path.dropFirst()) \($0.message)" }.joined(separator: "; ")
        case let error as MarketError: error.message
        default: "The form cannot be read."
        }
      var page = Self.page(Self.form(token: token, error: message))
      page.status = 400
      return responder.answer(page)
    }
    let ready = request
    passwords.hash(request.password) { result in
      switch result {
      case .failure(let error): responder.answer(APIError.telling(error))
      case .success(let hash):
        market.database.write(requestID: context.commitRequestID) { transaction in
          // Two forms at once make one administrator.
          guard try !Accounts.hasAdministrator(transaction) else {
            throw MarketError.notFound("set-up")
          }
          _ = try Accounts.create(transaction, ready, passwordHash: hash)
        } completion: { result in
          switch result {
          case .failure(let error): responder.answer(APIError.telling(error))
          case .success:
            responder.answer(
              Self.page(
                "<h1>Done</h1><p>\(HTML.escaped(ready.email)) is the administrator. Sign in with "
                  + "<code>POST /auth/login</code>; <a href=\"/docs\">the documentation</a> shows "
                  + "how.</p>"))
          }
        }
      }
    }
  }

  private static func form(token: String, error: String?) -> String {
    """
    <h1>Make the first administrator</h1>
    \(error.map { "<p role=\"alert\">\(HTML.escaped($0))</p>" } ?? "")
    <form method="post" action="\(setupPath)">
    <input type="hidden" name="token" value="\(HTML.escaped(token))">
    <p><label>E-mail address<br><input type="email" name="email" required maxlength="254" \
    autocomplete="username"></label></p>
    <p><label>Password, 8 to 72 bytes<br><input type="password" name="password" required \
    minlength="8" maxlength="72" autocomplete="new-password"></label></p>
    <p><button type="submit">Make the administrator</button></p>
    </form>
    """
  }

  private static func page(_ body: String) -> Response {
    var response = Response(status: 200)
    response.contentType = "text/html; charset=utf-8"
    response.isPrivate = true
    response.headers["Content-Security-Policy"] =
      "default-src 'none'; style-src 'sha256-\(styleHash)'; form-action 'self'; "
      + "frame-ancestors 'none'; base-uri 'none'"
    response.body = Array(
      """
      <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Souk set-up</title>
      <meta name="viewport" content="width=device-width"><style>\(style)</style></head>
      <body><main>\(body)</main></body></html>
      """.utf8)
    return response
  }

  private static let style = """
    :root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0}\
    main{max-width:26rem;margin:10vh auto;padding:0 1rem}input{font:inherit;width:100%;\
    box-sizing:border-box;padding:.5rem}button{font:inherit;padding:.5rem 1rem}\
    [role=alert]{border-left:4px solid #c33;padding-left:.75rem}
    """
  /// In base64 with padding, as a policy names it.
  private static let styleHash =
    String(
      Base64URL.encode(Crypto.sha256(Array(style.utf8))).map { character in
        switch character {
        case "-": "+"
        case "_": "/"
        default: character
        }
      }) + "="
}

/// The fields of a form's body (URL Standard, section 5.1): the last of each name.
struct FormFields {
  private var values: [String: String] = [:]

  init(_ body: [UInt8]) {
    for pair in body.split(separator: UInt8(ascii: "&")) {
      let halves = pair.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      values[Self.decoded(halves[0])] = halves.count == 2 ? Self.decoded(halves[1]) : ""
    }
  }

  subscript(name: String) -> String? { values[name] }

  private static func decoded(_ bytes: ArraySlice<UInt8>) -> String {
    var result: [UInt8] = []
    var rest = bytes
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "+") {
        result.append(0x20)
      } else if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        result.append(value)
        rest = rest.dropFirst(2)
      } else {
        result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
