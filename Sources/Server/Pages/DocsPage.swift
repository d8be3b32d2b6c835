// DocsPage: the table of routes as a page for people, complete without a script. Made once, when the
// table is; `/docs/script.js` only finds, copies, and puts this server's own address in.
//
//   aside: headings and operations   main: how to call, error codes, then one section a heading with
//                                    one <details> an operation

import Bytes
import Marketplace

struct DocsPage {
  private var html = HTML()
  private let title: String
  private let version: String

  init(title: String, version: String) {
    self.title = title
    self.version = version
  }

  /// The whole page. `baseURL` is where readers without a script are told the server is.
  static func render(_ routes: [Route], title: String, version: String, baseURL: String) -> String {
    var page = DocsPage(title: title, version: version)
    var tags: [(name: String, routes: [Route])] = []
    for route in routes {
      if let index = tags.firstIndex(where: { $0.name == route.tag }) {
        tags[index].routes.append(route)
      } else {
        tags.append((route.tag, [route]))
      }
    }
    page.head()
    page.navigation(tags)
    page.html.markup("<main id=\"top\">")
    page.introduction(baseURL, operations: routes.count)
    for tag in tags {
      page.html.markup("<section id=\"tag-\(Self.slug(tag.name))\">")
      page.html.element("h2", tag.name)
      for route in tag.routes { page.operation(route) }
      page.html.markup("</section>\n")
    }
    page.errors()
    page.html.markup("</main></body></html>\n")
    return page.html.text
  }

