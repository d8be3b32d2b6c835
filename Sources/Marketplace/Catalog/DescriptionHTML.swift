// DescriptionHTML: what is left of a description that somebody wrote: text, and a few marks. Cleaned
// when it is stored; whoever shows it may put it into a page as it is.
//
// Invariants
// 1. The result has no tags but b, i, em, strong, p, br, ul, ol, li without attributes, and a with
//    nothing but an href of http, https or mailto. Every tag that is opened is closed, in order.
// 2. Text is kept; what is between the tags of script and style is not. A `<` of text becomes an
//    entity, so that nothing that is left can join into a tag.
// 3. Cleaning what is clean changes nothing.

public enum DescriptionHTML {
  private static let kept: Set<String> = [
    "b", "i", "em", "strong", "a", "p", "br", "ul", "ol", "li",
  ]
  /// What stands between these is not text for people.
  private static let swallowed: Set<String> = [
    "script", "style", "iframe", "object", "template", "noscript", "svg", "math", "textarea",
    "title",
  ]
  private static let schemes = ["http:", "https:", "mailto:"]
  /// Deeper marks are left out; nobody writes so.
  private static let depthMax = 32

  public static func clean(_ text: String) -> String {
    // Most descriptions are plain.
    guard text.utf8.contains(0x3c) else { return text }
    var cleaner = Cleaner(Array(text.unicodeScalars))
    return cleaner.run()
  }

  /// The words of a clean description, a space in the place of each mark: what a search looks at.
  public static func words(of clean: String) -> String {
    guard clean.utf8.contains(0x3c) || clean.utf8.contains(0x26) else { return clean }
    var words = String.UnicodeScalarView()
    var isTag = false
    for scalar in clean.unicodeScalars {
      switch scalar {
      case "<":
        isTag = true
        words.append(" ")
      case ">" where isTag: isTag = false
      default: if !isTag { words.append(scalar) }
      }
    }
    return String(words).replacing("&lt;", with: "<").replacing("&amp;", with: "&")
  }

  private struct Cleaner {
    private let source: [Unicode.Scalar]
    private var place = 0
    private var result = String.UnicodeScalarView()
    private var open: [String] = []

    init(_ source: [Unicode.Scalar]) { self.source = source }

    mutating func run() -> String {
      while place < source.count {
        let scalar = source[place]
        switch scalar {
        case "<": tag()
        default:
          result.append(scalar)
          place += 1
        }
      }
      while let name = open.popLast() { append("</\(name)>") }
      return String(result)
    }

    private mutating func append(_ text: String) { result.append(contentsOf: text.unicodeScalars) }

    private func isNamePart(_ scalar: Unicode.Scalar) -> Bool {
      isLetter(scalar) || ("0"..."9").contains(scalar)
    }

    private func isLetter(_ scalar: Unicode.Scalar) -> Bool {
      ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
    }

    // MARK: Tags

    private mutating func tag() {
      let start = place
      place += 1
      if place < source.count, source[place] == "!" || source[place] == "?" {
        return skipDeclaration()
      }
      let isEnd = place < source.count && source[place] == "/"
      if isEnd { place += 1 }
      var name = ""
      while place < source.count, isNamePart(source[place]) {
        name.unicodeScalars.append(source[place])
        place += 1
      }
      guard let first = name.unicodeScalars.first, isLetter(first) else {
        place = start + 1
        return append("&lt;")
      }
      name = name.lowercased()
      let attributes = self.attributes()
      if swallowed.contains(name) {
        if !isEnd { skip(to: name) }
      } else if kept.contains(name) {
        if isEnd { close(name) } else { begin(name, attributes) }
      }
    }

    private mutating func begin(_ name: String, _ attributes: [(name: String, value: String)]) {
      guard name != "br" else { return append("<br>") }
      guard open.count < depthMax else { return }
      var mark = "<\(name)"
      if name == "a", let href = attributes.first(where: { $0.name == "href" })?.value,
        let safe = safeLink(href)
      {
        mark += " href=\"\(safe)\""
      }
      append(mark + ">")
      open.append(name)
    }

    /// Closes what was opened inside as well; an end without a beginning is nothing.
    private mutating func close(_ name: String) {
      guard open.contains(name) else { return }
      while let last = open.popLast() {
        append("</\(last)>")
        if last == name { return }
      }
    }

    /// `name="value"` pairs up to the end of the tag, quotes of either kind or none.
    private mutating func attributes() -> [(name: String, value: String)] {
      var found: [(name: String, value: String)] = []
      while place < source.count, source[place] != ">" {
        guard !isSpace(source[place]), source[place] != "/" else {
          place += 1
          continue
        }
        var name = ""
        while place < source.count, source[place] != "=", source[place] != ">",
          !isSpace(source[place]), source[place] != "/" || name.isEmpty
        {
          name.unicodeScalars.append(source[place])
          place += 1
        }
        skipSpaces()
        var value = ""
        if place < source.count, source[place] == "=" {
          place += 1
          skipSpaces()
          value = attributeValue()
        }
        found.append((name.lowercased(), value))
      }
      place += 1
      return found
    }

    private mutating func attributeValue() -> String {
      guard place < source.count else { return "" }
      var value = ""
      let quote = source[place]
      if quote == "\"" || quote == "'" {
        place += 1
        while place < source.count, source[place] != quote {
          value.unicodeScalars.append(source[place])
          place += 1
        }
        place += 1
      } else {
        while place < source.count, source[place] != ">", !isSpace(source[place]) {
          value.unicodeScalars.append(source[place])
          place += 1
        }
      }
      return value
    }

    /// The link with its quotes and marks escaped; nil when a browser could take it for anything but
    /// http, https or mailto. Entities are not decoded: one before the scheme's end makes it unknown.
    private func safeLink(_ link: String) -> String? {
      let visible = link.unicodeScalars.filter {
        !isSpace($0) && $0.value >= 0x20 && $0.value != 0x7f
      }
      let text = String(String.UnicodeScalarView(visible))
      let lower = text.lowercased()
      guard schemes.contains(where: lower.hasPrefix) else { return nil }
      var safe = ""
      for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": safe += "%22"
        case "'": safe += "%27"
        case "<": safe += "%3C"
        case ">": safe += "%3E"
        default: safe.unicodeScalars.append(scalar)
        }
      }
      return safe
    }

    // MARK: Skipping

    private func isSpace(_ scalar: Unicode.Scalar) -> Bool {
      scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r" || scalar == "\u{c}"
    }

    private mutating func skipSpaces() {
      while place < source.count, isSpace(source[place]) { place += 1 }
    }

    /// A comment to its end, anything else that begins with `<!` or `<?` to the next `>`.
    private mutating func skipDeclaration() {
      let isComment = source[place...].starts(with: "!--".unicodeScalars)
      guard isComment else {
        while place < source.count, source[place] != ">" { place += 1 }
        place += 1
        return
      }
      place += 3
      while place < source.count, !source[place...].starts(with: "-->".unicodeScalars) {
        place += 1
      }
      place = min(source.count, place + 3)
    }

    /// Behind the end tag of `name`, or at the end of the text.
    private mutating func skip(to name: String) {
      while place < source.count {
        if source[place] == "<", place + 1 < source.count, source[place + 1] == "/" {
          let tail = source[(place + 2)...].prefix(name.unicodeScalars.count)
          if String(String.UnicodeScalarView(tail)).lowercased() == name {
            place += 2 + name.unicodeScalars.count
            _ = attributes()
            return
          }
        }
        place += 1
      }
    }
  }
}
