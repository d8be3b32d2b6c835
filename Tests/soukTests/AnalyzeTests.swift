// What `souk analyze` prints, for people and as JSON.

import Testing

@Suite struct AnalyzeTests {
  @Test func termsComeWithTheirWordsAndPlaces() throws {
    let outcome = try souk("analyze", "The Café's shoes", "--analyser", "english")
    #expect(outcome.status == 0)
    #expect(
      outcome.output == """
        WORD  FROM  TO  TERM
           1     4  11  cafe
           2    12  17  shoe

        """)
    let json = try souk("analyze", "né", "--analyser", "autocomplete", "--json")
    #expect(
      json.output == """
        [{"term":"n","position":0,"from":0,"to":3},{"term":"ne","position":0,"from":0,"to":3}]

        """)
    let query = try souk("analyze", "né", "--analyser", "autocomplete", "--query", "--json")
    #expect(query.output == #"[{"term":"ne","position":0,"from":0,"to":3}]"# + "\n")
  }

  @Test func whatHasNoTermsSaysSo() throws {
    #expect(try souk("analyze", "…!").output == "no terms\n")
    #expect(try souk("analyze", "…!", "--json").output == "[]\n")
  }

  @Test func anUnknownAnalyserIsWrongUse() throws {
    let outcome = try souk("analyze", "x", "--analyser", "german")
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains("english"))
  }
}
