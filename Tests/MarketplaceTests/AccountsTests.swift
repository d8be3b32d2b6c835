// Accounts: passwords, access tokens, sessions.

import Bytes
import Marketplace
import RecordStore
import Testing

@Test func bcryptAnswersItsKnownVector() {
  // From the test vectors of OpenBSD's and Openwall's bcrypt.
  let hasher = PasswordHasher(cost: 5)
  let hash = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
  #expect(hasher.verify("U*U", against: hash))
  #expect(!hasher.verify("U*V", against: hash))
  #expect(!hasher.verify("U*U", against: nil))
  #expect(!hasher.verify("U*U", against: ""))
}

@Test func aPasswordVerifiesAgainstItsOwnHashOnly() throws {
  let hasher = PasswordHasher(cost: 4)
  let first = try hasher.hash("correct horse")
  let second = try hasher.hash("correct horse")
  #expect(first != second && first.hasPrefix("$2b$04$") && first.utf8.count == 60)
  #expect(hasher.verify("correct horse", against: first))
  #expect(hasher.verify("correct horse", against: second))
  #expect(!hasher.verify("correct horsf", against: first))
  // Shares its first 72 bytes with a password that was hashed.
  let longest = String(repeating: "a", count: 72)
  #expect(!hasher.verify(longest + "b", against: try hasher.hash(longest)))
}

@Test func passwordsOutside8To72BytesAreRefused() {
  let hasher = PasswordHasher(cost: 4)
  for password in ["short12", String(repeating: "é", count: 37), "with\u{0}zero"] {
    let error = refusal { _ = try hasher.hash(password) }
    #expect(error?.code == .validation)
  }
}

private let key32 = (0..<32).map { UInt8($0) }

private func claims() -> AccessClaims {
  var claims = AccessClaims()
  claims.sub = UUIDv7(high: 1, low: 2)
  claims.email = "a@example.com"
  claims.role = .seller
  claims.iat = 1000
  claims.exp = 1900
  claims.jti = UUIDv7(high: 3, low: 4)
  claims.sessionID = UUIDv7(high: 5, low: 6)
  return claims
}

@Test func anAccessTokenSaysWhatWasSigned() throws {
  let tokens = AccessTokens(key: key32)
  let token = tokens.sign(claims())
  #expect(try tokens.verify(token, at: Timestamp(microseconds: 1_899_999_999)) == claims())
  let late = refusal { _ = try tokens.verify(token, at: Timestamp(microseconds: 1_900_000_000)) }
  #expect(late?.code == .tokenExpired)
}

@Test func noChangedTokenVerifies() throws {
  let tokens = AccessTokens(key: key32)
  let token = tokens.sign(claims())
  let parts = token.split(separator: ".").map(String.init)
  let time = Timestamp(microseconds: 1_100_000_000)
  var forged = claims()
  forged.role = .admin
  let payload = Base64URL.encode(FieldJSON.encode(forged))
  let none = Base64URL.encode(Array(#"{"alg":"none"}"#.utf8))
  let other = Base64URL.encode(Array(#"{"alg":"HS384","typ":"JWT"}"#.utf8))
  var cases = [
    "", "..", token + ".", parts[0] + "." + payload + "." + parts[2], none + "." + payload + ".",
    none + "." + parts[1] + "." + parts[2], other + "." + parts[1] + "." + parts[2],
    AccessTokens(key: key32.reversed()).sign(claims()), String(repeating: "a", count: 5000),
  ]
  for position in token.indices where token[position] != "." {
    var changed = token
    changed.replaceSubrange(
      position...position, with: token[position] == "A" ? "B" : "A")
    cases.append(changed)
  }
  for text in cases {
    let error = refusal { _ = try tokens.verify(text, at: time) }
    #expect(error?.code == .invalidToken, "\(text)")
  }
}

@Test func hmacAnswersItsKnownVector() {
  // RFC 4231, test case 2.
  let mac = Crypto.hmacSHA256(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
  let expected: [UInt8] = [
    0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
    0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43,
  ]
  #expect(mac == expected)
  #expect(Crypto.sha256([]).prefix(4) == [0xe3, 0xb0, 0xc4, 0x42])
}

@Test func anAddressIsTakenWhateverItsCase() throws {
  let fixture = try CheckoutFixture()
  let user = try fixture.user("Ann@Example.com")
  #expect(try Accounts.user(fixture.records, email: " ann@example.COM ")?.id == user.id)
  let error = refusal { _ = try fixture.user("ANN@example.com") }
  #expect(error?.code == .alreadyExists)
  // Shops that were imported have no address and do not collide.
  #expect(try fixture.user("").ordinal == 1)
  #expect(try fixture.user("").ordinal == 2)
  try fixture.finish()
}

@Test func nobodyRegistersAsAdministrator() throws {
  let fixture = try CheckoutFixture()
  var request = RegisterRequest()
  request.email = "root@example.com"
  request.role = .admin
  let ready = request
  let error = refusal {
    try fixture.write { _ = try Accounts.register($0, ready, passwordHash: "") }
  }
  #expect(error?.code == .forbidden)
  try fixture.finish()
}

@Test func signingOutEndsTheAccessTokenAtOnce() throws {
  let fixture = try CheckoutFixture()
  let tokens = fixture.market.tokens
  let user = try fixture.user("ann@example.com")
  let signedIn = try fixture.write {
    try Accounts.openSession(
      $0, user: user, refreshToken: RefreshToken(), userAgent: "test", tokens: tokens)
  }
  let time = Timestamp(microseconds: 1_795_000_100_000_000)
  let caller = try Accounts.authenticate(
    fixture.records, token: try #require(signedIn.accessToken), tokens: tokens, at: time)
  #expect(caller.userID == user.id && caller.role == .buyer)
  try fixture.write { try Accounts.logout($0, sessionID: caller.sessionID) }
  let error = refusal {
    _ = try Accounts.authenticate(
      fixture.records, token: try #require(signedIn.accessToken), tokens: tokens, at: time)
  }
  #expect(error?.code == .invalidToken)
  try fixture.finish()
}

@Test func aRefreshTokenThatIsUsedTwiceEndsItsSession() throws {
  let fixture = try CheckoutFixture()
  let tokens = fixture.market.tokens
  let user = try fixture.user("ann@example.com")
  let (first, second, third) = (RefreshToken(), RefreshToken(), RefreshToken())
  try fixture.write {
    _ = try Accounts.openSession(
      $0, user: user, refreshToken: first, userAgent: "", tokens: tokens)
  }
  func refresh(_ presented: RefreshToken, _ replacement: RefreshToken) throws -> Accounts.Refresh {
    try fixture.write {
      try Accounts.refresh($0, presented: presented, replacement: replacement, tokens: tokens)
    }
  }
  guard case .renewed(let renewed) = try refresh(first, second) else {
    Issue.record("the first use was refused")
    return
  }
  #expect(renewed.refreshToken == second.text)
  guard case .reused = try refresh(first, third) else {
    Issue.record("the second use was not noticed")
    return
  }
  // The session is revoked: the token that was current is dead too.
  #expect(refusal { _ = try refresh(second, third) }?.code == .invalidToken)
  #expect(refusal { _ = try refresh(RefreshToken(), third) }?.code == .invalidToken)
  // Only hashes are stored.
  let sessions = try fixture.records.all(Session.self)
  #expect(sessions.map(\.refreshTokenHash) == [second.hash])
  try fixture.finish()
}
