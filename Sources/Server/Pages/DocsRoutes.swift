// The routes of the documentation page and of its two files. They change with the program only, so a
// browser asks again with the tag that it has.

import Bytes
import Marketplace

/// One file of the program's own.
struct PageFile: Sendable {
  private let response: Response
  private let tag: String

  init(_ text: String, type: String) {
    let body = Array(text.utf8)
    tag = "\"\(String(XXH64.hash(body), radix: 16))\""
    var response = Response(status: 200, contentType: type, body: body)
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "public, max-age=300"
    self.response = response
  }

  func answer(_ request: Request) -> Response {
    guard request.headers["If-None-Match"] == tag else { return response }
    var unchanged = Response(status: 304)
    unchanged.headers = response.headers
    return unchanged
  }
}

/// `/docs`, its style and its script.
/// - Parameter page: set once the table that it describes is complete.
func docsRoutes(_ page: Late<PageFile>) -> RouteGroup {
  let style = PageFile(DocsAssets.style, type: "text/css; charset=utf-8")
  let script = PageFile(DocsAssets.script, type: "text/javascript; charset=utf-8")
  return RouteGroup("Operations") {
    routeBytes(
      .get, "/docs", "getDocs", "This page.", output: .bytes("text/html"),
      errors: [.serviceUnavailable]
    ) { context, responder in
      guard let page = page.current else {
        throw APIError(.serviceUnavailable, "The documentation is not ready yet.")
      }
      responder.answer(page.answer(context.request))
    }
    .limited(.exempt)
    routeBytes(
      .get, "/docs/style.css", "getDocsStyle", "The style of the documentation page.",
      output: .bytes("text/css")
    ) { context, responder in responder.answer(style.answer(context.request)) }
    .limited(.exempt)
    routeBytes(
      .get, "/docs/script.js", "getDocsScript", "The script of the documentation page.",
      output: .bytes("text/javascript")
    ) { context, responder in responder.answer(script.answer(context.request)) }
    .limited(.exempt)
  }
}
