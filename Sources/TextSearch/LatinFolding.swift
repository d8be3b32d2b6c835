// LatinFolding: Latin letters with diacritics to plain lower-case ASCII, so that "Café" finds "cafe".
//
// The tables cover U+00C0-U+024F and U+1E00-U+1EFF, one byte a code point: the base letter of the
// compatibility decomposition, "#" for a letter that becomes two, "." for one that is kept. Letters
// that have no decomposition but are typed as their look-alikes (ø, ł, đ) fold too.

enum LatinFolding {
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

  /// What a letter becomes.
  enum Folded: Equatable {
    case kept
    case one(UInt8)
    case two(UInt8, UInt8)
  }

  static func fold(_ scalar: UInt32) -> Folded {
    let entry: UInt8
    switch scalar {
    case 0xc0...0x24f: entry = byte(of: supplement, at: Int(scalar - 0xc0))
    case 0x1e00...0x1eff: entry = byte(of: additional, at: Int(scalar - 0x1e00))
    default: return .kept
    }
    switch entry {
    case UInt8(ascii: "."): return .kept
    case UInt8(ascii: "#"): return pair(scalar)
    default: return .one(entry)
    }
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
