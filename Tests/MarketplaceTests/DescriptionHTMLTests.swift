// Descriptions: what is left of marks, links and tricks. Random mixtures of the pieces that attacks are
// made of are judged by a parser that knows only what may be there.

import Bytes
import Marketplace
import Testing

@Suite struct DescriptionHTMLTests {
  @Test(arguments: [
    ("Plain text, 5 > 4 & AT&T", "Plain text, 5 > 4 & AT&T"),
    ("<b>Oak</b> and <EM>ash</EM>", "<b>Oak</b> and <em>ash</em>"),
    ("a < b", "a &lt; b"),
    (
      "<a href='https://example.com/x?a=1&b=2' onclick=evil()>shop</a>",
      "<a href=\"https://example.com/x?a=1&b=2\">shop</a>"
    ),
    ("<a href=\"javascript:alert(1)\">x</a>", "<a>x</a>"),
    ("<a href=\"  jAvAsCrIpT:alert(1)\">x</a>", "<a>x</a>"),
    ("<a href=\"java\nscript:alert(1)\">x</a>", "<a>x</a>"),
    ("<a href=\"&#106;avascript:alert(1)\">x</a>", "<a>x</a>"),
    ("<a href=\"data:text/html,<script>1</script>\">x</a>", "<a>x</a>"),
    ("<a href=mailto:a@example.com>x</a>", "<a href=\"mailto:a@example.com\">x</a>"),
    ("<script>alert(1)</script>text", "text"),
    ("<SCRIPT SRC=//evil.example>", ""),
    ("<scr<script>x</script>ipt>alert(1)</script>", "xipt>alert(1)"),
    ("<<script>x</script>b onclick=x>", "&lt;b onclick=x>"),
    ("<img src=x onerror=alert(1)>", ""),
    ("<svg/onload=alert(1)>x</svg>y", "y"),
    ("<style>p{}</style><p>one<p>two", "<p>one<p>two</p></p>"),
    ("<!-- <b>hidden</b> -->seen", "seen"),
    ("<!doctype html><b>x", "<b>x</b>"),
    ("<b><i>x</b></i>", "<b><i>x</i></b>"),
    ("</b>x", "x"), ("<b", "<b></b>"), ("<", "&lt;"),
    ("<a href=\"https://x", "<a href=\"https://x\"></a>"),
    ("line<br/>break", "line<br>break"),
  ])
  func everyTrickLeavesWhatItShould(_ dirty: String, _ clean: String) {
    #expect(DescriptionHTML.clean(dirty) == clean)
    #expect(DescriptionHTML.clean(clean) == clean)
  }

  @Test func aSearchSeesTheWordsOnly() {
    #expect(DescriptionHTML.words(of: "<b>Oak</b> &lt; ash &amp; elm") == " Oak  < ash & elm")
    #expect(DescriptionHTML.words(of: "Plain") == "Plain")
  }

  @Test func aHundredLevelsAreCutOff() {
    let deep = String(repeating: "<b>", count: 100) + "x"
    let clean = DescriptionHTML.clean(deep)
    #expect(clean.split(separator: "<b>", omittingEmptySubsequences: false).count == 33)
    #expect(clean.hasSuffix(String(repeating: "</b>", count: 32)))
  }

  @Test func randomMixturesAreHarmlessAndStable() {
    let pieces = [
      "<", ">", "/", "\"", "'", "=", " ", "\n", "&", ";", "&lt;", "b", "a", "i", "script", "style",
      "svg", "img", "href", "onclick", "javascript:", "https://x.y", "<b>", "</b>", "<a href=\"",
      "<a href='https://x.y'>", "</a>", "<script>", "</script>", "<!--", "-->", "<!", "<?", "é",
      "x",
      "<br>", "<li>", "</ul>", "\u{0}", "\u{c}",
    ]
    for seed in 1...4000 as ClosedRange<UInt64> {
      var random = SplitMix64(seed: seed)
      var text = ""
      for _ in 0..<Int(random.next() % 24) {
        text += pieces[Int(random.next() % UInt64(pieces.count))]
      }
      let clean = DescriptionHTML.clean(text)
      #expect(Self.isHarmless(clean), "seed \(seed): \(text) became \(clean)")
      #expect(DescriptionHTML.clean(clean) == clean, "seed \(seed): \(text) became \(clean)")
    }
  }

  /// Only the tags that are allowed, each as it is written here, opened and closed in order.
  static func isHarmless(_ text: String) -> Bool {
    var open: [Substring] = []
    var rest = text[...]
    while let start = rest.firstIndex(of: "<") {
      guard let end = rest[start...].firstIndex(of: ">") else { return false }
      var tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      if tag == "br" { continue }
      if tag.hasPrefix("/") {
        guard open.popLast() == tag.dropFirst() else { return false }
        continue
      }
      if tag.hasPrefix("a href=\"") {
        let link = tag.dropFirst(8)
        guard link.hasSuffix("\""), !link.dropLast().contains(where: { "\"'<>".contains($0) }),
          ["http:", "https:", "mailto:"].contains(where: { link.lowercased().hasPrefix($0) })
        else { return false }
        tag = "a"
      }
      guard ["b", "i", "em", "strong", "a", "p", "ul", "ol", "li"].contains(tag) else {
        return false
      }
      open.append(tag)
    }
    return open.isEmpty
  }
}
