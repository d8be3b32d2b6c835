// souk import --url: a checked file, handed to a running server in one request.

import Bytes
import Glibc
import Marketplace
import Server

/// `http://HOST:PORT`: what the small client can reach, an IPv4 address or `localhost`.
struct ServerAddress: Equatable {
  let host: String
  let port: Int

  init?(_ text: String) {
    let scheme = "http://"
    guard text.hasPrefix(scheme) else { return nil }
    var rest = text.dropFirst(scheme.count)
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let port = Int(parts[1]), (1...65_535).contains(port) else {
      return nil
    }
    host = parts[0] == "localhost" ? "127.0.0.1" : String(parts[0])
    self.port = port
    var address = in_addr()
    guard inet_pton(AF_INET, host, &address) == 1 else { return nil }
  }
}

extension Import {
  private static let tokenVariable = "SOUK_TOKEN"

  func send(
    _ bytes: [UInt8], _ options: ImportOptions, to server: ServerAddress
  ) throws -> ImportReport {
    guard let token = getenv(Self.tokenVariable).map({ String(cString: $0) }), !token.isEmpty else {
      throw VerbFailure(
        "put an administrator's access token into \(Self.tokenVariable); POST /auth/login gives one",
        .usage)
    }
    guard !token.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7f }) else {
      throw VerbFailure("\(Self.tokenVariable) holds characters that no token has", .usage)
    }
    // A server that refuses a body stops reading it, and its reason could be lost.
    guard bytes.count <= MarketplaceServer.importBytesMax else {
      throw VerbFailure(
        "\(file) is larger than the \(MarketplaceServer.importBytesMax >> 20) MiB that a server takes; "
          + "import it in parts, or into the stopped directory")
    }
    let answer: HTTPAnswer
    do throws(HTTPClientError) {
      let connection = try HTTPConnection(host: server.host, port: server.port)
      answer = try connection.request(
        "POST", path(options),
        headers: [
          ("Authorization", "Bearer \(token)"),
          ("Content-Type", isJSON(bytes) ? "application/x-ndjson" : "text/csv"),
        ], body: bytes)
    } catch {
      // Importing a row again changes nothing, so trying again is always right.
      throw VerbFailure("\(error); import again: what was written already is left as it is")
    }
    guard answer.status == 200 else { throw refusal(answer) }
    guard
      let report = try? FieldJSON.decode(
        UploadReport.self, from: answer.body, unknownFields: .ignored)
    else { throw VerbFailure("the server gave an answer of another version of souk") }
    guard report.issues.isEmpty else {
      throw VerbFailure("the server refuses \(report.issues.count) rows; it is another version")
    }
    var done = ImportReport()
    done.rows = report.rows
    done.created = report.created
    done.updated = report.updated
    done.unchanged = report.unchanged
    return done
  }

  private func path(_ options: ImportOptions) -> String {
    var query: [String] = []
    if dryRun { query.append("dryRun=true") }
    if options.assignsToStores { query.append("assignToStores=true") }
    if let stock = options.stock { query.append("stock=\(stock)") }
    let path = "/api/v1/admin/import/\(kind.rawValue)"
    return query.isEmpty ? path : path + "?" + query.joined(separator: "&")
  }

  /// As the reader of import files tells the two apart.
  private func isJSON(_ bytes: [UInt8]) -> Bool {
    bytes.first { ![0x20, 0x0a, 0x0d, 0x09].contains($0) } == UInt8(ascii: "{")
  }

  private func refusal(_ answer: HTTPAnswer) -> VerbFailure {
    let error = (try? JSONValue(parsing: answer.body))?["error"]
    let message = error?["message"]?.text ?? "the server answered \(answer.status)"
    switch answer.status {
    case 401, 403:
      return VerbFailure(
        "\(message) \(Self.tokenVariable) must hold the access token of an administrator; it is good "
          + "for 15 minutes.")
    default: return VerbFailure("\(file): \(message)")
    }
  }
}
