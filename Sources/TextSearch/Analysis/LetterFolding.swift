// LetterFolding: Latin letters with diacritics to plain lower-case ASCII, so that "Café" finds "cafe";
// Greek letters to plain lower case, for Greek capitals are written without accents; and the wide forms
// of ASCII to ASCII.
//
// The Latin tables cover U+00C0-U+024F and U+1E00-U+1EFF, one byte a code point: the base letter of the
// compatibility decomposition, "#" for a letter that becomes two, "." for one that is kept. Letters
// that have no decomposition but are typed as their look-alikes (ø, ł, đ) fold too. The Greek tables
// cover U+0370-U+03FF and U+1F00-U+1FFF, "a" for alpha to "y" for omega.

enum LetterFolding {
  static let supplement: StaticString =
    """
    aaaaaa#ceeeeiiiidnooooo.ouuuuy##aaaaaa#ceeeeiiiidnooooo.ouuuuy#y\
    aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii##jjkkqlllllll\
    lllnnnnnnnnnoooooo##rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs\
    bb...............ff.............oo.............uu...............\
    .............aaiioouuuuuuuuuu.aaaa....ggkkoooo..j...gg..nnaa....\
    aaaaeeeeiiiioooorrrruuuusstt..hh......aaeeooooooooyy............\
    ................
    """

  static let additional: StaticString =
    """
    aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm\
    mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv\
    wwwwwwwwwwxxxxyyzzzzzzhtwy.s..#.aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee\
    eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy......
    """

  static let greek: StaticString =
    """
    ......................a.egi.o.uyiabcdefghijklmnopq.stuvwxyiuaegi\
    uabcdefghijklmnopqsstuvwxyiuouy.................................\
    ....h...........
    """

  static let greekExtended: StaticString =
    """
    aaaaaaaaaaaaaaaaeeeeee..eeeeee..ggggggggggggggggiiiiiiiiiiiiiiii\
    oooooo..oooooo..uuuuuuuu.u.u.u.uyyyyyyyyyyyyyyyyaaeeggiioouuyy..\
    aaaaaaaaaaaaaaaaggggggggggggggggyyyyyyyyyyyyyyyyaaaaa.aaaaaaa.i.\
    ..ggg.ggeeggg...iiii..iiiiii....uuuuqquuuuuuq.....yyy.yyooyyy...
    """

  /// What a letter becomes.
  enum Folded: Equatable {
    case kept
    case one(UInt8)
    case two(UInt8, UInt8)
    case greek(UInt32)
  }

  static func fold(_ scalar: UInt32) -> Folded {
    let entry: UInt8
    switch scalar {
    case 0xc0...0x24f: entry = byte(of: supplement, at: Int(scalar - 0xc0))
    case 0x1e00...0x1eff: entry = byte(of: additional, at: Int(scalar - 0x1e00))
    case 0x370...0x3ff: return greek(byte(of: greek, at: Int(scalar - 0x370)))
    case 0x1f00...0x1fff: return greek(byte(of: greekExtended, at: Int(scalar - 0x1f00)))
    case 0x212a: return .one(UInt8(ascii: "k"))
    case 0x212b: return .one(UInt8(ascii: "a"))
    case 0xff10...0xff19: return .one(UInt8(scalar - 0xff10) + UInt8(ascii: "0"))
    case 0xff21...0xff3a: return .one(UInt8(scalar - 0xff21) + UInt8(ascii: "a"))
    case 0xff41...0xff5a: return .one(UInt8(scalar - 0xff41) + UInt8(ascii: "a"))
    default: return .kept
    }
    switch entry {
    case UInt8(ascii: "."): return .kept
    case UInt8(ascii: "#"): return pair(scalar)
    default: return .one(entry)
    }
  }

  private static func greek(_ entry: UInt8) -> Folded {
    entry == UInt8(ascii: ".") ? .kept : .greek(0x3b1 + UInt32(entry - UInt8(ascii: "a")))
  }

  private static func byte(of table: StaticString, at index: Int) -> UInt8 {
    // Safe: the tables hold one byte for every code point of their range; a test walks both ranges.
    guard index < table.utf8CodeUnitCount else { return UInt8(ascii: ".") }
    return table.utf8Start[index]
  }

  private static func pair(_ scalar: UInt32) -> Folded {
    switch scalar {
    case 0xc6, 0xe6: .two(UInt8(ascii: "a"), UInt8(ascii: "e"))
    case 0xde, 0xfe: .two(UInt8(ascii: "t"), UInt8(ascii: "h"))
    case 0xdf, 0x1e9e: .two(UInt8(ascii: "s"), UInt8(ascii: "s"))
    case 0x132, 0x133: .two(UInt8(ascii: "i"), UInt8(ascii: "j"))
    case 0x152, 0x153: .two(UInt8(ascii: "o"), UInt8(ascii: "e"))
    default: .kept
    }
  }
}
