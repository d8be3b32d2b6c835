// What `souk search` prints, for people and as JSON.

import Bytes
import Testing

@Suite struct SearchVerbTests {
  @Test func productsAreFoundInAStoppedDirectory() throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    #expect(try souk("seed", "--demo", "--data", data).status == 0)
    let found = try souk("search", "lamp", "--data", data, "--json")
    #expect(found.status == 0, "\(found.errors)")
    let report = try JSONValue(parsing: Array(found.output.utf8))
    #expect((report["total"]?.int64 ?? 0) > 0)
    let people = try souk(
      "search", "lamp", "--explain", "--limit", "2", "--near", "44.2,-72.5", "--data", data)
    #expect(people.status == 0 && people.output.contains("title:lamp"), "\(people.output)")
    #expect(try souk("search", "qqqqqqqq", "--data", data).output == "nothing is found\n")
    #expect(try souk("search", "lamp", "--near", "x", "--data", data).status == 2)
  }
}
