// CanonicalPairs: a letter and the mark after it, as the one letter that Unicode holds to be the same,
// so that a text typed either way has the same terms (Normalization Form C of a pair; Unicode 15.0).
//
// Latin and Greek are missing here: their diacritics are dropped (LetterFolding). Scalars that the form
// always takes apart are in the second table. Hangul is computed (The Unicode Standard, 3.12).

struct CanonicalPairs: Sendable {
  static let shared = CanonicalPairs()

  private var composed: [UInt64: UInt32] = [:]
  private var parts: [UInt32: (UInt32, UInt32)] = [:]

  /// The one scalar that is `first` with `second` after it.
  func compose(_ first: UInt32, _ second: UInt32) -> Unicode.Scalar? {
    let isHangul = (0x1161...0x11c2).contains(second)
    let whole =
      isHangul ? Self.hangul(first, second) : composed[UInt64(first) << 32 | UInt64(second)]
    return whole.flatMap { Unicode.Scalar($0) }
  }

  /// The letter and the mark that this scalar is always taken apart into.
  static func split(_ scalar: UInt32) -> (Unicode.Scalar, Unicode.Scalar)? {
    // All of them stand in two ranges, which most texts never touch.
    guard (0x958...0xfb9).contains(scalar) || (0xfb1d...0xfb4e).contains(scalar) else { return nil }
    guard let (first, second) = shared.parts[scalar] else { return nil }
    guard let first = Unicode.Scalar(first), let second = Unicode.Scalar(second) else { return nil }
    return (first, second)
  }

  private static func hangul(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if (0x1100...0x1112).contains(first) && second <= 0x1175 {
      return 0xac00 + ((first - 0x1100) * 21 + (second - 0x1161)) * 28
    }
    let isOpenSyllable = (0xac00...0xd7a3).contains(first) && (first - 0xac00) % 28 == 0
    return isOpenSyllable && second >= 0x11a8 ? first + second - 0x11a7 : nil
  }

  private init() {
    Self.forEach(in: Self.pairs) { composed[UInt64($0) << 32 | UInt64($1)] = $2 }
    Self.forEach(in: Self.splits) { parts[$2] = ($0, $1) }
  }

