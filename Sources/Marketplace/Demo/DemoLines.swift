// DemoLines: writes NDJSON lines, and the small generator that the demo data are drawn from.

import Bytes

/// What the demo data are drawn with: the same on every machine and for ever.
extension SplitMix64 {
  /// 0..<limit.
  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}

/// Collects objects, one a line.
struct DemoLines {
  private var bytes: [UInt8] = []
  private var isFirst = true

  mutating func begin() {
    bytes.append(UInt8(ascii: "{"))
    isFirst = true
  }

  mutating func end() { bytes += Array("}\n".utf8) }

  mutating func take() -> [UInt8] {
    defer { bytes = [] }
    return bytes
  }

  private mutating func name(_ name: String) {
    if !isFirst { bytes.append(UInt8(ascii: ",")) }
    isFirst = false
    bytes += Array("\"\(name)\":".utf8)
  }

  /// The demo's texts hold no character that JSON escapes.
  mutating func text(_ name: String, _ text: String) {
    self.name(name)
    bytes += Array("\"\(text)\"".utf8)
  }

  mutating func texts(_ name: String, _ texts: [String]) {
    self.name(name)
    bytes += Array(("[" + texts.map { "\"\($0)\"" }.joined(separator: ",") + "]").utf8)
  }

  mutating func number(_ name: String, _ value: Int64) {
    self.name(name)
    bytes += Array(String(value).utf8)
  }

  mutating func decimal(_ name: String, minor: Int64) {
    self.name(name)
    bytes += Array("\(minor / 100).\(minor % 100 / 10)\(minor % 10)".utf8)
  }

  /// Degrees from ten-millionths of a degree.
  mutating func point(_ name: String, latitudeE7: Int, longitudeE7: Int) {
    self.name(name)
    bytes += Array("{\"lat\":\(degrees(latitudeE7)),\"lon\":\(degrees(longitudeE7))}".utf8)
  }

  private func degrees(_ valueE7: Int) -> String {
    let fraction = String(abs(valueE7) % 10_000_000)
    return (valueE7 < 0 ? "-" : "") + String(abs(valueE7) / 10_000_000) + "."
      + String(repeating: "0", count: 7 - fraction.count) + fraction
  }

  mutating func category(id: String, path: [String]) {
    begin()
    text("id", id)
    text("name", path.last ?? "")
    texts("path", path)
    texts("subCategories", [])
    end()
  }
}

extension String {
  var capitalisedFirst: String { prefix(1).uppercased() + dropFirst() }
}
