// The pages that speak of files and suites speak of those that are there; every format's page has its
// golden bytes, and a test that compares them with what is written today.

import Foundation
import Testing

@Suite struct DocumentRules {
  private static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  private static func words(_ text: String, _ pattern: Pattern) -> Set<String> {
    Set(text.components(separatedBy: "`").compactMap { pattern.groups(in: $0)?[0] })
  }

  @Test(arguments: ["docs/invariants.md", "docs/testing.md"])
  func whatAPageNamesIsThere(page: String) throws {
    let text = try Self.text(page)
    let files = Set((Source.all + Source.tests).map { ($0.path as NSString).lastPathComponent })
    for name in Self.words(text, Pattern(#"^[A-Za-z+]+\.swift$"#)) {
      #expect(files.contains(name), "\(page) names \(name)")
    }
    for name in Self.words(text, Pattern(#"^[A-Z][A-Za-z]+Tests$"#)) where name != "CommitLogTests"
    {
      #expect(files.contains(name + ".swift"), "\(page) names \(name)")
    }
  }

  /// The folder of golden files, none where the bytes stand in the test; and the test.
  private static let formats: [String: (golden: String?, test: String)] = [
    "log.md": ("log-v1", "CommitLogTests/GoldenLogTests.swift"),
    "page.md": ("store-v1", "RecordStoreTests/GoldenStoreTests.swift"),
    "meta.md": ("store-v1", "RecordStoreTests/GoldenStoreTests.swift"),
    "free-map.md": ("store-v1", "RecordStoreTests/GoldenStoreTests.swift"),
    "record.md": (nil, "BytesTests/Fields/FieldBinaryTests.swift"),
    "manifest.md": ("manifest-v1", "ViewsTests/ManifestTests.swift"),
    "sealed.md": (nil, "MarketplaceTests/AccountCodesTests.swift"),
    "text-segment.md": ("text-v1", "TextSearchTests/FileTests.swift"),
    "text-state.md": ("text-v1", "TextSearchTests/FileTests.swift"),
    "backup.md": ("backup-v1", "DatabaseTests/GoldenBackupTests.swift"),
  ]

  @Test func everyFormatHasItsGoldenBytes() throws {
    let folder = root.appendingPathComponent("DataFormats")
    let pages = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".md") }
    #expect(Set(pages) == Set(Self.formats.keys))
    for (page, format) in Self.formats {
      let test = try Self.text("Tests/" + format.test)
      guard let golden = format.golden else {
        #expect(test.contains("DocumentedBytes"), "\(page)")
        continue
      }
      #expect(test.contains(golden), "\(page): \(format.test) does not read \(golden)")
      let files = try FileManager.default.contentsOfDirectory(
        atPath: folder.appendingPathComponent("golden/" + golden).path)
      #expect(!files.isEmpty, "\(page)")
    }
  }
}
