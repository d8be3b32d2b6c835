// WordScanner: finds the words of a text and writes their terms to a list (Analyser says which words).
//
// Two paths with the same result: a run of ASCII letters and digits that ASCII ends is a word, taken
// whole; anything else goes one scalar at a time through the rules of Unicode Standard Annex 29, whose
// numbers (WB…) stand beside them.
//
// While a word is open its bytes stand after the list's last end. `content` is the part that certainly
// belongs to it: what joins (a full stop, an underscore) is written at once, and taken back if nothing
// follows that it joins to.

struct WordScanner {
  /// What becomes of a word that was found.
  enum Finish { case plain, english, beginnings, beginning }

  private let finish: Finish
  private let classes = WordClasses.shared

  private var isOpen = false
  /// What the next scalar is compared with: the class of the last one, marks not counted (WB4).
  private var last = WordClass.other
  /// The class before `last`, when `last` is a joining mark between two letters or digits.
  private var beforeLast = WordClass.other
  /// Whether a joiner of pictures stands just before.
  private var isAfterZeroWidthJoiner = false
  /// Whether diacritics are dropped: the last letter was a folded one.
  private var dropsMarks = false
  /// A letter that a mark may be composed with; zero: none.
  private var base: UInt32 = 0
  private var baseStart = 0
  private var openStart = 0
  private var contentEnd = 0
  private var sourceStart = 0
  private var sourceEnd = 0

  init(_ finish: Finish) { self.finish = finish }

  /// Appends the terms of valid UTF-8 to `list`. Without `fast` only the second path is taken.
  mutating func scan(
    _ utf8: UnsafeBufferPointer<UInt8>, fast: Bool = true, into list: inout TermList
  ) {
    list.bytes.reserveCapacity(list.bytes.count + utf8.count)
    var index = 0
    while index < utf8.count {
      let byte = utf8[index]
      guard byte < 0x80 else {
        let (scalar, width) = Self.decode(utf8, at: index)
        other(scalar, index..<index + width, into: &list)
        index += width
        continue
      }
      if fast && !isOpen {
        guard Self.isLetterOrDigit(byte) else {
          index += 1
          continue
        }
        if let end = Self.endOfWord(utf8, from: index) {
          takeWord(utf8, index..<end, into: &list)
          index = end
          continue
        }
      }
      step(Unicode.Scalar(byte), WordClasses.ofASCII(byte), index..<index + 1, into: &list)
      index += 1
    }
    close(into: &list)
  }

