// ChildServer: this same binary, started as `souk serve` in a process of its own on a free port, for
// benchmarks, and killed or stopped when its owner is done.

import Disk
import Glibc

package final class ChildServer {
  package let process: pid_t
  package let host = "127.0.0.1"
  package let port: Int
  private let output: Int32
  private var hasEnded = false

  /// Starts `binary serve …` and waits for its line `listening on http://HOST:PORT`.
  /// Without a limit or an unlimited key among the arguments it does not limit anybody: its one
  /// client is this process.
  /// - Parameters:
  ///   - environment: added to what this process has.
  ///   - errors: a new file for its standard error; that of this process without it.
  package init(
    binary: String, arguments: [String], environment: [String] = [], errors: String? = nil
  ) throws {
    var pipe: [Int32] = [0, 0]
    guard Glibc.pipe(&pipe) == 0 else { throw VerbFailure("cannot make a pipe", .inputOutput) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, pipe[1], 1)
    posix_spawn_file_actions_addclose(&actions, pipe[0])
    posix_spawn_file_actions_addclose(&actions, pipe[1])
    if let errors {
      posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    }
    defer { posix_spawn_file_actions_destroy(&actions) }
    // env(1) adds to the environment without touching that of the other threads of this process.
    let program = environment.isEmpty ? binary : "/usr/bin/env"
    let isLimited = arguments.contains("--rate-limit") || arguments.contains("--unlimited-key")
    let words =
      (environment.isEmpty ? [] : [program] + environment)
      + [binary, "serve", "--listen", "127.0.0.1:0"] + (isLimited ? [] : ["--rate-limit", "off"])
      + arguments
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var child = pid_t()
    let result = posix_spawn(&child, program, &actions, nil, &pointers, environ)
    Glibc.close(pipe[1])
    guard result == 0 else {
      Glibc.close(pipe[0])
      throw VerbFailure("cannot start \(binary): \(String(cString: strerror(result)))")
    }
    process = child
    output = pipe[0]
    guard let port = Self.readPort(from: pipe[0]) else {
      kill(child, SIGKILL)
      waitpid(child, nil, 0)
      Glibc.close(pipe[0])
      throw VerbFailure("the server started for the benchmark ended before it was listening")
    }
    self.port = port
  }

  deinit {
    end(with: SIGKILL)
    Glibc.close(output)
  }

  private static func readPort(from descriptor: Int32) -> Int? {
    var text = ""
    var byte: UInt8 = 0
    while read(descriptor, &byte, 1) == 1 {
      guard byte == 10 else {
        text.unicodeScalars.append(Unicode.Scalar(byte))
        continue
      }
      if text.hasPrefix("listening on http"), let port = text.split(separator: ":").last {
        return Int(port)
      }
      text = ""
    }
    return nil
  }

  /// Sends the signal, waits for the end, and returns the exit code; minus the signal that ended it.
  @discardableResult
  package func end(with signal: Int32) -> Int32 {
    guard !hasEnded else { return 0 }
    hasEnded = true
    kill(process, signal)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    return status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
  }

  /// Microseconds of processor time that the process has used, user and system.
  package var processorMicroseconds: Int64 {
    guard let file = try? PosixDisk().open("/proc/\(process)/stat", mode: .readOnly) else {
      return 0
    }
    defer { file.close() }
    var buffer = [UInt8](repeating: 0, count: 2048)
    let count = (try? buffer.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }) ?? 0
    let text = String(decoding: buffer.prefix(count), as: UTF8.self)
    let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
    guard fields.count > 12, let user = Int64(fields[11]), let system = Int64(fields[12]) else {
      return 0
    }
    return (user + system) * 1_000_000 / Int64(sysconf(Int32(_SC_CLK_TCK)))
  }
}
