// souk version

import ArgumentParser

struct Version: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the version.",
    discussion: """
      EXAMPLES
        souk version
        souk version --json
      """)

  @Flag(help: "Print JSON.") var json = false

  func run() {
    Terminal.out(json ? #"{"name":"souk","version":"\#(Souk.version)"}"# : "souk \(Souk.version)")
  }
}
