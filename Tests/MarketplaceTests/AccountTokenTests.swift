// One-time tokens against a model of their life, and what they do to accounts.

import Bytes
import Database
import Marketplace
import RecordStore
import Testing

@Suite struct AccountTokenTests {
  private struct ModelToken {
    var purpose: TokenPurpose
    var user: Int
    var expires: Int64
    var created: Int
  }

  @Test func tokensLiveAsTheirModelDoes() throws {
    let fixture = try CheckoutFixture()
    let users = try (0..<3).map { try fixture.user("u\($0)@example.com").id }
    let purposes: [TokenPurpose] = [.verifyEmail, .resetPassword, .signIn]
    var random = SplitMix64(seed: 3)
    var model: [String: ModelToken] = [:]
    var known: [(String, TokenPurpose)] = []
    for turn in 0..<400 {
      let purpose = purposes[Int(random.next() % 3)]
      let user = Int(random.next() % 3)
      switch random.next() % 4 {
      case 0, 1:
        let secret = SecretText()
        let expires = try fixture.write { transaction in
          try OneTimeTokens.issue(transaction, secret, purpose, userID: users[user]).expiresAt
            .microseconds
        }
        let rivals = model.filter { $0.value.purpose == purpose && $0.value.user == user }
          .sorted { $0.value.created < $1.value.created }
        for rival in rivals.dropLast(purpose == .signIn ? 4 : 0) { model[rival.key] = nil }
        model[secret.text] = ModelToken(
          purpose: purpose, user: user, expires: expires, created: turn)
        known.append((secret.text, purpose))
      case 2:
        guard let (text, real) = known.randomElement(using: &random) else { continue }
        let asked = random.next() % 4 == 0 ? purpose : real
        let isTaken = try? fixture.write { transaction in
          try OneTimeTokens.take(transaction, text: text, [asked])
        }
        let isThere = model[text].map { $0.purpose == asked } ?? false
        #expect((isTaken != nil) == isThere, "turn \(turn)")
        if isThere { model[text] = nil }
      default:
        try fixture.write { try OneTimeTokens.revoke($0, userID: users[user], purpose) }
        model = model.filter { $0.value.purpose != purpose || $0.value.user != user }
      }
    }
    let reader = fixture.records
    #expect(
      Set(try reader.all(OneTimeToken.self).map(\.hash))
        == Set(model.keys.map { SecretText(text: $0).hash }))
    for (text, token) in model {
      let end = Timestamp(microseconds: token.expires)
      let before = Timestamp(microseconds: token.expires - 1)
      #expect(try OneTimeTokens.find(reader, text: text, [token.purpose], at: end) == nil)
      #expect(try OneTimeTokens.find(reader, text: text, [token.purpose], at: before) != nil)
    }
    try fixture.finish()
  }

  @Test func aResetEndsEverySessionAndWorksOnce() throws {
    let fixture = try CheckoutFixture()
    let (market, letters) = (fixture.market, AccountLetters(baseURL: "http://shop.test"))
    let ann = try fixture.user("ann@example.com")
    let signedIn = try fixture.write {
      try Accounts.openSession($0, user: ann, refreshToken: SecretText(), tokens: market.tokens)
    }
    let (mail, decoy) = (TokenMail(letters), TokenMail(letters))
    try fixture.write {
      try Accounts.requestReset($0, email: "ANN@example.com", mail, sealing: market.keys.sealing)
      try Accounts.requestReset($0, email: "bob@example.com", decoy, sealing: market.keys.sealing)
    }
    // One mail; two rows of tokens, one of which nobody can use.
    let mails = try fixture.records.all(MailMessage.self)
    #expect(mails.map(\.to) == ["ann@example.com"])
    let text = try Mails.text(of: mails[0], sealing: market.keys.sealing)
    #expect(text.contains(mail.secret.text) && text.contains("http://shop.test/"))
    #expect(!mails[0].sealedText.contains(subsequence: Array(mail.secret.text.utf8)))
    #expect(try fixture.records.all(OneTimeToken.self).count == 2)
    for token in [decoy.secret.text, "nonsense"] {
      let error = refusal {
        try fixture.write {
          _ = try Accounts.resetPassword(
            $0, token: token, passwordHash: "x", letters: letters, sealing: market.keys.sealing)
        }
      }
      #expect(error?.code == .invalidToken)
    }
    func reset() throws {
      try fixture.write {
        _ = try Accounts.resetPassword(
          $0, token: mail.secret.text, passwordHash: "new", letters: letters,
          sealing: market.keys.sealing)
      }
    }
    try reset()
    #expect(refusal { try reset() }?.code == .invalidToken)
    let now = try #require(try Accounts.user(fixture.records, id: ann.id))
    #expect(now.passwordHash == "new" && now.isVerified)
    let token = try #require(signedIn.accessToken)
    let error = refusal {
      _ = try Accounts.authenticate(
        fixture.records, token: token, tokens: market.tokens, at: ann.createdAt)
    }
    #expect(error?.code == .invalidToken)
    try fixture.finish()
  }

  @Test func aProviderLinksOnlyWhatBothSidesHaveProved() throws {
    let fixture = try CheckoutFixture()
    _ = try fixture.user("squatted@example.com")
    func identity(_ email: String, _ isVerified: Bool) -> ProviderIdentity {
      ProviderIdentity(
        provider: "test", subject: email, email: email, isEmailVerified: isVerified)
    }
    func come(_ identity: ProviderIdentity, linkTo: UUIDv7 = .zero) throws -> UUIDv7 {
      try fixture.write { try ProviderAccounts.user($0, identity, linkTo: linkTo).id }
    }
    #expect(refusal { _ = try come(identity("new@example.com", false)) }?.code == .conflict)
    #expect(refusal { _ = try come(identity("squatted@example.com", true)) }?.code == .conflict)
    let new = try come(identity("new@example.com", true))
    #expect(try come(identity("new@example.com", false)) == new)
    let other = try fixture.user("other@example.com").id
    let taken = refusal { _ = try come(identity("new@example.com", true), linkTo: other) }
    #expect(taken?.code == .conflict)
    #expect(try come(identity("elsewhere@example.com", false), linkTo: other) == other)
    try fixture.finish()
  }

  @Test func oneAddressOfAKindIsTheDefaultWhateverIsDone() throws {
    let fixture = try CheckoutFixture()
    let user = try fixture.user("ann@example.com").id
    var random = SplitMix64(seed: 5)
    for turn in 0..<300 {
      let all = try Addresses.all(fixture.records, of: user)
      var input = AddressInput()
      input.type = random.next() % 2 == 0 ? .shipping : .billing
      input.isDefault = random.next() % 3 == 0
      let ready = input
      let chosen = all.randomElement(using: &random)
      switch (random.next() % 3, chosen) {
      case (0, let address?):
        try fixture.write { try Addresses.delete($0, id: address.id, of: user) }
      case (1, let address?):
        try fixture.write { _ = try Addresses.replace($0, id: address.id, ready, of: user) }
      default:
        if all.count < Addresses.countMax {
          try fixture.write { _ = try Addresses.create($0, ready, of: user) }
        }
      }
      let now = try Addresses.all(fixture.records, of: user)
      for type in AddressType.allCases {
        let kind = now.filter { $0.type == type }
        #expect(kind.filter(\.isDefault).count == min(kind.count, 1), "turn \(turn)")
      }
    }
    try fixture.finish()
  }

  @Test func theLastAdministratorStaysOne() throws {
    let fixture = try CheckoutFixture()
    let first = try fixture.user("a@example.com", role: .admin).id
    let second = try fixture.user("b@example.com", role: .admin).id
    try fixture.write { _ = try Accounts.setDisabled($0, userID: first, true) }
    for change in 0..<2 {
      let error = refusal {
        try fixture.write {
          _ =
            change == 0
            ? try Accounts.setRole($0, userID: second, .buyer)
            : try Accounts.setDisabled($0, userID: second, true)
        }
      }
      #expect(error?.code == .conflict)
    }
    try fixture.finish()
  }
}

extension Array where Element == UInt8 {
  fileprivate func contains(subsequence other: [UInt8]) -> Bool {
    guard other.count <= count else { return false }
    return (0...(count - other.count)).contains { Array(self[$0..<($0 + other.count)]) == other }
  }
}
