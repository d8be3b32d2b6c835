// The documentation page: it has every route, its curl, its fields and its refusals; text from
// elsewhere is escaped; the page needs nothing that its policy forbids.

import Bytes
import Foundation
import Marketplace
import Testing

@testable import Server

@Suite(.serialized) struct DocsTests {
  private let shop: TestShop
  private let client: TestClient

  init() throws {
    shop = try TestShop()
    client = try shop.client()
  }

  private func page() -> String {
    DocsPage.render(shop.router.routes, title: "Shop", version: "1", baseURL: "http://here")
  }

  @Test func everyRouteHasItsPlaceItsCommandAndItsCallers() {
    defer { shop.stop() }
    let page = page()
    for route in shop.router.routes {
      let parts = page.components(separatedBy: "id=\"\(route.operationID)\"")
      #expect(parts.count == 2, "\(route.operationID)")
      let section = parts[1].components(separatedBy: "</details>")[0]
      #expect(section.contains("<pre class=\"command\"><code>curl "), "\(route.operationID)")
      for code in route.documentedErrors { #expect(section.contains("#\(code.rawValue)\"")) }
      if case .roles(let roles) = route.caller {
        #expect(section.contains(roles.memberNames.joined(separator: " or ")))
      }
    }
    for code in ErrorCode.allCases { #expect(page.contains("<tr id=\"\(code.rawValue)\">")) }
  }

  @Test func nothingInThePageIsForbiddenByItsPolicy() {
    defer { shop.stop() }
    let page = page()
    for banned in [" style=", "<style", " onclick", "http://fonts", "https://", "javascript:"] {
      #expect(!page.contains(banned), "\(banned)")
    }
    #expect(page.components(separatedBy: "<script").count == 2)
    #expect(page.contains("<script src=\"/docs/script.js\" defer></script>"))
    // Every element that is opened is closed.
    for name in ["details", "section", "table", "div", "dl", "pre", "ul", "aside", "main", "p"] {
      let opened =
        page.components(separatedBy: "<\(name)>").count - 1
        + page.components(separatedBy: "<\(name) ").count - 1
      #expect(opened == page.components(separatedBy: "</\(name)>").count - 1, "\(name)")
    }
  }

  @Test func textThatIsNoMarkupOfOursIsEscaped() {
    defer { shop.stop() }
    let hostile = route(
      .get, "/x/{id}", "hostile", "<script>alert('x')</script> & \"more\"", output: Echo.self
    ) { _ in .ok(Echo("x")) }
    let page = DocsPage.render([hostile], title: "<b>", version: "\"", baseURL: "http://a<b")
    #expect(!page.contains("alert('x')") && !page.contains("<b>") && !page.contains("a<b"))
    #expect(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;more&quot;"))
    #expect(page.contains("$X_ID"))
  }

  @Test func aCommandIsPlainShell() throws {
    defer { shop.stop() }
    let checkout = try #require(shop.router.routes.first { $0.operationID == "checkout" })
    #expect(
      DocsExample.curl(checkout) == """
        curl -X POST "$SOUK/api/v1/checkout" \\
          -H "Authorization: Bearer $TOKEN" \\
          -H "Idempotency-Key: $(uuidgen)" \\
          -H 'Content-Type: application/json' \\
          -d '{"productId": "text", "quantity": 1}'
        """)
    #expect(DocsExample.variable("id", after: "categories") == "CATEGORY_ID")
    #expect(DocsExample.variable("id", after: "address") == "ADDRESS_ID")
    #expect(DocsExample.variable("userId", after: "users") == "USER_ID")
  }

  @Test func aBodyOfAnExampleIsAcceptedByItsOwnRules() throws {
    defer { shop.stop() }
    let body = DocsExample.body(FieldSchema.describe(AddLine.self))
    #expect(try FieldJSON.decode(AddLine.self, from: Array(body.utf8)).quantity == 1)
  }

  @Test func aFileOfOursIsSentOnceAndThenNamed() throws {
    defer { shop.stop() }
    let file = PageFile("body", type: "text/css")
    var first = try request("")
    let full = file.answer(first)
    #expect(full.status == 200 && full.body == Array("body".utf8))
    first.headers["If-None-Match"] = full.headers["ETag"]
    #expect(file.answer(first).status == 304)
    first.headers["If-None-Match"] = "\"other\""
    #expect(file.answer(first).status == 200)
  }

  private func request(_ query: String) throws -> Request {
    let target = try #require(RequestTarget("/docs" + query))
    return Request(method: .get, target: target, headers: [:], id: "r", remoteAddress: "")
  }
}
