// EnglishStemmer: words of English to their stems: "connected", "connecting" and "connections" become
// "connect". The Snowball English stemmer (Porter2, M. F. Porter, with the exceptions of Snowball 3.1),
// after its published description; the names of steps and regions are the description's.
//
// The word is the tail of a byte array and is worked on in place; nothing is allocated. A "y" that is a
// consonant is "Y" while the steps run. Bytes that are no letters count as consonants.

struct EnglishStemmer {
  private let start: Int
  private var bytes: [UInt8] = []
  /// Where the regions R1 and R2 begin.
  private var p1 = 0
  private var p2 = 0

  /// Stems the lower-case word that is the rest of `bytes` from `start`.
  static func stem(_ bytes: inout [UInt8], from start: Int) {
    guard bytes.count - start > 2, !stemException(&bytes, start) else { return }
    var stemmer = EnglishStemmer(start: start)
    swap(&stemmer.bytes, &bytes)
    stemmer.run()
    swap(&stemmer.bytes, &bytes)
  }

  private init(start: Int) { self.start = start }

  private mutating func run() {
    if bytes[start] == UInt8(ascii: "'") { bytes.remove(at: start) }
    let hasY = markConsonantY()
    markRegions()
    step1a()
    step1b()
    step1c()
    step2()
    step3()
    step4()
    step5()
    guard hasY else { return }
    for index in start..<bytes.count where bytes[index] == UInt8(ascii: "Y") {
      bytes[index] = UInt8(ascii: "y")
    }
  }

  // MARK: Letters and regions

