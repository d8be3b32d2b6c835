// WordClasses: what each Unicode scalar is to the word scanner, after Word_Break of Unicode 15.0 (Unicode
// Standard Annex 29, table 3), with three classes of our own: `single`, `complex` and `hidden`.
//
// The table is written as runs over all scalars from U+0080: a letter for the class, then how many
// scalars if more than one. It is unpacked once, at the first text that is not ASCII: a byte for each
// scalar of the basic plane, and the ends of runs for the others. Scalars that Unicode 15 did not know
// are `other`.

/// `rawValue` is the letter of the runs.
enum WordClass: UInt8, Sendable {
  case other = 0x6f  // o
  case letter = 0x6c  // l
  case hebrew = 0x68  // h
  case katakana = 0x6b  // k
  case digit = 0x6e  // n
  /// Underscore and the like.
  case joiner = 0x6a  // j
  /// Joins two letters.
  case midLetter = 0x62  // b
  /// Joins two digits.
  case midNumber = 0x63  // c
  /// Joins two letters or two digits.
  case midBoth = 0x64  // d
  /// Half of a flag.
  case regional = 0x72  // r
  /// Extends what stands before it.
  case mark = 0x6d  // m
  /// As `mark`, but cannot be seen, or only varies a glyph: never part of a term.
  case hidden = 0x7a  // z
  /// An ideograph or a Hiragana letter: a word by itself.
  case single = 0x73  // s
  /// A letter of a script that is written without spaces (Line_Break=Complex_Context).
  case complex = 0x74  // t
  /// A picture; no run has it, for Emoji_Presentation comes from the standard library.
  case picture = 0x70  // p
  /// A double quotation mark, which joins two Hebrew letters; ASCII only.
  case quote = 0x71  // q

  var startsWord: Bool {
    switch self {
    case .letter, .hebrew, .digit, .katakana, .single, .complex, .regional, .picture: true
    default: false
    }
  }

  /// Whether this goes on a word that ends in `last`, which stands after `before` if it is a joining
  /// mark (WB5 ... WB16 of the annex).
  func joins(_ last: WordClass, _ before: WordClass, _ isAfterZeroWidthJoiner: Bool) -> Bool {
    switch (self, last) {
    case (.letter, .letter), (.letter, .hebrew), (.hebrew, .letter), (.hebrew, .hebrew):
      true  // WB5
    case (.letter, .midLetter), (.letter, .midBoth), (.hebrew, .midLetter), (.hebrew, .midBoth):
      before == .letter || before == .hebrew  // WB7
    case (.hebrew, .quote): true  // WB7c
    case (.digit, .digit), (.digit, .letter), (.digit, .hebrew): true  // WB8, WB9
    case (.letter, .digit), (.hebrew, .digit): true  // WB10
    case (.digit, .midNumber), (.digit, .midBoth): before == .digit  // WB11
    case (.katakana, .katakana): true  // WB13
    case (.joiner, .letter), (.joiner, .hebrew), (.joiner, .digit), (.joiner, .katakana),
      (.joiner, .joiner):
      true  // WB13a
    case (.letter, .joiner), (.hebrew, .joiner), (.digit, .joiner), (.katakana, .joiner):
      true  // WB13b
    case (.picture, .picture): isAfterZeroWidthJoiner  // WB3c
    case (.regional, .regional): true  // WB15; the scanner ends a flag after two
    case (.complex, .complex): true
    default: false
    }
  }

  /// Whether this stands after `last` as a mark that joins, if what follows does (WB6, WB7b, WB12).
  func mayJoin(_ last: WordClass) -> Bool {
    switch self {
    case .midLetter: last == .letter || last == .hebrew
    case .midNumber: last == .digit
    case .midBoth: last == .letter || last == .hebrew || last == .digit
    case .quote: last == .hebrew
    default: false
    }
  }
}

struct WordClasses: Sendable {
  static let shared = WordClasses()

  private var basic: [UInt8]
  /// Runs from U+10000: the scalar just past each, and its class.
  private var ends: [UInt32] = []
  private var kinds: [UInt8] = []

  subscript(scalar: UInt32) -> WordClass {
    if scalar < 0x10000 {
      return WordClass(rawValue: basic[Int(scalar)]) ?? .other
    }
    var (low, high) = (0, ends.count)
    while low < high {
      let middle = (low + high) / 2
      if ends[middle] <= scalar { low = middle + 1 } else { high = middle }
    }
    return low < kinds.count ? WordClass(rawValue: kinds[low]) ?? .other : .other
  }

