// The README's purchase, run by bash as it is written there; only the address is the test server's, and
// the plug is pulled by the test.

import Foundation
import Testing
import souk

@Suite struct ReadmeTests {
  /// The bash blocks under a heading.
  private static func blocks(under heading: String) throws -> [String] {
    let root = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
    let start = try #require(text.range(of: heading)).upperBound
    let end = text[start...].range(of: "\n## ")?.lowerBound ?? text.endIndex
    return text[start..<end].components(separatedBy: "```bash\n").dropFirst().map {
      $0.components(separatedBy: "```")[0]
    }
  }

  @Test func thePurchaseRunsAsWritten() throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    #expect(try souk("seed", "--demo", "--data", data).status == 0)
    let blocks = try Self.blocks(under: "## A purchase in six calls")
    try #require(blocks.count == 2)
    let address = "http://127.0.0.1:3000"
    #expect(blocks[0].contains("API=\(address)\n"))
    let keep = "\nprintf '\\n%s %s %s' $TOKEN $PRODUCT $ORDER\n"

    let server = try ChildServer(binary: binary, arguments: ["--data", data])
    let here = blocks[0].replacingOccurrences(
      of: address, with: "http://127.0.0.1:\(server.port)")
    let bought = try run(["/bin/bash", "-euo", "pipefail", "-c", here + keep])
    #expect(bought.status == 0, "\(bought.errors)")
    #expect(bought.output.contains("\"status\":\"confirmed\""), "\(bought.output)")
    let kept = try #require(bought.output.split(separator: "\n").last).split(separator: " ")
    try #require(kept.count == 3)
    #expect(server.end(with: SIGKILL) == -SIGKILL)

    let again = try ChildServer(binary: binary, arguments: ["--data", data])
    var lines = blocks[1].split(separator: "\n")
    #expect(lines.removeFirst().hasPrefix("pkill -9 -x souk"))
    let names = """
      API=http://127.0.0.1:\(again.port); TOKEN=\(kept[0]); PRODUCT=\(kept[1]); ORDER=\(kept[2])

      """
    let after = try run(
      ["/bin/bash", "-euo", "pipefail", "-c", names + lines.joined(separator: "\n")])
    #expect(after.output == "confirmed\n11\n11\n", "\(after.output) \(after.errors)")
    #expect(again.end(with: SIGTERM) == 0)
  }
}
