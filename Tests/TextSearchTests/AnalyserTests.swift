// AnalyserTests: words of many scripts, and distances of awkward places.

import Testing
import TextSearch

@Test(
  arguments: [
    ("", []), ("Red SHOES", ["red", "shoes"]), ("can't can’t", ["can't", "can't"]),
    ("'quoted' end.", ["quoted", "end"]), ("3.14 1,000 3.5mm", ["3.14", "1,000", "3.5mm"]),
    ("a,b a.5", ["a", "b", "a", "5"]), ("size:xl snake_case", ["size", "xl", "snake_case"]),
    ("Café CAFE\u{301} Straße Łódź Œuvre", ["cafe", "cafe", "strasse", "lodz", "oeuvre"]),
    ("Đà Nẵng İstanbul", ["da", "nang", "istanbul"]), ("ДОМ Ёж", ["дом", "ёж"]),
    ("ΟΔΟΣ οδος", ["οδοσ", "οδοσ"]), ("東京 タワー", ["東", "京", "タワー"]), ("さしみ", ["さ", "し", "み"]),
    ("한국어", ["한국어"]), ("हिन्दी", ["हिन्दी"]), ("٣٤", ["٣٤"]), ("!!! ... —", []), ("😀a😀", ["😀", "a", "😀"]),
  ] as [(String, [String])])
func theStandardAnalyserFindsWords(text: String, words: [String]) {
  #expect(Analyser.standard.terms(of: text).map { String(decoding: $0, as: UTF8.self) } == words)
}

@Test func longWordsAreCutBetweenCharacters() {
  let text = String(repeating: "я", count: 300)
  let terms = Analyser.standard.terms(of: text)
  #expect(terms.map(\.count) == [254, 254, 92])
  #expect(String(decoding: terms.joined(), as: UTF8.self) == text)
}

@Test func anyBytesBecomeValidShortTermsThatAreStable() {
  var random = Random(3)
  for round in 0..<3_000 {
    let bytes = (0..<random.below(80)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    let scalars = (0..<random.below(40)).compactMap { _ in
      Unicode.Scalar(UInt32(random.below(0x2_0000)))
    }
    for text in [
      String(decoding: bytes, as: UTF8.self), String(String.UnicodeScalarView(scalars)),
    ] {
      for term in Analyser.standard.terms(of: text) {
        #expect((1...255).contains(term.count), "round \(round)")
        #expect(String(validating: term, as: UTF8.self) != nil, "round \(round)")
      }
    }
  }
}

@Test func distancesHoldAtThePolesAndTheDateLine() throws {
  func metres(_ from: (Double, Double), _ to: (Double, Double)) throws -> Double {
    let start = try #require(GeoPoint(degreesLatitude: from.0, degreesLongitude: from.1))
    let end = try #require(GeoPoint(degreesLatitude: to.0, degreesLongitude: to.1))
    return start.metres(to: end)
  }
  let half = Double.pi * GeoPoint.earthRadiusMetres
  // Paris to London is 343.5 km on the mean radius.
  for (from, to, expected, tolerance) in [
    ((12, 34), (12, 34), 0, 0), ((90, 0), (-90, 77), half, 1e-3), ((90, 10), (90, -170), 0, 1e-3),
    ((0, 180), (0, -180), 0, 1e-3), ((0, 179.5), (0, -179.5), half / 180, 1e-3),
    ((0, 0), (0, 180), half, 1e-3), ((48.8566, 2.3522), (51.5074, -0.1278), 343_556, 100),
  ] as [((Double, Double), (Double, Double), Double, Double)] {
    let found = try metres(from, to)
    #expect(abs(found - expected) <= tolerance, "\(from) \(to)")
  }
  #expect(GeoPoint(degreesLatitude: 90.1, degreesLongitude: 0) == nil)
  #expect(GeoPoint(degreesLatitude: .nan, degreesLongitude: 0) == nil)
}