  /// The class of an ASCII byte.
  static func ofASCII(_ byte: UInt8) -> WordClass {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): .letter
    case UInt8(ascii: "0")...UInt8(ascii: "9"): .digit
    case UInt8(ascii: "_"): .joiner
    case UInt8(ascii: "'"), UInt8(ascii: "."): .midBoth
    case UInt8(ascii: ","), UInt8(ascii: ";"): .midNumber
    case UInt8(ascii: "\""): .quote
    default: .other
    }
  }

  private init() {
    basic = [UInt8](repeating: WordClass.other.rawValue, count: 0x10000)
    for byte in UInt8(0)..<0x80 { basic[Int(byte)] = Self.ofASCII(byte).rawValue }
    var scalar: UInt32 = 0x80
    var kind = WordClass.other.rawValue
    var count: UInt32 = 0
    Self.runs.withUTF8Buffer { runs in
      for byte in runs {
        if byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") {
          count = count &* 10 &+ UInt32(byte & 0x0f)
        } else {
          fill(kind, max(count, scalar == 0x80 && count == 0 ? 0 : 1), &scalar)
          (kind, count) = (byte, 0)
        }
      }
    }
    fill(kind, max(1, count), &scalar)
    // A narrow space that does not break belongs to typography, not to a word; a colon never joins.
    for scalar in [0x202f, 0xfe13, 0xfe55, 0xff1a] { basic[scalar] = WordClass.other.rawValue }
    // Hebrew points and cantillation, Arabic vowel signs, and the stroke that lengthens a word: most
    // who write leave them out.
    let left: [ClosedRange<Int>] = [
      0x591...0x5bd, 0x5bf...0x5bf, 0x5c1...0x5c2, 0x5c4...0x5c5, 0x5c7...0x5c7, 0x640...0x640,
      0x64b...0x652, 0x670...0x670,
    ]
    for scalar in left.joined() { basic[scalar] = WordClass.hidden.rawValue }
  }

  private mutating func fill(_ kind: UInt8, _ count: UInt32, _ scalar: inout UInt32) {
    let end = scalar &+ count
    for each in scalar..<max(scalar, min(end, 0x10000)) { basic[Int(each)] = kind }
    if end > 0x10000 {
      ends.append(end)
      kinds.append(kind)
    }
    scalar = end
  }

  private static let runs: StaticString =
    """
    o42lo2zo7lobo2lo5l23ol31ol480o6l34m112l5ol2o2l4clo6lbl3olol20ol83ol139om7l166ol38o2l4olbl41clo\
    6m45omom2om2omo8h27o4h4lbo11z6o6c2o2m11ozo3l43m21n10oncol2ml99olm7zom6l2m2om4l2n10l3o2lo15zlml\
    30m27o2l89m11lo14n10l33m9l2o2colo2mo2l22m4lm9lm3lm5o18l25m3o4l11o5l24ol6oz2o6m8l42m24zm33l54m3\
    lm18lm7l10m2o2n10ol16m3ol8o2l2o2l22ol7olo3l4o2mlm7o2m2o2m3lo8mo4l2ol3m2o2n10l2o10lomo2m3ol6o4l\
    2o2l22ol7ol2ol2ol2o2mom5o4m2o2m3o3mo7l4olo7n10m2l3mo11m3ol9ol3ol22ol7ol2ol5o2mlm8om3om3o2lo15l\
    2m2o2n10o9lm6om3ol8o2l2o2l22ol7ol2ol5o2mlm7o2m2o2m3o7m3o4l2ol3m2o2n10olo16mlol6o3l3ol4o3l2olol\
    2o3l2o3l3o3l12o4m5o3m3om4o2lo6mo14n10o16m5l8ol3ol23ol16o2mlm7om3om4o7m2ol3o2lo2l2m2o2n10o16lm3\
    ol8ol3ol23ol10ol5o2mlm7om3om4o7m2o6l2ol2m2o2n10ol2mo12m4l9ol3ol41m2lm7om3om4lo5l3mo7l3m2o2n10o\
    10l6om3ol18o3l24ol9olo2l7o3mo4m6omom8o6n10o2m2o13t48mt2m7o5t7m8on10o39t2otot5ot24otot10mt2m9to\
    2t5otom7on10o2t4o32lo23m2o6n10o11momomo4m2l8ol36o4m20om2l5m11om36o9mo57t43m20tn10o6t6m4t4m3tm3\
    t2m7t3m4t13m12tmn10m4o2l38olo5lo2l43ol333ol4o2l7olol4o2l41ol4o2l33ol4o2l7olol4o2l15ol57ol4o2l6\
    7o2m3o32l16o16l86o2l6o3l620o2l17ol26o5l75o3l11o7l18m4o9l19m3o11l18m2o12l13ol3om2o12t52m32o3to4\
    tmo2n10o33z5n10o6l89o7l5m2l34mlo5l70o10l31om12o4m12o10n10t30o2t5o11t44o4t26o6n10o38l23m5o4t53m\
    10om29o2mn10o6n10o13to8m31o49m5l47m17l8o3n10o17m9o12m3l30m13l2n10l44m14o12l36m20o8n10o3l3n10l3\
    6o2l9o7l43o2l3o16m3om21l4ml6ml2m3lo5l192m64l278o2l6o2l38o2l6o2l8olololol31o2l53ol7olo3l3ol7o3l\
    4o2l6o4l13o5l3ol7o15z4o8d2o10do2bo2z5jo15j2o3co15jo11z5oz10olo13lo16l13o51m33o17lo4lo2l10olo3l\
    5o6lololol4ol11o2l4o5l5o4lo17l41o813l52o1814l229o6l4m3l2o12l38olo5lo2l56o7lo15ml23o9l7ol7ol7ol\
    7ol7ol7ol7ol7om32o47lo469ls2o25s9m6ok5o2s3l2o4s86o2m2k2s3k91ok4o5l43ol94o17l32o48k16o208k47ok8\
    8o168s6592o64s20992l1165o67l46o2l269o3l16n10l2o20l47m4om10ol31m2l80m2o22l195o5l2olol5o24l16ml3\
    ml4ml23m5o4mo19l52o12m2l50m18o10n10o6m18l6o3lol2mn10l28m8o2l23m13o12l29o3m4l47m14o14ln10o6t5mt\
    10n10t5ol41m14o9l3ml8m2o2n10o6t23o3tm3t50mtm3t2m2t5m2tmto24t3o2l11m5o2l3m2o10l6o2l6o2l6o9l7ol7\
    ol58o6l115m8om2o2n10o6l11172o12l23o4l49o8452s366o2s106o38l7o12l5o5hmh10oh13oh5ohoh2oh2oh10l98o\
    33l363o18l64o2l54o40l12o4z16co2bco11m16o3j2o24j3codocbo26l5ol135o2zo7do4codon10bco5l26o4jol26o\
    11k56m2l31o3l6o2l6o2l6o2l3o28z3o4l12ol26ol19ol2ol15o2l14o34l123o69l53o136mo130l29o3l49o15mo31l\
    32o13l30o5l38m5o5l30o2l36o4l8ol5o42l158o2n10o6l36o4l36o4l40o8l52o12l11ol15ol7ol2ol11ol15ol7ol2\
    o67l311o9l22o10l8o24l6ol42ol9o69l6o2lol44ol2o3lo2l23o10l23o9l31o65l19ol2o10l22o10l26o70l56o6l2\
    o64lm3om2o5m4l4ol3ol29o2m3o4mo32l29o3l29o35l8ol28m2o25l54o10l22o10l19o13l18o110l73o55l51o13l51\
    o13l36m4o8n10o326l42om2o3l2o75m3l29o10lo8l22m11o31l18m4o42l21o27l23o9m3l53m15o31n10ml2m2lo9m4l\
    45m11o2zo4mo10zo2l25o7n10o6m3l36m14on10o4lm2lo8l35mo2lo9m3l48m14l4o4m4om2n10lolo35l18ol25m12o6\
    ml2mo62l7olol4ol15ol10o7l47m12o5n10o6m4ol8o2l2o2l22ol7ol2ol5om2lm7o2m2o2m3o2lo6mo5l5m2o2m7o3m5\
    o139l53m18l4o5n10o4ml3o30l48m20l2olo8n10o166l47m7o2m9o23l4m2o34l48m17o3lo11n10o38l43m13lo7n10o\
    54t27o2m15o4n10o6t7o185l44m15o101l64n10o21l8o2lo2l8ol2ol24m6om2o2m4lmlm2o12n10o70l8o2l39m7o2m7\
    lolmo27lm10l40m7lm4o8mo8lm11l46m16o3lo18l73o263l9ol37m8om8lo15n10o24l30o2m22om14o73l7ol2ol38m6\
    o3mom2om7lmo8n10o6l6ol2ol32m5om2om5lo7n10o310l19m4o9m2lml13ol34m7o3m5o13n10o86lo79l922o102l111\
    o17l196o2636l97o15l1072z16ml6m15o4010l583o8633l569o7l31on10o6l79on10o6l30o2m5o11l48m7o9l4o12n1\
    0o9l21o5l19o688l64o128l75o4mlm55o7m4l13o64l2olmo11m2o14s6136o8s1238o42s9o8935k4ok7ok2oks287k3o\
    15so29s3o2ko14k4o8s396o2308l107o5l13o3l9o7l10o3m2oz4o4700m46o2m23o542m5o3m6z8m8o2m7o30m4o148m3\
    o443l85ol71ol2o2lo2l2o2l4ol12olol7ol65ol4o2l8ol7ol28ol4ol5olo3l7ol340o2l25ol25ol31ol25ol31ol25\
    ol31ol25ol31ol25ol8o2n50o512m55o4m50o8mo14mo22m5om15o1104l31o6l6o213m7om17o2m7om2om5o5l62o33mo\
    112l45o3m7l7o2n10o4lo321l30mo17l44m4n10o470l28m4n10o742l7ol4ol2ol15ol197o11m7o41l68m7lo4n10o11\
    90l4ol27ol2olo2lol10ol4ololo6lo4lololol3ol2olo2lololololol2olo2l4ol7ol4ol4olol10ol17o5l3ol5ol1\
    7o628l26o6l26o6l26o92r26o507z5o2032n10o1030s42720o32s4154o6s222o2s5762o14s7473o3103s542o1506s4\
    939o5s4192o711761zo30z96o128z240
    """
}