  private static func isVowel(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a"), UInt8(ascii: "e"), UInt8(ascii: "i"), UInt8(ascii: "o"),
      UInt8(ascii: "u"), UInt8(ascii: "y"):
      true
    default: false
    }
  }

  private func isVowel(at index: Int) -> Bool { Self.isVowel(bytes[index]) }

  private mutating func markConsonantY() -> Bool {
    var found = false
    for index in start..<bytes.count where bytes[index] == UInt8(ascii: "y") {
      if index == start || isVowel(at: index - 1) {
        bytes[index] = UInt8(ascii: "Y")
        found = true
      }
    }
    return found
  }

  private static let regionExceptions: [StaticString] = [
    "gener", "commun", "arsen", "past", "univers", "later", "emerg", "organ", "inter",
  ]

  /// By the first two letters; most words are none.
  private var mayBeRegionException: Bool {
    guard bytes.count - start >= 4 else { return false }
    let second = bytes[start + 1]
    switch bytes[start] {
    case UInt8(ascii: "a"), UInt8(ascii: "o"): return second == UInt8(ascii: "r")
    case UInt8(ascii: "c"): return second == UInt8(ascii: "o")
    case UInt8(ascii: "e"): return second == UInt8(ascii: "m")
    case UInt8(ascii: "g"): return second == UInt8(ascii: "e")
    case UInt8(ascii: "i"), UInt8(ascii: "u"): return second == UInt8(ascii: "n")
    case UInt8(ascii: "l"), UInt8(ascii: "p"): return second == UInt8(ascii: "a")
    default: return false
    }
  }

  private mutating func markRegions() {
    let exception = mayBeRegionException ? Self.regionExceptions.first { begins($0) } : nil
    p1 = exception.map { start + $0.utf8CodeUnitCount } ?? regionAfter(start)
    p2 = regionAfter(p1)
  }

  /// The place after the first non-vowel after a vowel, from `index`.
  private func regionAfter(_ index: Int) -> Int {
    var index = index
    while index < bytes.count && !isVowel(at: index) { index += 1 }
    while index < bytes.count && isVowel(at: index) { index += 1 }
    return min(index + 1, bytes.count)
  }

  /// Whether the part before `end` ends in a short syllable.
  private func isShortSyllable(before end: Int) -> Bool {
    guard end - start >= 2 else { return false }
    let last = bytes[end - 1]
    if !Self.isVowel(last) && isVowel(at: end - 2) {
      if end - start == 2 { return true }
      let isLong =
        last == UInt8(ascii: "w") || last == UInt8(ascii: "x") || last == UInt8(ascii: "Y")
      if !isLong && !isVowel(at: end - 3) { return true }
    }
    return ends("past", before: end)
  }

  private func begins(_ prefix: StaticString) -> Bool {
    let count = prefix.utf8CodeUnitCount
    guard bytes.count - start >= count else { return false }
    return matches(prefix, at: start)
  }

  private func ends(_ suffix: StaticString) -> Bool { ends(suffix, before: bytes.count) }

  private func ends(_ suffix: StaticString, before end: Int) -> Bool {
    let count = suffix.utf8CodeUnitCount
    guard end - start >= count else { return false }
    return matches(suffix, at: end - count)
  }

  /// Whether `text` stands at `place`; it fits there.
  private func matches(_ text: StaticString, at place: Int) -> Bool {
    text.withUTF8Buffer { text in
      for index in text.indices.reversed() where bytes[place + index] != text[index] {
        return false
      }
      return true
    }
  }

  private func contains(vowelBefore end: Int) -> Bool {
    end > start && (start..<end).contains { isVowel(at: $0) }
  }

  private mutating func removeLast(_ count: Int) { bytes.removeLast(count) }

  private mutating func replace(_ suffix: StaticString, by text: StaticString) {
    bytes.removeLast(suffix.utf8CodeUnitCount)
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  private mutating func appendE() { bytes.append(UInt8(ascii: "e")) }

  // MARK: Step 1

  private mutating func step1a() {
    if ends("'s'") {
      removeLast(3)
    } else if ends("'s") {
      removeLast(2)
    } else if ends("'") {
      removeLast(1)
    }
    if ends("sses") {
      removeLast(2)
    } else if ends("ied") || ends("ies") {
      removeLast(bytes.count - start > 4 ? 2 : 1)
    } else if ends("us") || ends("ss") {
      return
    } else if ends("s"), contains(vowelBefore: bytes.count - 2) {
      removeLast(1)
    }
  }

  private mutating func step1b() {
    guard ends("d") || ends("g") || ends("ly") else { return }
    for suffix in ["eedly", "ingly", "edly", "eed", "ing", "ed"] as [StaticString]
    where ends(suffix) {
      let stemEnd = bytes.count - suffix.utf8CodeUnitCount
      let stemCount = stemEnd - start
      switch suffix.utf8CodeUnitCount {
      case _ where ends("eedly") || ends("eed"):
        guard stemEnd >= p1, !(stemCount == 4 && (begins("proc") || begins("succ"))),
          !(stemCount == 3 && begins("exc"))
        else { return }
        return replace(suffix, by: "ee")
      case 3 where isLeftAlone(stemEnd, stemCount): return
      case 3 where stemCount == 2 && ends("ying") && !isVowel(at: start):
        return replace("ying", by: "ie")
      default:
        guard contains(vowelBefore: stemEnd) else { return }
        removeLast(suffix.utf8CodeUnitCount)
        return mend()
      }
    }
  }

  /// Words in -ing that are no forms of a verb.
  private func isLeftAlone(_ stemEnd: Int, _ stemCount: Int) -> Bool {
    switch stemCount {
    case 3: begins("inn") || begins("out")
    case 4: begins("cann") || begins("herr") || begins("earr") || begins("even")
    default: false
    }
  }

  /// What a verb needs after it lost its ending.
  private mutating func mend() {
    if ends("at") || ends("bl") || ends("iz") { return appendE() }
    if endsInDouble {
      let first = bytes[start]
      let isKept =
        bytes.count - start == 3
        && (first == UInt8(ascii: "a") || first == UInt8(ascii: "e") || first == UInt8(ascii: "o"))
      if !isKept { removeLast(1) }
    } else if bytes.count == p1 && isShortSyllable(before: bytes.count) {
      appendE()
    }
  }

  private var endsInDouble: Bool {
    guard bytes.count - start >= 2, let last = bytes.last, last == bytes[bytes.count - 2] else {
      return false
    }
    switch last {
    case UInt8(ascii: "b"), UInt8(ascii: "d"), UInt8(ascii: "f"), UInt8(ascii: "g"),
      UInt8(ascii: "m"), UInt8(ascii: "n"), UInt8(ascii: "p"), UInt8(ascii: "r"),
      UInt8(ascii: "t"):
      return true
    default: return false
    }
  }

  private mutating func step1c() {
    guard bytes.count - start > 2, ends("y") || ends("Y"), !isVowel(at: bytes.count - 2) else {
      return
    }
    bytes[bytes.count - 1] = UInt8(ascii: "i")
  }

  // MARK: Steps 2 to 5

  /// Suffixes before their own endings, so that the first that fits is the longest.
  private static let step2Suffixes: [(StaticString, StaticString)] = [
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("abli", "able"),
    ("entli", "ent"), ("izer", "ize"), ("ization", "ize"), ("ation", "ate"), ("ator", "ate"),
    ("alism", "al"), ("aliti", "al"), ("alli", "al"), ("fulness", "ful"), ("ousli", "ous"),
    ("ousness", "ous"), ("iveness", "ive"), ("iviti", "ive"), ("biliti", "ble"), ("bli", "ble"),
    ("ogist", "og"), ("ogi", "og"), ("fulli", "ful"), ("lessli", "less"), ("li", ""),
  ]

  private static let step3Suffixes: [(StaticString, StaticString)] = [
    ("ational", "ate"), ("tional", "tion"), ("alize", "al"), ("icate", "ic"), ("iciti", "ic"),
    ("ical", "ic"), ("ful", ""), ("ness", ""), ("ative", ""),
  ]

  private static let step4Suffixes: [StaticString] = [
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ism", "ate",
    "iti", "ous", "ive", "ize", "ion",
  ]

  /// Whether the last letter but one may be that of a suffix of step 2, 3 or 4.
  private func hasPenultimate(ofStep step: Int) -> Bool {
    guard bytes.count - start >= 2 else { return false }
    switch bytes[bytes.count - 2] {
    case UInt8(ascii: "a"), UInt8(ascii: "s"), UInt8(ascii: "t"): return true
    case UInt8(ascii: "c"), UInt8(ascii: "e"), UInt8(ascii: "l"), UInt8(ascii: "o"):
      return step != 3
    case UInt8(ascii: "g"): return step == 2
    case UInt8(ascii: "u"), UInt8(ascii: "v"), UInt8(ascii: "z"): return step != 2
    case UInt8(ascii: "i"), UInt8(ascii: "n"): return step == 4
    default: return false
    }
  }

  private mutating func step2() {
    guard hasPenultimate(ofStep: 2) else { return }
    switch bytes.last {
    case UInt8(ascii: "i"), UInt8(ascii: "l"), UInt8(ascii: "m"), UInt8(ascii: "n"),
      UInt8(ascii: "r"), UInt8(ascii: "s"), UInt8(ascii: "t"):
      break
    default: return
    }
    guard let (suffix, replacement) = Self.step2Suffixes.first(where: { ends($0.0) }) else {
      return
    }
    let stemEnd = bytes.count - suffix.utf8CodeUnitCount
    guard stemEnd >= p1 else { return }
    if ends("ogi") && !ends("l", before: stemEnd) { return }
    if replacement.utf8CodeUnitCount == 0 {
      guard stemEnd > start, Self.isBeforeLi(bytes[stemEnd - 1]) else { return }
    }
    replace(suffix, by: replacement)
  }

  private static func isBeforeLi(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "c"), UInt8(ascii: "d"), UInt8(ascii: "e"), UInt8(ascii: "g"),
      UInt8(ascii: "h"), UInt8(ascii: "k"), UInt8(ascii: "m"), UInt8(ascii: "n"),
      UInt8(ascii: "r"), UInt8(ascii: "t"):
      true
    default: false
    }
  }

  private mutating func step3() {
    guard hasPenultimate(ofStep: 3) else { return }
    switch bytes.last {
    case UInt8(ascii: "e"), UInt8(ascii: "i"), UInt8(ascii: "l"), UInt8(ascii: "s"): break
    default: return
    }
    guard let (suffix, replacement) = Self.step3Suffixes.first(where: { ends($0.0) }) else {
      return
    }
    let stemEnd = bytes.count - suffix.utf8CodeUnitCount
    guard stemEnd >= (ends("ative") ? p2 : p1) else { return }
    replace(suffix, by: replacement)
  }

  private mutating func step4() {
    guard hasPenultimate(ofStep: 4) else { return }
    switch bytes.last {
    case UInt8(ascii: "c"), UInt8(ascii: "e"), UInt8(ascii: "i"), UInt8(ascii: "l"),
      UInt8(ascii: "m"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "s"),
      UInt8(ascii: "t"):
      break
    default: return
    }
    guard let suffix = Self.step4Suffixes.first(where: { ends($0) }) else { return }
    let stemEnd = bytes.count - suffix.utf8CodeUnitCount
    guard stemEnd >= p2 else { return }
    if ends("ion") && !ends("s", before: stemEnd) && !ends("t", before: stemEnd) { return }
    removeLast(suffix.utf8CodeUnitCount)
  }

  private mutating func step5() {
    let stemEnd = bytes.count - 1
    if ends("e") {
      if stemEnd >= p2 || (stemEnd >= p1 && !isShortSyllable(before: stemEnd)) { removeLast(1) }
    } else if ends("l"), stemEnd >= p2, ends("l", before: stemEnd) {
      removeLast(1)
    }
  }

  // MARK: Exceptions

  /// Whether the word is one of those with a stem of their own; it then has it.
  private static func stemException(_ bytes: inout [UInt8], _ start: Int) -> Bool {
    guard bytes.count - start <= 6 else { return false }
    let probe = EnglishStemmer(start: start)
    return probe.stemException(&bytes)
  }

  private static let exceptions: [(StaticString, StaticString)] = [
    ("skis", "ski"), ("skies", "sky"), ("idly", "idl"), ("gently", "gentl"), ("ugly", "ugli"),
    ("early", "earli"), ("only", "onli"), ("singly", "singl"), ("sky", "sky"), ("news", "news"),
    ("howe", "howe"), ("atlas", "atlas"), ("cosmos", "cosmos"), ("bias", "bias"),
    ("andes", "andes"),
  ]

  private func stemException(_ bytes: inout [UInt8]) -> Bool {
    let count = bytes.count - start
    guard
      bytes[bytes.count - 1] == UInt8(ascii: "s") || bytes[bytes.count - 1] == UInt8(ascii: "y")
        || bytes[bytes.count - 1] == UInt8(ascii: "e")
    else { return false }
    for (word, stem) in Self.exceptions where word.utf8CodeUnitCount == count {
      let isEqual = word.withUTF8Buffer { $0.elementsEqual(bytes[start...]) }
      guard isEqual else { continue }
      bytes.removeLast(count)
      stem.withUTF8Buffer { bytes.append(contentsOf: $0) }
      return true
    }
    return false
  }
}
