// The tests of this target drive the real binary: they start it in a process of its own, talk HTTP
// to it, kill it, and start it again.

import Bytes
import Foundation
import Testing
import souk

/// Where the built binary lies: beside the test bundle.
let binary: String = {
  let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
  return folder.appendingPathComponent("souk").path
}()

/// A folder of its own, removed at the end.
final class TemporaryFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "souk-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ text: String, to name: String) throws -> String {
    let file = path + "/" + name
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    return file
  }
}

struct Outcome {
  var status: Int32
  var output: String
  var errors: String
}

/// Runs a verb to its end.
func souk(_ arguments: String...) throws -> Outcome { try run([binary] + arguments) }

/// Runs a program to its end.
func run(_ words: [String]) throws -> Outcome {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: words[0])
  process.arguments = Array(words.dropFirst())
  let (output, errors) = (Pipe(), Pipe())
  process.standardOutput = output
  process.standardError = errors
  try process.run()
  let text = output.fileHandleForReading.readDataToEndOfFile()
  let complaint = errors.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return Outcome(
    status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
    errors: String(decoding: complaint, as: UTF8.self))
}

/// Every name below a folder, with the hash of what a file holds: equal when nothing was changed.
func contents(of folder: String) -> [String: UInt64] {
  var found: [String: UInt64] = [:]
  let files = FileManager.default.enumerator(atPath: folder)?.allObjects ?? []
  for case let name as String in files {
    let data = FileManager.default.contents(atPath: folder + "/" + name)
    found[name] = data.map { $0.withUnsafeBytes { XXH64.hash($0) } } ?? 0
  }
  return found
}

extension Outcome {
  /// What it printed, as JSON.
  var json: [String: Any] {
    get throws {
      let value = try JSONSerialization.jsonObject(with: Data(output.utf8))
      return try #require(value as? [String: Any], "\(output.prefix(300))")
    }
  }
}

extension HTTPAnswer {
  /// The body as JSON.
  var json: [String: Any] {
    get throws {
      let value = try JSONSerialization.jsonObject(with: Data(body))
      return try #require(value as? [String: Any], "\(text.prefix(300))")
    }
  }
}

/// A client of one server, signed in or not.
final class Shopper {
  let connection: HTTPConnection
  var token: String?

  init(_ server: ChildServer) throws {
    connection = try HTTPConnection(host: server.host, port: server.port)
  }

  func get(_ path: String) throws -> HTTPAnswer {
    try connection.request("GET", path, headers: headers)
  }

  func post(
    _ path: String, _ body: String, _ more: [(String, String)] = []
  ) throws -> HTTPAnswer {
    try connection.request(
      "POST", path, headers: headers + [("Content-Type", "application/json")] + more,
      body: Array(body.utf8))
  }

  private var headers: [(String, String)] {
    token.map { [("Authorization", "Bearer \($0)")] } ?? []
  }

  func register(_ email: String) throws {
    let answer = try post(
      "/auth/register",
      #"{"email":"\#(email)","password":"correct horse battery","role":"buyer"}"#)
    #expect(answer.status == 201)
    token = try #require(try answer.json["accessToken"] as? String)
  }

  static let checkout = """
    {"deliveryAddress":{"street":"1 Main St","city":"Springfield","state":"IL","zipCode":"62701",\
    "country":"US"},"payment":{"method":"card","token":"tok_success"}}
    """

  func buy(key: String, token: String = "tok_success") throws -> HTTPAnswer {
    try post(
      "/checkout", Self.checkout.replacingOccurrences(of: "tok_success", with: token),
      [("Idempotency-Key", key)])
  }
}