  @inline(__always)
  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10
  }

  /// The end of the word of ASCII letters and digits at `start`; nil when what follows might belong to
  /// it, or it is too long for one term.
  @inline(__always)
  private static func endOfWord(_ utf8: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    var end = start + 1
    while end < utf8.count && isLetterOrDigit(utf8[end]) { end += 1 }
    guard end - start <= TermList.termBytesMax else { return nil }
    guard end < utf8.count else { return end }
    switch utf8[end] {
    case UInt8(ascii: "'"), UInt8(ascii: "."), UInt8(ascii: ","), UInt8(ascii: ";"):
      guard end + 1 < utf8.count else { return end }
      let next = utf8[end + 1]
      return next < 0x80 && !isLetterOrDigit(next) ? end : nil
    case UInt8(ascii: "_"), 0x80...: return nil
    default: return end
    }
  }

  @inline(__always)
  private mutating func takeWord(
    _ utf8: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, into list: inout TermList
  ) {
    let start = list.bytes.count
    // The bit that makes a capital small; digits have it already.
    for index in range { list.bytes.append(utf8[index] | 0x20) }
    finishWord(from: start, range, into: &list)
  }

  private mutating func other(
    _ scalar: Unicode.Scalar, _ source: Range<Int>, into list: inout TermList
  ) {
    if let (first, second) = CanonicalPairs.split(scalar.value) {
      other(first, source, into: &list)
      step(second, classes[second.value], source, into: &list)
    } else {
      step(scalar, classes[scalar.value], source, into: &list)
    }
  }

  /// The scalar at a lead byte, and its width. Bytes that are no scalar count as U+FFFD, one
  /// wide.
  private static func decode(
    _ utf8: UnsafeBufferPointer<UInt8>, at index: Int
  ) -> (Unicode.Scalar, Int) {
    let lead = UInt32(utf8[index])
    let width = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    guard width > 1, index + width <= utf8.count else { return ("\u{fffd}", 1) }
    var value = lead & (width == 2 ? 0x1f : width == 3 ? 0x0f : 0x07)
    for next in 1..<width {
      guard utf8[index + next] & 0xc0 == 0x80 else { return ("\u{fffd}", 1) }
      value = value << 6 | UInt32(utf8[index + next] & 0x3f)
    }
    return (Unicode.Scalar(value) ?? "\u{fffd}", width)
  }

  // MARK: The rules

  private mutating func step(
    _ scalar: Unicode.Scalar, _ known: WordClass, _ source: Range<Int>, into list: inout TermList
  ) {
    if known == .mark || known == .hidden {
      return mark(scalar, isHidden: known == .hidden, source, into: &list)
    }
    let isPicture = known == .other && scalar.value >= 0x2000 && scalar.properties.isEmoji
    let kind = isPicture ? .picture : known
    if isOpen && kind.joins(last, beforeLast, isAfterZeroWidthJoiner) {
      append(scalar, kind, source, into: &list)
    } else if isOpen && kind.mayJoin(last) {
      appendJoiningMark(scalar, kind, to: &list)
    } else {
      close(into: &list)
      if kind.startsWord {
        open(source, in: list)
        append(scalar, kind, source, into: &list)
      }
    }
    isAfterZeroWidthJoiner = false
  }

  private mutating func open(_ source: Range<Int>, in list: TermList) {
    isOpen = true
    openStart = list.bytes.count
    contentEnd = openStart
    base = 0
    isAfterZeroWidthJoiner = false
    (last, beforeLast) = (.other, .other)
    (sourceStart, sourceEnd) = (source.lowerBound, source.lowerBound)
  }

  private mutating func append(
    _ scalar: Unicode.Scalar, _ kind: WordClass, _ source: Range<Int>, into list: inout TermList
  ) {
    var start = list.bytes.count
    switch kind {
    case .letter, .digit:
      if (0x1161...0x11c2).contains(scalar.value),
        let whole = CanonicalPairs.shared.compose(base, scalar.value)
      {
        // Hangul comes in parts; what was written of it is written anew.
        start = baseStart
        list.truncate(to: start)
        appendPlain(whole, to: &list)
      } else {
        appendFolded(scalar, to: &list)
      }
    case .picture:
      if isAfterZeroWidthJoiner { list.write("\u{200d}") }
      appendPlain(scalar, to: &list)
    default: appendPlain(scalar, to: &list)
    }
    cut(at: start, source, in: &list)
    baseStart = start == openStart ? start : max(openStart, start)
    // A flag is two halves and no more.
    (beforeLast, last) = (.other, kind == .regional && last == .regional ? .other : kind)
    // A sign that is no picture by itself (©) becomes one by what follows.
    let isContent = kind != .picture || contentEnd > openStart
    if kind != .joiner && (isContent || scalar.properties.isEmojiPresentation) {
      belongs(source, in: list)
    }
  }

  /// A full stop or the like, which belongs to the word if the next letter or digit does.
  private mutating func appendJoiningMark(
    _ scalar: Unicode.Scalar, _ kind: WordClass, to list: inout TermList
  ) {
    switch scalar.value {
    case 0x2018, 0x2019, 0xff07: list.bytes.append(UInt8(ascii: "'"))
    case 0x2024, 0xfe52, 0xff0e: list.bytes.append(UInt8(ascii: "."))
    case 0xfe10, 0xfe50, 0xff0c: list.bytes.append(UInt8(ascii: ","))
    case 0x37e, 0xfe14, 0xfe54, 0xff1b: list.bytes.append(UInt8(ascii: ";"))
    case 0x387: list.write("\u{b7}")
    default: list.write(scalar)
    }
    (beforeLast, last) = (last, kind)
  }

  /// WB4: a mark belongs to what stands before it, and the next scalar does not see it.
  private mutating func mark(
    _ scalar: Unicode.Scalar, isHidden: Bool, _ source: Range<Int>, into list: inout TermList
  ) {
    guard isOpen else { return }
    isAfterZeroWidthJoiner = scalar.value == 0x200d
    switch last {
    case .picture:
      // U+FE0F makes a picture of a sign.
      if scalar.value == 0xfe0f || contentEnd > openStart { belongs(source, in: list) }
    case .letter, .hebrew, .digit, .katakana, .single, .complex:
      if !isHidden && !dropsMarks {
        let start = list.bytes.count
        if let whole = CanonicalPairs.shared.compose(base, scalar.value) {
          list.truncate(to: baseStart)
          appendPlain(whole, to: &list)
        } else {
          list.write(scalar)
          base = 0
        }
        cut(at: start, source, in: &list)
      }
      belongs(source, in: list)
    default: break
    }
  }

  private mutating func appendPlain(_ scalar: Unicode.Scalar, to list: inout TermList) {
    list.write(scalar)
    base = scalar.value
    dropsMarks = false
  }

  private mutating func appendFolded(_ scalar: Unicode.Scalar, to list: inout TermList) {
    let value = scalar.value
    dropsMarks = true
    base = 0
    if value < 0x80 {
      let byte = UInt8(truncatingIfNeeded: value)
      return list.bytes.append(Self.isLetterOrDigit(byte) ? byte | 0x20 : byte)
    }
    switch LetterFolding.fold(value) {
    case .one(let byte): list.bytes.append(byte)
    case .two(let first, let second):
      list.bytes.append(first)
      list.bytes.append(second)
    case .greek(let letter): list.write(Unicode.Scalar(letter) ?? scalar)
    case .kept: appendLowercased(scalar, to: &list)
    }
  }

  private mutating func appendLowercased(_ scalar: Unicode.Scalar, to list: inout TermList) {
    let value = scalar.value
    switch value {
    case 0x410...0x42f: appendPlain(Unicode.Scalar(value + 32) ?? scalar, to: &list)
    case 0x400...0x40f: appendPlain(Unicode.Scalar(value + 80) ?? scalar, to: &list)
    case 0x430...0x45f, 0x5d0...0x1000, 0x3000...0xa000, 0xac00...0xd7a3:
      appendPlain(scalar, to: &list)
    default:
      for lower in scalar.properties.lowercaseMapping.unicodeScalars {
        appendPlain(lower, to: &list)
      }
    }
  }

  // MARK: The end of a word

  /// What was written belongs to the word.
  private mutating func belongs(_ source: Range<Int>, in list: TermList) {
    contentEnd = list.bytes.count
    sourceEnd = source.upperBound
  }

  /// Ends the word before the bytes from `start` if it would be longer than a term may be.
  private mutating func cut(at start: Int, _ source: Range<Int>, in list: inout TermList) {
    guard list.bytes.count - openStart > TermList.termBytesMax, start > openStart else { return }
    let tail = Array(list.bytes[start...])
    let kept = last
    list.truncate(to: start)
    close(into: &list)
    open(source, in: list)
    baseStart = openStart
    list.bytes.append(contentsOf: tail)
    last = kept
  }

  private mutating func close(into list: inout TermList) {
    guard isOpen else { return }
    isOpen = false
    list.truncate(to: contentEnd)
    if contentEnd > openStart {
      finishWord(from: openStart, sourceStart..<sourceEnd, into: &list)
    }
  }

  @inline(__always)
  private mutating func finishWord(
    from start: Int, _ source: Range<Int>, into list: inout TermList
  ) {
    let place =
      UInt32(
        truncatingIfNeeded: source.lowerBound)..<UInt32(
        truncatingIfNeeded: source.upperBound)
    let position = list.nextPosition
    list.nextPosition &+= 1
    switch finish {
    case .plain: list.close(position: position, source: place)
    case .english:
      if EnglishWords.reduce(&list.bytes, from: start) {
        list.close(position: position, source: place)
      }
    case .beginning:
      list.truncate(to: Self.end(ofCharacters: Analyser.ngramCharactersMost, list.bytes, start))
      list.close(position: position, source: place)
    case .beginnings: closeBeginnings(from: start, position, place, in: &list)
    }
  }

  /// The word's first character, its first two, and so on.
  private func closeBeginnings(
    from start: Int, _ position: UInt32, _ source: Range<UInt32>, in list: inout TermList
  ) {
    let most = Self.end(ofCharacters: Analyser.ngramCharactersMost, list.bytes, start)
    let word = Array(list.bytes[start..<most])
    list.truncate(to: start)
    var end = 0
    while end < word.count {
      end = Self.end(ofCharacters: 1, word, end)
      list.bytes.append(contentsOf: word[..<end])
      list.close(position: position, source: source)
    }
  }

  /// The offset after `count` characters from `start`.
  private static func end(ofCharacters count: Int, _ bytes: [UInt8], _ start: Int) -> Int {
    var left = count
    var end = start
    while end < bytes.count && left > 0 {
      end += 1
      while end < bytes.count && bytes[end] & 0xc0 == 0x80 { end += 1 }
      left -= 1
    }
    return end
  }
}
