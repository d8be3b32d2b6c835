// Analyser: text to the terms that are indexed and asked for; the same at both times.
//
// `standard`, after Unicode Standard Annex 29 (word boundaries), in this order:
// 1. A word is a run of letters and digits of any script. Underscore joins, as in the annex.
// 2. Between two letters an apostrophe (' or ’, both become '), full stop or middle dot joins:
//    "can't", "souk.example". Between two digits a full stop, comma, semicolon or apostrophe joins:
//    "3.14", "1,000". A colon never joins, unlike in the annex: "size:xl" is two words here.
// 3. An ideograph and a Hiragana letter is a word by itself, as in the annex; scripts written
//    without spaces that need a dictionary (Thai, Lao, Khmer) stay one word a run.
// 4. Words are lower-cased; Latin letters lose their diacritics, precomposed or combining, while
//    marks of other scripts stay. No stop words, no stemming.
// 5. A word longer than 255 bytes is cut into terms of at most 255, between characters.

/// The terms of one text, in order, in one byte run.
struct TermList {
  private(set) var bytes: [UInt8] = []
  /// Offset just past each term.
  private(set) var ends: [Int] = []

  var count: Int { ends.count }

  func range(_ index: Int) -> Range<Int> {
    (index == 0 ? 0 : ends[index - 1])..<ends[index]
  }

  var terms: [[UInt8]] { (0..<count).map { Array(bytes[range($0)]) } }

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }

  // What is after the last end is the word that is being read.
  fileprivate var openStart: Int { ends.last ?? 0 }
  fileprivate var isOpen: Bool { bytes.count > openStart }

  fileprivate mutating func append(_ byte: UInt8) {
    if bytes.count - openStart >= Analyser.termBytesMax { close() }
    bytes.append(byte)
  }

  fileprivate mutating func append(_ scalar: Unicode.Scalar) {
    let encoded = UTF8.encode(scalar).unsafelyUnwrapped
    if bytes.count - openStart + encoded.count > Analyser.termBytesMax { close() }
    bytes.append(contentsOf: encoded)
  }

  fileprivate mutating func close() {
    if isOpen { ends.append(bytes.count) }
  }
}

/// How a text field's words are found.
public enum Analyser: Sendable {
  case standard

  static let termBytesMax = 255

  /// The terms of `text`, in order, repeated as often as they occur.
  public func terms(of text: String) -> [[UInt8]] {
    var list = TermList()
    analyse(text, into: &list)
    return list.terms
  }

  /// Appends the terms of `text` to `list`.
  func analyse(_ text: String, into list: inout TermList) {
    var scanner = WordScanner()
    var text = text
    text.withUTF8 { utf8 in
      var index = 0
      while index < utf8.count {
        let byte = utf8[index]
        if byte < 0x80 {
          scanner.ascii(byte, into: &list)
          index += 1
        } else {
          let (scalar, width) = Self.decode(utf8, at: index)
          scanner.other(scalar, into: &list)
          index += width
        }
      }
    }
    list.close()
  }

  /// The scalar at a lead byte of a String's valid UTF-8.
  private static func decode(
    _ utf8: UnsafeBufferPointer<UInt8>, at index: Int
  ) -> (Unicode.Scalar, Int) {
    let lead = UInt32(utf8[index])
    let width = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    var value = lead & (width == 2 ? 0x1f : width == 3 ? 0x0f : 0x07)
    for next in 1..<width where index + next < utf8.count {
      value = value << 6 | UInt32(utf8[index + next] & 0x3f)
    }
    return (Unicode.Scalar(value) ?? "\u{fffd}", width)
  }
}

/// The scanner's state between two characters.
private struct WordScanner {
  enum Kind { case none, letter, digit, joiner }

  /// The kind of the open word's last character.
  var last = Kind.none
  var lastIsLatin = false
  /// A mark that joins only if the next character is of the kind that stands before it.
  var held: UInt8 = 0

  mutating func ascii(_ byte: UInt8, into list: inout TermList) {
    switch byte {
    case 0x61...0x7a: word(.letter, latin: true, &list) { $0.append(byte) }
    case 0x41...0x5a: word(.letter, latin: true, &list) { $0.append(byte | 0x20) }
    case 0x30...0x39: word(.digit, latin: true, &list) { $0.append(byte) }
    case UInt8(ascii: "_"):
      if list.isOpen && held == 0 { word(.joiner, latin: false, &list) { $0.append(byte) } }
    case UInt8(ascii: "'"), UInt8(ascii: "."): hold(byte, letters: true, digits: true, &list)
    case UInt8(ascii: ","), UInt8(ascii: ";"): hold(byte, letters: false, digits: true, &list)
    default: end(&list)
    }
  }

  mutating func other(_ scalar: Unicode.Scalar, into list: inout TermList) {
    let value = scalar.value
    if value == 0x2019 { return hold(UInt8(ascii: "'"), letters: true, digits: true, &list) }
    if value == 0xb7 { return hold(0xb7, letters: true, digits: false, &list) }
    switch LatinFolding.fold(value) {
    case .one(let byte): return word(.letter, latin: true, &list) { $0.append(byte) }
    case .two(let first, let second):
      return word(.letter, latin: true, &list) {
        $0.append(first)
        $0.append(second)
      }
    case .kept: break
    }
    if value >= 0x300 && value <= 0x36f {
      if list.isOpen && held == 0 && !lastIsLatin { list.append(scalar) }
      return
    }
    let properties = scalar.properties
    if properties.isIdeographic || (value >= 0x3041 && value <= 0x309f) {
      end(&list)
      list.append(scalar)
      return end(&list)
    }
    switch properties.generalCategory {
    case .decimalNumber, .letterNumber:
      word(.digit, latin: false, &list) { $0.append(scalar) }
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      word(.letter, latin: false, &list) { Self.appendLowercased(scalar, to: &$0) }
    case .nonspacingMark, .spacingMark, .enclosingMark, .format:
      // A mark or an invisible joiner extends a word and never starts one; joiners are dropped, for
      // what cannot be seen cannot be typed.
      if list.isOpen && held == 0 && properties.generalCategory != .format { list.append(scalar) }
    default: end(&list)
    }
  }

  private static func appendLowercased(_ scalar: Unicode.Scalar, to list: inout TermList) {
    let value = scalar.value
    switch value {
    case 0x410...0x42f, 0x391...0x3a1, 0x3a3...0x3a9:
      list.append(Unicode.Scalar(value + 32) ?? scalar)
    case 0x430...0x44f, 0xac00...0xd7a3: list.append(scalar)
    // A final sigma is the same letter as any other.
    case 0x3c2: list.append("\u{3c3}")
    default:
      for lower in scalar.properties.lowercaseMapping.unicodeScalars {
        list.append(lower)
      }
    }
  }

  private mutating func word(
    _ kind: Kind, latin: Bool, _ list: inout TermList, _ append: (inout TermList) -> Void
  ) {
    if held != 0 {
      if kind == last {
        if held == 0xb7 { list.append("\u{b7}" as Unicode.Scalar) } else { list.append(held) }
      } else {
        list.close()
      }
      held = 0
    }
    append(&list)
    last = kind
    lastIsLatin = latin
  }

  private mutating func hold(
    _ mark: UInt8, letters: Bool, digits: Bool, _ list: inout TermList
  ) {
    let joins = (last == .letter && letters) || (last == .digit && digits)
    guard list.isOpen, held == 0, joins else { return end(&list) }
    held = mark
  }

  private mutating func end(_ list: inout TermList) {
    list.close()
    held = 0
    last = .none
    lastIsLatin = false
  }
}
