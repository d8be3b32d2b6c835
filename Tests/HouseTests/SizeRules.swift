// A file is one room, and a function fits a screen. The few that are larger are listed with their
// size, and may only shrink.

import Testing

@Suite struct SizeRules {
  static let fileLinesMost = 400
  static let functionLinesMost = 70

  static let largerFiles: [String: Int] = [:]
  /// By path and name.
  static let largerFunctions: [String: Int] = [
    "Sources/Server/Routes/CatalogRoutes.swift productRoutes": 75
  ]

  @Test func filesHaveAtMost400Lines() {
    for source in Source.all + Source.tests {
      let most = max(Self.fileLinesMost, Self.largerFiles[source.path] ?? 0)
      // The last line of a file is empty.
      #expect(source.lines.count - 1 <= most, "\(source.path): \(source.lines.count - 1) lines")
    }
  }

  @Test func functionsHaveAtMost70Lines() {
    for function in (Source.all + Source.tests).flatMap(\.functions) {
      let name = "\(function.source.path) \(function.name)"
      let most = max(Self.functionLinesMost, Self.largerFunctions[name] ?? 0)
      #expect(
        function.lines.count <= most,
        "\(name) at line \(function.lines.lowerBound + 1): \(function.lines.count) lines")
    }
  }

  @Test func theListsHoldOnlyWhatIsLarger() {
    for (path, lines) in Self.largerFiles {
      let count = (Source.all + Source.tests).first { $0.path == path }?.lines.count ?? 0
      #expect(count - 1 > Self.fileLinesMost && count - 1 <= lines, "\(path) has \(count - 1)")
    }
    for (name, lines) in Self.largerFunctions {
      let counts = (Source.all + Source.tests).filter { name.hasPrefix($0.path + " ") }
        .flatMap(\.functions).filter { name == "\($0.source.path) \($0.name)" }.map(\.lines.count)
      #expect(counts.max() == lines, "\(name) has \(counts)")
    }
  }

  @Test func functionsAreFound() {
    let functions = Source.all.flatMap(\.functions)
    #expect(functions.count > 1000, "\(functions.count)")
    let unnamed = functions.filter { $0.lines.isEmpty }
    #expect(unnamed.isEmpty)
  }
}
