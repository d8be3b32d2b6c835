// Signing in with a provider: the whole way through the test provider, and every way it must not go.

import Bytes
import Marketplace
import RecordStore
import Testing

@testable import Server

@Suite struct AccountProviderTests {
  private static func shop() throws -> AccountShop {
    var options = AccountOptions()
    options.isDevelopment = true
    options.providers["google"] = ProviderCredentials(clientID: "id", clientSecret: "secret")
    return try AccountShop(options)
  }

  private struct Begun {
    var authorize: String
    var cookie: String
  }

  private func path(_ url: String) -> String {
    url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true).last.map { "/" + $0 }
      ?? ""
  }

  private func begin(
    _ shop: AccountShop, _ query: String = "", _ fields: String = ""
  ) throws -> Begun {
    let reply = try shop.client.get("/auth/oauth/test\(query)", fields)
    #expect(reply.status == 302)
    let state = try #require(reply.cookie("souk_oauth"))
    let location = try #require(reply["Location"])
    #expect(location.contains("code_challenge_method=S256"))
    return Begun(authorize: path(location), cookie: "Cookie: souk_oauth=\(state)\r\n")
  }

  /// The path of the callback that the provider sends the browser to.
  private func approve(
    _ shop: AccountShop, _ begun: Begun, _ email: String, isVerified: Bool = true
  ) throws -> String {
    let page = try shop.client.get(begun.authorize)
    #expect(page.status == 200 && page.text.contains("<form action=\"/dev/identity/approve\""))
    let approve = begun.authorize.replacing("/authorize?", with: "/approve?", maxReplacements: 1)
    let reply = try shop.client.get("\(approve)&email=\(email)&verified=\(isVerified)")
    #expect(reply.status == 302)
    return path(try #require(reply["Location"]))
  }

  @Test func aNewcomerIsSignedInAndComesBackAsTheSame() throws {
    let shop = try Self.shop()
    let begun = try begin(shop)
    let callback = try approve(shop, begun, "ann@example.com")
    #expect(try shop.client.get(callback).code == "AUTH_1004")
    #expect(try shop.client.get(callback, "Cookie: souk_oauth=AAAA\r\n").code == "AUTH_1004")
    let signedIn = try shop.client.get(callback, begun.cookie)
    #expect(signedIn.status == 200)
    let ann = try signedIn.json
    #expect(ann["user"]?["isVerified"] == .bool(true))
    #expect(try shop.client.get("/auth/me", shop.bearer(ann)).status == 200)
    // A state works once.
    #expect(try shop.client.get(callback, begun.cookie).code == "AUTH_1004")
    let again = try begin(shop, "?session=cookie&redirectTo=/account/orders")
    let back = try shop.client.get(
      try approve(shop, again, "ann@example.com"), again.cookie)
    #expect(back.status == 303 && back["Location"] == "/account/orders")
    let session = try #require(back.cookie("souk_session"))
    let me = try shop.client.get("/auth/me", "Cookie: souk_session=\(session)\r\n").json
    #expect(me["id"] == ann["user"]?["id"])
    for place in ["//evil.example", "https://evil.example", "/%5Cevil.example", "cart"] {
      #expect(try shop.client.get("/auth/oauth/test?redirectTo=\(place)").code == "VAL_3001")
    }
    try shop.stop()
  }

  @Test func anUnprovenAddressIsNeverLinked() throws {
    let shop = try Self.shop()
    let ann = shop.bearer(try shop.register("ann@example.com"))
    for isVerified in [true, false] {
      let begun = try begin(shop)
      let callback = try approve(shop, begun, "ann@example.com", isVerified: isVerified)
      #expect(try shop.client.get(callback, begun.cookie).code == "RES_4003")
    }
    // Who is signed in links his own account, whatever its address.
    let begun = try begin(shop, "", ann)
    let callback = try approve(shop, begun, "elsewhere@example.com", isVerified: false)
    let linked = try shop.client.get(callback, begun.cookie)
    #expect(try linked.json["user"]?["email"] == .string("ann@example.com"))
    try shop.stop()
  }

  @Test func theProviderChecksWhatItMust() throws {
    let shop = try Self.shop()
    let begun = try begin(shop)
    let elsewhere = begun.authorize.replacing("callback", with: "evil", maxReplacements: 1)
    #expect(try shop.client.get(elsewhere).code == "VAL_3001")
    let callback = try approve(shop, begun, "ann@example.com")
    let code = callback.split(separator: "code=").last?.prefix { $0 != "&" } ?? ""
    let form =
      "grant_type=authorization_code&client_id=souk&client_secret=test&code=\(code)"
      + "&code_verifier=\(String(repeating: "a", count: 43))"
    shop.client.send(
      "POST /dev/identity/token HTTP/1.1\r\nHost: t\r\nContent-Type: "
        + "application/x-www-form-urlencoded\r\nContent-Length: \(form.utf8.count)\r\n\r\n\(form)")
    #expect(try shop.client.reply().code == "VAL_3002")
    // The code is spent by that, so that who stole it has not won.
    #expect(try shop.client.get(callback, begun.cookie).code == "AUTH_1002")
    try shop.stop()
  }

  @Test func whatIsNotSetUpSaysSo() throws {
    let shop = try Self.shop()
    let google = try shop.client.get("/auth/oauth/google")
    #expect(google.code == "SYS_9002" && google.text.contains("HTTPS"))
    let facebook = try shop.client.get("/auth/oauth/facebook")
    #expect(facebook.code == "SYS_9002" && facebook.text.contains("client id"))
    #expect(try shop.client.get("/auth/oauth/nobody").code == "RES_4001")
    try shop.stop()
    let plain = try AccountShop()
    #expect(try plain.client.get("/auth/oauth/test").code == "RES_4001")
    #expect(try plain.client.get("/dev/identity/authorize").status == 404)
    try plain.stop()
  }
}
