// Souk: the command line. One file a verb (Verbs/); here is the list of them, and the mapping of
// every failure to one message and one exit code.

import ArgumentParser
import Bytes
import CommitLog
import Database
import Glibc
import Server

@main
struct Souk: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "souk",
    abstract: "A marketplace server with its own storage, in one binary.",
    discussion: """
      EXAMPLES
        souk init --data ./souk-data
        souk import stores stores.ndjson
        souk import products products.ndjson --assign-to-stores --stock 5
        souk serve --listen 127.0.0.1:3000
        souk store check

      EXIT CODES
        0 fine, 1 failed or findings, 2 usage, 4 locked by a running server,
        65 corrupt data, 74 input/output error
      """,
    version: version,
    subcommands: [
      Serve.self, Init.self, Seed.self, Superuser.self, Import.self, ExportVerb.self, Store.self,
      Engine.self, SearchVerb.self, Analyze.self,
      Doctor.self,
      Config.self, Bench.self, Simulate.self, Completion.self, Version.self,
    ])

  static func main() {
    signal(SIGPIPE, SIG_IGN)
    let arguments = Array(CommandLine.arguments.dropFirst())
    do {
      var command = try parseAsRoot(arguments)
      try command.run()
    } catch let failure as VerbFailure {
      finish(failure)
    } catch let error as DatabaseError {
      finish(VerbFailure(error))
    } catch let failure as StoreFailure {
      finish(VerbFailure(failure))
    } catch let error as LogError {
      finish(VerbFailure(StoreFailure(error)))
    } catch {
      let code = exitCode(for: error)
      guard code != .success else {
        Terminal.out(fullMessage(for: error))
        Glibc.exit(0)
      }
      guard code == .validationFailure else {
        Terminal.error(fullMessage(for: error))
        Glibc.exit(ExitStatus.failed.rawValue)
      }
      Terminal.note(fullMessage(for: error))
      if let hint = suggestion(for: arguments) { Terminal.note("Did you mean `\(hint)`?") }
      Glibc.exit(ExitStatus.usage.rawValue)
    }
  }

  private static func finish(_ failure: VerbFailure) -> Never {
    Terminal.endProgress()
    Terminal.error(failure.message)
    Glibc.exit(failure.status.rawValue)
  }

  /// The nearest known verb when the first words name none.
  private static func suggestion(for arguments: [String]) -> String? {
    var known: [any ParsableCommand.Type] = configuration.subcommands
    var path = ["souk"]
    for word in arguments where !word.hasPrefix("-") {
      if known.isEmpty { return nil }
      let names = known.map { $0._commandName }
      if let index = names.firstIndex(of: word) {
        path.append(word)
        known = known[index].configuration.subcommands
      } else {
        return nearest(word, in: names).map { (path + [$0]).joined(separator: " ") }
      }
    }
    return nil
  }
}

extension VerbFailure {
  /// The message and status of a database that cannot be opened or asked.
  init(_ error: DatabaseError) { self.init(StoreFailure(error)) }

  init(_ failure: StoreFailure) {
    self.init(
      failure.message, ExitStatus(rawValue: Int32(clamping: failure.exitCode)) ?? .failed)
  }
}
