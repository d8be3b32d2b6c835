// The list of planted bugs stays true: what each takes the place of stands in its file, once, and the
// suites that must catch it are there. tools/planted-bugs plants and runs them.

import Foundation
import Testing

@Suite struct PlantedBugRules {
  private struct Bug {
    var title = ""
    var file = ""
    var suites: [String] = []
    var old: [String] = []
    var new: [String] = []
  }

  private static func bugs() throws -> [Bug] {
    var bugs: [Bug] = []
    let list = try String(
      contentsOfFile: root.path + "/Tests/PlantedBugs/bugs.txt", encoding: .utf8)
    for line in list.components(separatedBy: "\n") {
      if line.hasPrefix("== ") {
        bugs.append(Bug(title: String(line.dropFirst(3))))
        continue
      }
      guard var bug = bugs.popLast() else { continue }
      if line.hasPrefix("file ") { bug.file = String(line.dropFirst(5)) }
      if line.hasPrefix("by ") {
        bug.suites = line.dropFirst(3).components(separatedBy: "|")
      }
      if line.hasPrefix("-") { bug.old.append(String(line.dropFirst())) }
      if line.hasPrefix("+") { bug.new.append(String(line.dropFirst())) }
      bugs.append(bug)
    }
    return bugs
  }

  @Test func eachHasItsPlaceAndItsSuites() throws {
    let bugs = try Self.bugs()
    #expect(bugs.count >= 30)
    var tests = ""
    for module in ["CommitLog", "RecordStore", "TextSearch", "Database"] {
      let folder = root.path + "/Tests/\(module)Tests"
      tests += " \(module)Tests "
      for name in try FileManager.default.contentsOfDirectory(atPath: folder)
      where name.hasSuffix(".swift") {
        tests += try String(contentsOfFile: folder + "/" + name, encoding: .utf8) + " \(name) "
      }
    }
    for bug in bugs {
      let text = try String(contentsOfFile: root.path + "/Sources/" + bug.file, encoding: .utf8)
      let places = text.components(separatedBy: bug.old.joined(separator: "\n")).count - 1
      #expect(places == 1 && !bug.old.isEmpty, "\(bug.title): \(places) places in \(bug.file)")
      #expect(bug.new.contains { $0.contains("planted()") }, "\(bug.title) has no switch")
      for suite in bug.suites { #expect(tests.contains(suite), "\(bug.title): no \(suite)") }
    }
  }
}
