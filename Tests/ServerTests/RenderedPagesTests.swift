// Lists that are rendered once for each commit: the same bytes as rendering anew, never older than the
// last commit, bounded; and tags of answers.

import Bytes
import Marketplace
import RecordStore
import Synchronization
import Testing

@testable import Server

@Suite struct RenderedPagesTests {
  private func request(_ target: String) throws -> Request {
    Request(
      method: .get, target: try #require(RequestTarget(target)), headers: Headers(), id: "test",
      remoteAddress: "")
  }

  @Test func onlyOnePositionIsKept() throws {
    let pages = RenderedPages()
    let (first, second) = (try request("/products?limit=1"), try request("/products?limit=2"))
    pages.keep(.text("one"), to: first, at: 7)
    #expect(pages.find(first, at: 7)?.body == Array("one".utf8))
    #expect(pages.find(second, at: 7) == nil && pages.find(first, at: 8) == nil)
    // What was rendered at an older position comes too late.
    pages.keep(.text("two"), to: second, at: 6)
    #expect(pages.find(second, at: 6) == nil && pages.find(second, at: 7) == nil)
    pages.keep(.text("two"), to: second, at: 8)
    #expect(pages.find(second, at: 8) != nil && pages.find(first, at: 7) == nil)
  }

  @Test func whatIsKeptIsBounded() throws {
    let pages = RenderedPages()
    let large = Response(status: 200, body: [UInt8](repeating: 1, count: 3 << 20))
    for number in 0..<4 { pages.keep(large, to: try request("/a?\(number)"), at: 1) }
    let kept = try (0..<4).filter { pages.find(try request("/a?\($0)"), at: 1) != nil }
    #expect(kept == [0, 1])
    for number in 0..<2000 { pages.keep(.text(""), to: try request("/b?\(number)"), at: 2) }
    let small = try (0..<2000).count { pages.find(try request("/b?\($0)"), at: 2) != nil }
    #expect(small == RenderedPages.pagesMax)
  }

  /// One writes, several read without naming a position: what an answered write made is in every list
  /// that is asked for after it.
  @Test func aListIsNeverOlderThanAnAnsweredWrite() throws {
    let shop = try LiveShop()
    let seller = try shop.signIn("seller", role: .seller)
    let stool = try shop.product(of: seller.user, price: 100, stock: 9)
    let port = shop.port
    let written = Atomic<Int>(0)
    inParallel(4) { number in
      let client = try TestClient(port: port)
      guard number == 0 else {
        for _ in 0..<150 {
          let least = written.load(ordering: .acquiring)
          let list = try client.get("/products?limit=20")
          guard case .array(let rows)? = try list.json["data"] else { continue }
          let stock = rows.first?["stock"]?.int64 ?? -1
          #expect(stock >= Int64(9 + least), "stock \(stock) after \(least) writes")
        }
        return
      }
      for round in 1...100 {
        let reply = try client.post(
          "/inventory/adjust", #"{"productId":"\#(stool.id)","delta":1,"reason":"one more"}"#,
          seller.header)
        #expect(reply.status == 200, "\(reply.text)")
        written.store(round, ordering: .releasing)
      }
    }
    // To an account the list is rendered for itself, and says the same.
    let client = try TestClient(port: port)
    let guest = try client.get("/products?limit=20")
    let again = try client.get("/products?limit=20")
    #expect(guest.body == again.body && guest["etag"] == again["etag"])
    #expect(try client.get("/products?limit=20", seller.header).body == guest.body)
    try shop.stop()
  }

  @Test func whatAClientHasIsNotSentAgain() throws {
    let shop = try LiveShop()
    let seller = try shop.signIn("seller", role: .seller)
    let stool = try shop.product(of: seller.user, price: 100, stock: 9)
    let client = try TestClient(port: shop.port)
    for path in ["/products/\(stool.id)", "/products", "/users/me", "/categories", "/cart/me"] {
      let first = try client.get(path, seller.header)
      let tag = try #require(first["etag"], "\(path)")
      let again = try client.get(path, seller.header + "If-None-Match: \(tag)\r\n")
      #expect(first.status == 200 && again.status == 304 && again.body.isEmpty, "\(path)")
      #expect(again["etag"] == tag)
      let other = try client.get(path, seller.header + "If-None-Match: \"other\"\r\n")
      #expect(other.status == 200 && other.body == first.body, "\(path)")
    }
    try shop.stop()
  }
}
