// souk completion

import ArgumentParser

struct Completion: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print a completion script for bash, zsh or fish.",
    discussion: """
      EXAMPLES
        souk completion bash > /etc/bash_completion.d/souk
        souk completion zsh > "${fpath[1]}/_souk"
        souk completion fish > ~/.config/fish/completions/souk.fish
      """)

  @Argument(help: "bash, zsh or fish.", completion: .list(["bash", "zsh", "fish"]))
  var shell: String

  func run() throws {
    guard let shell = CompletionShell(rawValue: shell) else {
      throw VerbFailure("there is no completion for \(shell); take bash, zsh or fish", .usage)
    }
    Terminal.out(Souk.completionScript(for: shell))
  }
}
