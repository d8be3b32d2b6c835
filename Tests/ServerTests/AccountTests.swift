// Accounts over HTTP: each endpoint as a client sees it.

import Bytes
import Marketplace
import RecordStore
import Testing

@testable import Server

@Suite struct AccountTests {
  @Test func anAddressIsProvenAndAPasswordResetByMail() throws {
    let shop = try AccountShop()
    let root = try shop.administrator()
    let ann = try shop.register("ann@example.com")
    #expect(ann["user"]?["isVerified"] == .bool(false))
    let proof = try shop.mailedToken("ann@example.com", root)
    #expect(
      try shop.client.post("/auth/verify-email", #"{"token":"\#(proof)x"}"#).code == "AUTH_1004")
    let verified = try shop.client.post("/auth/verify-email", #"{"token":"\#(proof)"}"#)
    #expect(try verified.status == 200 && verified.json["isVerified"] == .bool(true))
    #expect(try shop.client.post("/auth/verify-email", #"{"token":"\#(proof)"}"#).status == 401)

    let known = try shop.client.post("/auth/forgot-password", #"{"email":"ann@example.com"}"#)
    let unknown = try shop.client.post("/auth/forgot-password", #"{"email":"bob@example.com"}"#)
    #expect(known.status == 202 && known.body == unknown.body)
    let token = try shop.mailedToken("ann@example.com", root)
    func reset(_ password: String) throws -> TestReply {
      try shop.client.post(
        "/auth/reset-password", #"{"token":"\#(token)","password":"\#(password)"}"#)
    }
    #expect(try reset("short").code == "VAL_3001")
    #expect(try reset("another one").status == 200)
    #expect(try reset("a third one").code == "AUTH_1004")
    #expect(try shop.client.get("/auth/me", shop.bearer(ann)).code == "AUTH_1004")
    #expect(try shop.login("ann@example.com").code == "AUTH_1002")
    #expect(try shop.login("ann@example.com", "another one").status == 200)
    try shop.stop()
  }

  @Test func sessionsAreListedAndEnded() throws {
    let shop = try AccountShop()
    let first = shop.bearer(try shop.register("ann@example.com"))
    let second = shop.bearer(try shop.login("ann@example.com").json)
    let third = shop.bearer(try shop.login("ann@example.com").json)
    guard case .array(let rows)? = try shop.client.get("/auth/sessions", first).json["data"] else {
      Issue.record("no sessions")
      return
    }
    #expect(rows.count == 3 && rows.map { $0["isCurrent"] == .bool(true) } == [false, false, true])
    let id = try #require(rows[0]["id"]?.text)
    #expect(try shop.send("DELETE", "/auth/sessions/\(id)", "", first).status == 204)
    #expect(try shop.send("DELETE", "/auth/sessions/\(id)", "", first).status == 404)
    #expect(try shop.client.get("/auth/me", third).status == 401)
    let stranger = shop.bearer(try shop.register("eve@example.com"))
    let other = try #require(rows[1]["id"]?.text)
    #expect(try shop.send("DELETE", "/auth/sessions/\(other)", "", stranger).status == 404)
    let change = #"{"currentPassword":"long enough","newPassword":"longer still"}"#
    #expect(try shop.client.post("/auth/change-password", change, first).status == 200)
    #expect(try shop.client.get("/auth/me", second).status == 401)
    #expect(try shop.client.get("/auth/me", first).status == 200)
    _ = try shop.login("ann@example.com", "longer still")
    #expect(try shop.send("DELETE", "/auth/sessions", "", first).status == 204)
    #expect(try shop.client.post("/auth/logout", "", first).status == 204)
    #expect(try shop.client.get("/auth/me", first).status == 401)
    try shop.stop()
  }

  private func code(_ secret: String, steps: Int64 = 0) -> String {
    TOTP.code(key: Base32.decode(secret) ?? [], step: TOTP.step(at: .now) + steps)
  }

  @Test func aSecondStepIsAskedForOnceItIsConfirmed() throws {
    let shop = try AccountShop()
    let ann = shop.bearer(try shop.register("ann@example.com"))
    #expect(try shop.client.post("/auth/enable-2fa", "{}", ann).code == "VAL_3003")
    #expect(
      try shop.client.post("/auth/enable-2fa", #"{"password":"wrong"}"#, ann).code == "AUTH_1002")
    let setup = try shop.client.post("/auth/enable-2fa", #"{"password":"long enough"}"#, ann).json
    let secret = try #require(setup["secret"]?.text)
    #expect(setup["otpauthUri"]?.text?.contains("secret=\(secret)&issuer=Souk") == true)
    #expect(setup["qrSvg"]?.text?.hasPrefix("<svg ") == true)
    guard case .array(let codes)? = setup["recoveryCodes"] else { return }
    #expect(codes.count == 10)
    // Not yet: nobody has shown that he can read the key.
    #expect(try shop.login("ann@example.com").status == 200)
    func verify(_ code: String, _ more: String = "", _ fields: String = "") throws -> TestReply {
      try shop.client.post("/auth/verify-2fa", #"{"code":"\#(code)"\#(more)}"#, fields)
    }
    #expect(try verify("000000x", "", ann).code == "AUTH_1002")
    #expect(try verify(code(secret)).code == "AUTH_1001")
    #expect(try verify(code(secret, steps: -1), "", ann).status == 200)

    func challenge() throws -> String {
      let refused = try shop.login("ann@example.com")
      #expect(refused.code == "AUTH_1005" && refused.status == 401)
      let token = try refused.json["error"]?["details"]?["challengeToken"]?.text
      return #","challengeToken":"\#(token ?? "")""#
    }
    let asked = try challenge()
    #expect(try verify(code(secret, steps: -1), asked).code == "AUTH_1002")
    let passed = try verify(code(secret), asked)
    #expect(try passed.status == 200 && passed.json["accessToken"]?.text != nil)
    #expect(try verify(code(secret, steps: 1), asked).code == "AUTH_1004")
    // A recovery code works once.
    let recovery = try #require(codes.first?.text)
    #expect(try verify(recovery.uppercased(), try challenge()).status == 200)
    let late = try challenge()
    #expect(try verify(recovery, late).code == "AUTH_1002")
    // Five wrong codes end the challenge, and the account makes everybody wait.
    for _ in 0..<3 { #expect(try verify("111111x", late).code == "AUTH_1002") }
    #expect(try verify("111111x", late).code == "AUTH_1002")
    #expect(try verify("111111x", late).code == "AUTH_1004")
    let waiting = try verify("111111x", try challenge())
    #expect(waiting.code == "SYS_9004" && waiting["Retry-After"] == "1")
    shop.market.signInGuard.succeeded("2fa:" + (try userID(shop)))
    let last = try #require(codes.last?.text)
    let off = #"{"password":"long enough","code":"\#(last)"}"#
    #expect(try shop.client.post("/auth/disable-2fa", off, ann).status == 200)
    #expect(try shop.login("ann@example.com").status == 200)
    try shop.stop()
  }

  private func userID(_ shop: AccountShop) throws -> String {
    let user = try #require(try Accounts.user(shop.records, email: "ann@example.com"))
    return user.id.description
  }

  @Test func anUnknownAddressAndAWrongPasswordAreOneAnswer() throws {
    let shop = try AccountShop()
    _ = try shop.register("ann@example.com")
    func plain(_ reply: TestReply) -> String {
      var text = reply.text
      for name in ["timestamp", "requestId"] {
        guard let start = text.range(of: "\"\(name)\":\"") else { continue }
        let end = text[start.upperBound...].firstIndex(of: "\"") ?? text.endIndex
        text.replaceSubrange(start.upperBound..<end, with: "")
      }
      let fields = reply.headers.filter { !["date", "x-request-id"].contains($0.name) }
      return "\(reply.status) \(fields.map { "\($0.name): \($0.value)" }) \(text)"
    }
    for _ in 0..<(SignInGuard.freeAttempts + 2) {
      let wrong = try shop.login("ann@example.com", "not this one")
      let unknown = try shop.login("bob@example.com", "not this one")
      #expect(plain(wrong) == plain(unknown))
    }
    let limited = try shop.login("ann@example.com")
    #expect(limited.code == "SYS_9004" && limited["Retry-After"] != nil)
    try shop.stop()
  }

  @Test func aCookieWritesOnlyWithItsTokenAndFromThisShop() throws {
    let shop = try AccountShop()
    let reply = try shop.client.post(
      "/auth/register", #"{"email":"ann@example.com","password":"long enough","session":"cookie"}"#)
    #expect(reply.status == 201)
    #expect(try reply.json["accessToken"] == nil && reply.json["refreshToken"] == nil)
    let line = try #require(reply.headers.first { $0.value.hasPrefix("souk_session=") }?.value)
    #expect(line.contains("; HttpOnly") && line.contains("; SameSite=Lax"))
    let secret = try #require(reply.cookie("souk_session"))
    let token = try #require(reply.cookie("souk_csrf"))
    #expect(try reply.json["csrfToken"]?.text == token)
    let cookie = "Cookie: theme=dark; souk_session=\(secret); souk_csrf=\(token)\r\n"
    #expect(try shop.client.get("/auth/me", cookie).status == 200)
    func change(_ fields: String) throws -> TestReply {
      try shop.send("PATCH", "/users/me", #"{"bio":"x"}"#, cookie + fields)
    }
    let good = "X-CSRF-Token: \(token)\r\n"
    let origin = "Origin: http://t\r\n"
    for fields in [
      "", good, origin, good + "Origin: http://evil.example\r\n", good + "Origin: null\r\n",
      good + "Origin: http://t.evil.example\r\n", "X-CSRF-Token: \(token)x\r\n" + origin,
      "X-CSRF-Token: \(secret)\r\n" + origin,
    ] {
      #expect(try change(fields).code == "AUTHZ_2001", "\(fields)")
    }
    #expect(try change(good + origin).status == 200)
    // The secret is no refresh token, and another session's token is no good.
    #expect(
      try shop.client.post("/auth/refresh-token", #"{"refreshToken":"\#(secret)"}"#).status == 401)
    let other = try shop.client.post(
      "/auth/login", #"{"email":"ann@example.com","password":"long enough","session":"cookie"}"#)
    let foreign = try #require(other.cookie("souk_csrf"))
    #expect(try change("X-CSRF-Token: \(foreign)\r\n" + origin).status == 403)
    let out = try shop.send("POST", "/auth/logout", "", cookie + good + origin)
    #expect(out.status == 204 && out.cookie("souk_session") == "")
    #expect(try shop.client.get("/auth/me", cookie).status == 401)
    try shop.stop()
  }

  @Test func profileAddressesAndPreferencesAreKept() throws {
    let shop = try AccountShop()
    let ann = shop.bearer(try shop.register("ann@example.com"))
    let eve = shop.bearer(try shop.register("eve@example.com"))
    let home = #"{"street":"1 Mill Lane","city":"Barre","zipCode":"05641","country":"US"}"#
    let made = try shop.client.post("/users/me/addresses", home, ann)
    let id = try #require(try made.json["id"]?.text)
    #expect(try made.status == 201 && made.json["isDefault"] == .bool(true))
    #expect(try shop.client.get("/users/me/addresses/\(id)", eve).status == 404)
    #expect(try shop.send("DELETE", "/users/me/addresses/\(id)", "", eve).status == 404)
    let billing = home.dropLast() + #","type":"billing"}"#
    #expect(
      try shop.send("PUT", "/users/me/addresses/\(id)", String(billing), ann).json["type"]
        == .string("billing"))
    #expect(try shop.send("DELETE", "/users/me/addresses/\(id)", "", ann).status == 204)
    let wanted = #"{"language":"pt-BR","currency":"BRL","theme":"dark"}"#
    #expect(try shop.send("PUT", "/users/me/preferences", wanted, ann).status == 200)
    #expect(
      try shop.client.get("/users/me/preferences", ann).json["language"] == .string("pt-BR"))
    #expect(
      try shop.send("PUT", "/users/me/preferences", #"{"language":"?"}"#, ann).code == "VAL_3001")
    for bad in [#"{"phone":"12"}"#, #"{"avatar":"javascript:alert(1)"}"#, #"{"avatar":"//x.y/z"}"#]
    {
      #expect(try shop.send("PATCH", "/users/me", bad, ann).code == "VAL_3001", "\(bad)")
    }
    let profile = try shop.send("PATCH", "/users/me", #"{"phone":"+4930123456"}"#, ann)
    #expect(try profile.json["phone"] == .string("+4930123456"))
    try shop.stop()
  }

  @Test func administratorsChangeRolesAndTheTrailTellsIt() throws {
    let shop = try AccountShop()
    let root = try shop.administrator()
    let signedIn = try shop.register("ann@example.com")
    let ann = shop.bearer(signedIn)
    let id = try #require(signedIn["user"]?["id"]?.text)
    #expect(try shop.client.get("/admin/users", ann).code == "AUTHZ_2002")
    let users = try shop.client.get("/admin/users?role=buyer&q=ANN", root).json
    guard case .array(let found)? = users["data"] else { return }
    #expect(found.count == 1)
    #expect(
      try shop.send("PUT", "/admin/users/\(id)/role", #"{"role":"seller"}"#, root).status == 200)
    #expect(try shop.client.get("/auth/me", ann).status == 401)
    let again = shop.bearer(try shop.login("ann@example.com").json)
    #expect(try shop.client.post("/admin/users/\(id)/disable", "", root).status == 200)
    #expect(try shop.client.get("/auth/me", again).status == 401)
    #expect(try shop.login("ann@example.com").code == "AUTHZ_2001")
    #expect(try shop.client.post("/admin/users/\(id)/enable", "", root).status == 200)
    #expect(try shop.login("ann@example.com").status == 200)
    func trail(_ query: String) throws -> [String] {
      let page = try shop.client.get("/admin/audit?\(query)", root).json
      guard case .array(let rows)? = page["data"] else { return [] }
      return rows.compactMap { $0["operation"]?.text }
    }
    #expect(
      try trail("limit=100") == [
        "login", "enableUser", "disableUser", "login", "setUserRole", "register", "login",
      ])
    #expect(try trail("userId=\(id)") == ["login", "login", "register"])
    #expect(try trail("operation=setUserRole").count == 1)
    // Pages neither repeat nor skip.
    var seen: [String] = []
    var cursor = ""
    repeat {
      let page = try shop.client.get("/admin/audit?limit=2\(cursor)", root).json
      guard case .array(let rows)? = page["data"] else { break }
      seen += rows.compactMap { $0["id"]?.text }
      cursor = page["nextCursor"]?.text.map { "&cursor=\($0)" } ?? ""
    } while !cursor.isEmpty
    #expect(seen.count == 7 && Set(seen).count == 7)
    #expect(try shop.client.get("/admin/audit?cursor=AAAA", root).code == "VAL_3002")
    try shop.stop()
  }
}
