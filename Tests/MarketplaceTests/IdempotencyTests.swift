// Idempotency: one key, one effect, one answer.

import Bytes
import Marketplace
import RecordStore
import Testing

@Test func aHundredPostsOfOneKeyAtOnceAreOneOrderAndNinetyNineReplays() async throws {
  let fixture = try CheckoutFixture(runsThreads: true)
  let seller = try fixture.user("a@shop.example", role: .seller)
  let stool = try fixture.product(of: seller, price: 4990, stock: [500])
  let buyer = try fixture.user("buyer@example.com")
  try fixture.add(stool, 2, to: buyer)
  let answers = try await concurrently(Array(0..<100)) { _ in
    try fixture.checkout(buyer, key: "one")
  }
  #expect(answers.count == 100 && answers.filter(\.isReplay).count == 99)
  #expect(Set(answers.map(\.body)).count == 1)
  #expect(answers.allSatisfy { $0.status == 201 })
  #expect(try fixture.records.all(Order.self).count == 1)
  try fixture.expectIdentities(received: [stool.id: 500])
  try fixture.finish()
}

@Test func aKeyThatIsUsedForAnotherRequestIsRefusedWith422() throws {
  let fixture = try CheckoutFixture()
  let seller = try fixture.user("a@shop.example", role: .seller)
  let stool = try fixture.product(of: seller, price: 4990, stock: [5])
  let buyer = try fixture.user("buyer@example.com")
  try fixture.add(stool, 1, to: buyer)
  #expect(try fixture.checkout(buyer, key: "k").status == 201)
  var other = CheckoutFixture.request()
  other.notes = "Ring twice."
  let error = refusal { _ = try fixture.checkout(buyer, key: "k", other) }
  #expect(error?.code == .conflict && error?.status == 422)
  #expect(error?.details?["reason"]?.text == "idempotency_key_reused")
  // The key belongs to its principal.
  let rival = try fixture.user("rival@example.com")
  try fixture.add(stool, 1, to: rival)
  #expect(try fixture.checkout(rival, key: "k").isReplay == false)
  try fixture.expectIdentities(received: [stool.id: 5])
  try fixture.finish()
}

@Test func theFingerprintKnowsEveryPartOfTheRequestButTheOrderOfItsQuery() throws {
  func request(
    _ method: String = "POST", _ path: String = "/checkout",
    _ query: [(name: String, value: String)] = [("a", "1"), ("b", "2")], _ body: String = "{}"
  ) throws -> [UInt8] {
    try IdempotentRequest(
      principalID: .zero, method: method, route: "/checkout", key: "k", path: path, query: query,
      body: Array(body.utf8)
    ).fingerprint
  }
  let base = try request()
  #expect(try request("POST", "/checkout", [("b", "2"), ("a", "1")]) == base)
  #expect(try request("PUT") != base)
  #expect(try request("POST", "/checkout2") != base)
  #expect(try request("POST", "/checkout", [("a", "1")]) != base)
  #expect(try request("POST", "/checkout", [("a", "1b"), ("", "2")]) != base)
  #expect(try request("POST", "/checkout", [("a", "1"), ("b", "2")], "{ }") != base)
}

@Test func keysAreQuotedOrBareAndAtMost255PrintableCharacters() throws {
  func key(_ text: String?) throws -> String {
    try IdempotentRequest(
      principalID: .zero, method: "POST", route: "/checkout", key: text, path: "/checkout",
      query: [], body: []
    ).key
  }
  #expect(try key("\"abc\"") == "abc")
  #expect(try key("abc") == "abc")
  #expect(try key(String(repeating: "x", count: 255)).utf8.count == 255)
  #expect(refusal { _ = try key(nil) }?.code == .missingRequiredField)
  for text in ["", "\"\"", String(repeating: "x", count: 256), "a\nb", "ä"] {
    #expect(refusal { _ = try key(text) }?.code == .validation, "\(text)")
  }
}

@Test func answersOlderThanADayAreForgottenAFewAtATime() throws {
  let fixture = try CheckoutFixture()
  let buyer = try fixture.user("buyer@example.com")
  // Answers of two days ago, as the store would hold them.
  try fixture.write { transaction in
    for number in 0..<10 {
      var record = IdempotencyRecord()
      record.principalID = buyer.id
      record.method = "POST"
      record.route = "/checkout"
      record.idempotencyKey = "old-\(number)"
      record.createdAt = transaction.time.adding(seconds: -2 * 86_400)
      try transaction.put(record)
    }
  }
  func perform(_ key: String) throws -> StoredAnswer {
    let request = try fixture.idempotency(buyer, key: key)
    return try fixture.write { transaction in
      try Idempotency.perform(transaction, request, render: CheckoutFixture.render) {
        StoredAnswer(status: 200, body: [1])
      }
    }
  }
  var counts: [Int] = []
  for number in 0..<4 {
    #expect(try !perform("new-\(number)").isReplay)
    counts.append(try fixture.records.all(IdempotencyRecord.self).count)
  }
  #expect(counts == [7, 4, 3, 4])
  // An expired key stands for nothing any more, even with another request.
  try fixture.write { transaction in
    var record = IdempotencyRecord()
    record.principalID = buyer.id
    record.method = "POST"
    record.route = "/checkout"
    record.idempotencyKey = "late"
    record.createdAt = transaction.time.adding(seconds: -86_401)
    try transaction.put(record)
  }
  #expect(try !perform("late").isReplay)
  #expect(try perform("late").isReplay)
  try fixture.finish()
}

@Test func aRefusalAfterAWriteDropsTheWholeTransaction() throws {
  let fixture = try CheckoutFixture()
  let buyer = try fixture.user("buyer@example.com")
  let request = try fixture.idempotency(buyer, key: "k")
  let before = fixture.database.visibleLSN
  let error = refusal {
    try fixture.write { transaction in
      _ = try Idempotency.perform(transaction, request, render: CheckoutFixture.render) {
        var counter = Counter()
        counter.name = "half"
        try transaction.put(counter)
        throw MarketError(.insufficientStock, "Too late.")
      }
    }
  }
  #expect(error?.code == .insufficientStock)
  #expect(fixture.database.visibleLSN == before)
  #expect(try fixture.records.all(Counter.self).isEmpty)
  try fixture.finish()
}
