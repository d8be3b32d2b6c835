// souk init

import ArgumentParser
import Database

struct Init: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make an empty data directory with its secrets.",
    discussion: """
      EXAMPLES
        souk init
        souk init --data /srv/souk
      """)

  @OptionGroup var directory: DataOption
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let installation = try Installation.create(at: directory.data)
    let databaseID = installation.database.databaseID
    try installation.database.close()
    if json {
      Terminal.out(#"{"data":\#(quoted(directory.data)),"databaseId":"\#(databaseID)"}"#)
    } else {
      Terminal.out("made \(directory.data), database \(databaseID)")
      Terminal.note("next: souk serve --data \(directory.data)")
    }
  }
}