  static func slug(_ text: String) -> String {
    String(text.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
  }

  // MARK: Frame

  private mutating func head() {
    html.markup(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
        + "<meta name=\"color-scheme\" content=\"light dark\">")
    html.element("title", "\(title) API")
    html.markup(
      "<link rel=\"icon\" href=\"data:,\">"
        + "<link rel=\"stylesheet\" href=\"/docs/style.css\">"
        + "<script src=\"/docs/script.js\" defer></script></head><body>\n")
  }

  private mutating func navigation(_ tags: [(name: String, routes: [Route])]) {
    html.markup("<aside><p class=\"brand\"><a href=\"#top\">")
    html.markup(HTML.escaped(title) + "</a> <small>")
    html.markup(HTML.escaped(version) + "</small></p>")
    html.markup(
      "<input id=\"find\" type=\"search\" placeholder=\"Find an operation\" "
        + "aria-label=\"Find an operation\" hidden>"
        + "<details class=\"menu\" open><summary>Contents</summary><nav>"
        + "<a href=\"#calling\">Calling the API</a><a href=\"#errors\">Error codes</a>"
        + "<a href=\"/api/openapi.json\">OpenAPI 3.1</a>")
    for tag in tags {
      html.markup("<h3><a href=\"#tag-\(Self.slug(tag.name))\">")
      html.markup(HTML.escaped(tag.name) + "</a></h3><ul>")
      for route in tag.routes {
        html.markup("<li data-find=\"\(HTML.escaped(Self.findable(route)))\">")
        html.markup("<a href=\"#\(route.operationID)\">")
        methodBadge(route.method)
        html.element("span", route.path)
        html.markup("</a></li>")
      }
      html.markup("</ul>")
    }
    html.markup("</nav></details></aside>\n")
  }

  private static func findable(_ route: Route) -> String {
    "\(route.method.name) \(route.path) \(route.operationID) \(route.summary)".lowercased()
  }

  mutating func methodBadge(_ method: Method) {
    html.markup("<b class=\"method \(method.name.lowercased())\">\(method.name)</b>")
  }

  private mutating func introduction(_ baseURL: String, operations: Int) {
    html.element("h1", "\(title) API")
    html.markup("<p class=\"lead\">")
    html.prose(
      "\(operations) operations over JSON. Every command below runs as it stands, once these are set "
        + "in your shell; identifiers in paths are variables too, such as `$PRODUCT_ID`.")
    html.markup("</p>")
    code(
      """
      export SOUK=\(baseURL)
      export TOKEN=$(curl -s "$SOUK/api/v1/auth/login" -H 'Content-Type: application/json' \\
        -d '{"email": "YOU@EXAMPLE.COM", "password": "YOUR PASSWORD"}' | jq -r .accessToken)
      """)
    html.markup("<section id=\"calling\"><h2>Calling the API</h2><dl class=\"notes\">")
    for (name, text) in Self.notes {
      html.element("dt", name)
      html.markup("<dd>")
      html.prose(text)
      html.markup("</dd>")
    }
    html.markup("</dl></section>\n")
  }

  private static let notes: [(String, String)] = [
    (
      "Addresses",
      "`/api/v1` is canonical, `/api` the same, and every path answers without a prefix too unless "
        + "`Accept` prefers `text/html`."
    ),
    (
      "Who is asking",
      "`Authorization: Bearer` with the access token of a sign-in; it lasts 15 minutes, then "
        + "`POST /auth/refresh-token` gives the next. Guests need none."
    ),
    (
      "Lists",
      "`limit` from 1 to 100, `cursor` from `nextCursor` of the page before, `hasMore` says whether "
        + "there is more. A cursor belongs to its filters."
    ),
    (
      "Writing twice",
      "`Idempotency-Key`, one new UUID for each intent: the same key again gives the first answer "
        + "again with `Idempotent-Replayed: true`; with another body it is refused with 422."
    ),
    (
      "Freshness",
      "A write answers `X-Commit-LSN`, a read `X-Snapshot-LSN`; a read with `X-Min-LSN` waits until "
        + "it can see that commit."
    ),
    (
      "Versions",
      "A single resource has an `ETag`; `If-None-Match` answers 304 when you have it already, "
        + "`If-Match` refuses with 412 to change what somebody else changed meanwhile."
    ),
    (
      "Limits",
      "`RateLimit` says what is left of your quota; 429 and 503 come with `Retry-After` in seconds. A "
        + "JSON body has at most 1 MiB."
    ),
  ]

  // MARK: Operations

  private mutating func operation(_ route: Route) {
    html.markup("<details class=\"operation\" data-find=\"")
    html.markup(HTML.escaped(Self.findable(route)) + "\"><summary>")
    methodBadge(route.method)
    html.element("code", route.path, attributes: " class=\"path\"")
    html.markup("<span class=\"summary\">")
    html.prose(route.summary)
    html.markup(
      "</span></summary><div class=\"body\" id=\"\(route.operationID)\"><div class=\"facts\">")
    html.markup("<p class=\"who\">")
    html.element("span", Self.who(route.caller), attributes: " class=\"caller\"")
    html.element("code", route.operationID)
    html.markup("</p>")
    parameters(route)
    switch route.body {
    case .none: break
    case .json(let record): table("Body", rows(record))
    case .bytes(let types):
      let names = types.map { "`\($0)`" }.joined(separator: " or ")
      line("Body", types.isEmpty ? "Bytes of any type." : names)
    }
    answer(route)
    refusals(route)
    html.markup("</div><div class=\"try\">")
    html.element("h4", "Try it")
    code(DocsExample.curl(route), isCommand: true)
    html.markup("</div></div></details>\n")
  }

  private static func who(_ rule: CallerRule) -> String {
    switch rule {
    case .anyone: "anyone"
    case .userOrGuest: "users and guests"
    case .authenticated: "signed-in users"
    case .roles(let roles): roles.memberNames.joined(separator: " or ")
    }
  }

  private mutating func parameters(_ route: Route) {
    var rows = route.captureNames.map {
      Row(name: $0, type: "in the path", isRequired: true, note: "")
    }
    rows += route.query.map {
      Row(name: $0.name, type: Self.words($0.kind), isRequired: $0.isRequired, note: $0.summary)
    }
    switch route.idempotencyKey {
    case .unused: break
    case .optional, .required:
      rows.append(
        Row(
          name: "Idempotency-Key", type: "header",
          isRequired: route.idempotencyKey == .required, note: "one new UUID for each intent"))
    }
    table("Parameters", rows)
  }

  private static func words(_ kind: QueryParameter.Kind) -> String {
    switch kind {
    case .text: "text"
    case .integer(let range): "integer, \(range.lowerBound) to \(range.upperBound)"
    case .number: "number"
    case .boolean: "true or false"
    case .uuid: "UUID"
    case .time: "time"
    case .oneOf(let names): names.joined(separator: " · ")
    }
  }

  private mutating func answer(_ route: Route) {
    let title = "Answer \(route.status)"
    switch route.output {
    case .json(let record): table(title, rows(record, isAnswer: true))
    case .none: line(title, "Nothing in the body.")
    case .anyJSON: line(title, "JSON.")
    case .bytes(let type): line(title, "`\(type)`")
    }
  }

  private mutating func line(_ title: String, _ prose: String) {
    html.element("h4", title)
    html.markup("<p>")
    html.prose(prose)
    html.markup("</p>")
  }

  private mutating func refusals(_ route: Route) {
    html.element("h4", "Refusals")
    html.markup("<p class=\"codes\">")
    for code in route.documentedErrors {
      html.markup("<a href=\"#\(code.rawValue)\" title=\"\(HTML.escaped(code.meaning))\">")
      html.markup("\(code.status) \(code.rawValue)</a> ")
    }
    html.markup("</p>")
  }

  private mutating func errors() {
    html.markup("<section id=\"errors\"><h2>Error codes</h2><p>")
    html.prose(
      "Every refusal is `{\"error\": {\"code\", \"message\", \"details\", \"timestamp\", "
        + "\"requestId\", \"path\"}}`. `details.fields` names each field that is not acceptable by its "
        + "JSON pointer.")
    html.markup("</p><div class=\"scroll\"><table><tbody>")
    for code in ErrorCode.allCases {
      html.markup("<tr id=\"\(code.rawValue)\"><td><code>\(code.rawValue)</code></td>")
      html.markup("<td>\(code.status)</td><td>\(HTML.escaped(code.meaning))</td></tr>")
    }
    html.markup("</tbody></table></div></section>")
  }

  // MARK: Tables and code

  struct Row {
    var name: String
    var type: String
    var isRequired: Bool
    var note: String
  }

  private mutating func table(_ title: String, _ rows: [Row]) {
    guard !rows.isEmpty else { return }
    html.element("h4", title)
    html.markup("<div class=\"scroll\"><table><tbody>")
    for row in rows {
      // A long name breaks after its dots.
      let name = HTML.escaped(row.name).split(separator: ".").joined(separator: ".<wbr>")
      html.markup("<tr><td><code>\(name)</code>")
      if row.isRequired { html.markup(" <em>required</em>") }
      html.markup("</td><td>\(HTML.escaped(row.type))")
      if !row.note.isEmpty { html.markup(" <span class=\"note\">\(HTML.escaped(row.note))</span>") }
      html.markup("</td></tr>")
    }
    html.markup("</tbody></table></div>")
  }

  private mutating func code(_ text: String, isCommand: Bool = false) {
    html.markup("<pre\(isCommand ? " class=\"command\"" : "")>")
    html.element("code", text)
    html.markup("</pre>")
  }

  private func rows(_ record: RecordSchema, isAnswer: Bool = false) -> [Row] {
    var rows: [Row] = []
    DocsFields.append(record, prefix: "", isAnswer: isAnswer, depth: 0, to: &rows)
    return rows
  }
}
