// HTML: text that becomes part of a page. What is not markup of ours is escaped, wherever it came from.

struct HTML {
  private(set) var text = ""

  /// Markup of ours, as it is.
  mutating func markup(_ markup: String) { text += markup }

  /// An element with text in it. `attributes` is markup of ours: ` class="x"`.
  mutating func element(_ name: String, _ content: String, attributes: String = "") {
    text += "<\(name)\(attributes)>\(Self.escaped(content))</\(name)>"
  }

  /// Text between `backticks` becomes code; the rest is escaped.
  mutating func prose(_ content: String) {
    for (index, part) in content.split(separator: "`", omittingEmptySubsequences: false)
      .enumerated()
    {
      if index % 2 == 1 {
        element("code", String(part))
      } else {
        text += Self.escaped(String(part))
      }
    }
  }

  static func escaped(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
