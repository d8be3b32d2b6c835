// The rules of the house, read off the sources: who may import whom, which words and calls belong
// to which floor, and how a file must look. docs/architecture.md explains them.

import Foundation
import Testing

/// `Disk` stands on `Bytes` though both are on floor 1; the house lists them in that order.
private let allowedOnOneFloor: Set<String> = ["Disk>Bytes"]

private func imports(of source: Source) -> [String] {
  source.code.compactMap { line -> String? in
    let words: [String] = line.split(separator: " ").map { String($0) }
    guard let at = words.firstIndex(of: "import"), at <= 1, let named = words.last,
      at + 1 < words.count
    else { return nil }
    // `import struct Foundation.URL` names the module in its last word.
    return named.split(separator: ".").first.map { String($0) }
  }
}

@Suite struct HouseTests {
  @Test func theSourcesAreFound() {
    #expect(Source.all.count > 20)
    #expect(Set(Source.all.map(\.module)).isSubset(of: Set(floors.joined())))
  }

  @Test func aModuleImportsOnlyModulesOnFloorsBelowItsOwn() {
    for source in Source.all {
      guard let own = floor(of: source.module) else { continue }
      for imported in imports(of: source) {
        guard let other = floor(of: imported) else { continue }
        let isAllowed = other < own || allowedOnOneFloor.contains("\(source.module)>\(imported)")
        #expect(isAllowed, "\(source.path) imports \(imported)")
      }
    }
  }

  @Test func noFoundationBelowTheMarketplace() {
    for source in Source.all where (floor(of: source.module) ?? 0) < 6 {
      let banned = imports(of: source).filter { $0.hasPrefix("Foundation") }
      #expect(banned.isEmpty, "\(source.path) imports \(banned)")
    }
  }

  @Test func theEnginesKnowNoMarketplaceWord() {
    let words = [
      "cart", "carts", "checkout", "seller", "sellers", "buyer", "buyers", "coupon", "coupons",
      "marketplace", "shop", "shops", "customer", "customers", "products",
    ]
    for source in Source.all where (floor(of: source.module) ?? 0) < 6 {
      for (index, line) in source.lines.enumerated() {
        let found = wordsOf(line).filter { words.contains($0) }
        #expect(found.isEmpty, "\(source.path):\(index + 1) says \(found)")
      }
    }
  }

  @Test func noFileAccessAboveTheDatabase() {
    let banned = ["FileManager", "FileHandle", "fopen(", "contentsOfFile", "pread(", "pwrite("]
    for source in Source.all where (floor(of: source.module) ?? 0) > 5 {
      for (index, line) in source.code.enumerated() {
        let found = banned.filter { line.contains($0) }
        #expect(found.isEmpty, "\(source.path):\(index + 1) uses \(found)")
      }
    }
  }

  @Test func nothingTrapsOnPurposeInTheSources() {
    let banned = ["try!", "as!", "fatalError("]
    for source in Source.all {
      for (index, line) in source.code.enumerated() {
        let found = banned.filter { line.contains($0) }
        #expect(found.isEmpty, "\(source.path):\(index + 1) uses \(found)")
      }
    }
  }

  @Test func everyFileSaysWhatItIs() {
    for source in Source.all + Source.tests {
      #expect(source.lines.first?.hasPrefix("// ") == true, "\(source.path) has no opening comment")
    }
  }

  @Test func nothingIsLeftForLater() {
    // Spelled apart so that this file does not find itself.
    let marks = ["TO" + "DO", "FIX" + "ME"]
    for source in Source.all + Source.tests {
      for (index, line) in source.lines.enumerated() {
        let found = marks.filter { line.contains($0) }
        #expect(found.isEmpty, "\(source.path):\(index + 1) says \(found)")
      }
    }
  }

  @Test func theFormatterHasNothingToSay() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "swift", "format", "lint", "--strict", "--recursive", "--configuration",
      root.appendingPathComponent(".swift-format").path,
      root.appendingPathComponent("Sources").path, root.appendingPathComponent("Tests").path,
      root.appendingPathComponent("Package.swift").path,
    ]
    let output = Pipe()
    process.standardError = output
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(String(decoding: text.prefix(4000), as: UTF8.self))")
  }
}

/// The words of a line, camelCase parted, in lower case.
private func wordsOf(_ line: String) -> [String] {
  var words: [String] = []
  var word = ""
  for character in line {
    if character.isLetter {
      if character.isUppercase, word.last?.isLowercase == true {
        words.append(word.lowercased())
        word = ""
      }
      word.append(character)
    } else if !word.isEmpty {
      words.append(word.lowercased())
      word = ""
    }
  }
  if !word.isEmpty { words.append(word.lowercased()) }
  return words
}