  private static func forEach(
    in text: StaticString, _ body: (UInt32, UInt32, UInt32) -> Void
  ) {
    text.withUTF8Buffer { bytes in
      var numbers: (UInt32, UInt32, UInt32) = (0, 0, 0)
      for byte in bytes {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
          numbers.2 = numbers.2 << 4 | UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"):
          numbers.2 = numbers.2 << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: " "):
          body(numbers.0, numbers.1, numbers.2)
          numbers = (0, 0, 0)
        default: numbers = (numbers.1, numbers.2, 0)
        }
      }
      body(numbers.0, numbers.1, numbers.2)
    }
  }

  /// letter + mark = one scalar.
  private static let pairs: StaticString =
    """
    406+308=407 410+306=4d0 410+308=4d2 413+301=403 415+300=400 415+306=4d6 415+308=401 \
    416+306=4c1 416+308=4dc 417+308=4de 418+300=40d 418+304=4e2 418+306=419 418+308=4e4 \
    41a+301=40c 41e+308=4e6 423+304=4ee 423+306=40e 423+308=4f0 423+30b=4f2 427+308=4f4 \
    42b+308=4f8 42d+308=4ec 430+306=4d1 430+308=4d3 433+301=453 435+300=450 435+306=4d7 \
    435+308=451 436+306=4c2 436+308=4dd 437+308=4df 438+300=45d 438+304=4e3 438+306=439 \
    438+308=4e5 43a+301=45c 43e+308=4e7 443+304=4ef 443+306=45e 443+308=4f1 443+30b=4f3 \
    447+308=4f5 44b+308=4f9 44d+308=4ed 456+308=457 474+30f=476 475+30f=477 4d8+308=4da \
    4d9+308=4db 4e8+308=4ea 4e9+308=4eb 627+653=622 627+654=623 627+655=625 648+654=624 \
    64a+654=626 6c1+654=6c2 6d2+654=6d3 6d5+654=6c0 928+93c=929 930+93c=931 933+93c=934 \
    9c7+9be=9cb 9c7+9d7=9cc b47+b3e=b4b b47+b56=b48 b47+b57=b4c b92+bd7=b94 bc6+bbe=bca \
    bc6+bd7=bcc bc7+bbe=bcb c46+c56=c48 cbf+cd5=cc0 cc6+cc2=cca cc6+cd5=cc7 cc6+cd6=cc8 \
    cca+cd5=ccb d46+d3e=d4a d46+d57=d4c d47+d3e=d4b dd9+dca=dda dd9+dcf=ddc dd9+ddf=dde \
    ddc+dca=ddd f71+f72=f73 f71+f74=f75 f71+f80=f81 1025+102e=1026 1b05+1b35=1b06 1b07+1b35=1b08 \
    1b09+1b35=1b0a 1b0b+1b35=1b0c 1b0d+1b35=1b0e 1b11+1b35=1b12 1b3a+1b35=1b3b 1b3c+1b35=1b3d \
    1b3e+1b35=1b40 1b3f+1b35=1b41 1b42+1b35=1b43 3046+3099=3094 304b+3099=304c 304d+3099=304e \
    304f+3099=3050 3051+3099=3052 3053+3099=3054 3055+3099=3056 3057+3099=3058 3059+3099=305a \
    305b+3099=305c 305d+3099=305e 305f+3099=3060 3061+3099=3062 3064+3099=3065 3066+3099=3067 \
    3068+3099=3069 306f+3099=3070 306f+309a=3071 3072+3099=3073 3072+309a=3074 3075+3099=3076 \
    3075+309a=3077 3078+3099=3079 3078+309a=307a 307b+3099=307c 307b+309a=307d 309d+3099=309e \
    30a6+3099=30f4 30ab+3099=30ac 30ad+3099=30ae 30af+3099=30b0 30b1+3099=30b2 30b3+3099=30b4 \
    30b5+3099=30b6 30b7+3099=30b8 30b9+3099=30ba 30bb+3099=30bc 30bd+3099=30be 30bf+3099=30c0 \
    30c1+3099=30c2 30c4+3099=30c5 30c6+3099=30c7 30c8+3099=30c9 30cf+3099=30d0 30cf+309a=30d1 \
    30d2+3099=30d3 30d2+309a=30d4 30d5+3099=30d6 30d5+309a=30d7 30d8+3099=30d9 30d8+309a=30da \
    30db+3099=30dc 30db+309a=30dd 30ef+3099=30f7 30f0+3099=30f8 30f1+3099=30f9 30f2+3099=30fa \
    30fd+3099=30fe 11099+110ba=1109a 1109b+110ba=1109c 110a5+110ba=110ab 11131+11127=1112e \
    11132+11127=1112f 11347+1133e=1134b 11347+11357=1134c 114b9+114b0=114bc 114b9+114ba=114bb \
    114b9+114bd=114be 115b8+115af=115ba 115b9+115af=115bb 11935+11930=11938
    """

  private static let splits: StaticString =
    """
    915+93c=958 916+93c=959 917+93c=95a 91c+93c=95b 921+93c=95c 922+93c=95d 92b+93c=95e \
    92f+93c=95f 9a1+9bc=9dc 9a2+9bc=9dd 9af+9bc=9df a32+a3c=a33 a38+a3c=a36 a16+a3c=a59 \
    a17+a3c=a5a a1c+a3c=a5b a2b+a3c=a5e b21+b3c=b5c b22+b3c=b5d f42+fb7=f43 f4c+fb7=f4d \
    f51+fb7=f52 f56+fb7=f57 f5b+fb7=f5c f40+fb5=f69 fb2+f80=f76 fb3+f80=f78 f92+fb7=f93 \
    f9c+fb7=f9d fa1+fb7=fa2 fa6+fb7=fa7 fab+fb7=fac f90+fb5=fb9 5d9+5b4=fb1d 5f2+5b7=fb1f \
    5e9+5c1=fb2a 5e9+5c2=fb2b fb49+5c1=fb2c fb49+5c2=fb2d 5d0+5b7=fb2e 5d0+5b8=fb2f 5d0+5bc=fb30 \
    5d1+5bc=fb31 5d2+5bc=fb32 5d3+5bc=fb33 5d4+5bc=fb34 5d5+5bc=fb35 5d6+5bc=fb36 5d8+5bc=fb38 \
    5d9+5bc=fb39 5da+5bc=fb3a 5db+5bc=fb3b 5dc+5bc=fb3c 5de+5bc=fb3e 5e0+5bc=fb40 5e1+5bc=fb41 \
    5e3+5bc=fb43 5e4+5bc=fb44 5e6+5bc=fb46 5e7+5bc=fb47 5e8+5bc=fb48 5e9+5bc=fb49 5ea+5bc=fb4a \
    5d5+5b9=fb4b 5d1+5bf=fb4c 5db+5bf=fb4d 5e4+5bf=fb4e
    """
}
