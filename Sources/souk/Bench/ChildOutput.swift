// ChildOutput: runs a program to its end and returns what it printed. Its standard error is ours.

import Glibc

enum ChildOutput {
  struct Ended {
    var output: [UInt8]
    /// The exit code; minus the signal that ended it.
    var status: Int32
  }

  static func run(_ program: String, _ arguments: [String]) throws -> Ended {
    var pipe: [Int32] = [0, 0]
    guard Glibc.pipe(&pipe) == 0 else {
      throw VerbFailure("cannot make a pipe", .inputOutput)
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, pipe[1], 1)
    posix_spawn_file_actions_addclose(&actions, pipe[0])
    posix_spawn_file_actions_addclose(&actions, pipe[1])
    defer { posix_spawn_file_actions_destroy(&actions) }
    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var child = pid_t()
    let result = posix_spawn(&child, program, &actions, nil, &words, environ)
    close(pipe[1])
    defer { close(pipe[0]) }
    guard result == 0 else {
      throw VerbFailure("cannot start \(program): \(String(cString: strerror(result)))")
    }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(pipe[0], &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break }
      output += buffer[..<count]
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    return Ended(
      output: output, status: status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f))
  }
}
