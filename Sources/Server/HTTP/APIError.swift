// APIError: a refusal with everything that the client is told, and the one envelope of all errors:
//
//   {"error":{"code":…,"message":…,"details":{…},"timestamp":…,"requestId":…,"path":…}}
//
// `details` is present only when there are some; the last three members are the server's.

import Bytes
import Marketplace

/// Why a request is not answered as asked.
public struct APIError: Error, Sendable {
  public var code: ErrorCode
  public var status: Int
  /// One or two sentences for people; never internals.
  public var message: String
  public var details: [JSONValue.Member]
  public var headers: Headers

  /// - Parameter status: only where the fixed status of `code` does not fit: 405, 408, 412, 413,
  ///   422, 431.
  public init(
    _ code: ErrorCode, _ message: String, status: Int? = nil,
    details: [JSONValue.Member] = [], headers: Headers = [:]
  ) {
    self.code = code
    self.status = status ?? code.status
    self.message = message
    self.details = details
    self.headers = headers
  }

  /// 400 with every unacceptable field. The code is the gravest that occurs: malformed or unknown
  /// before missing before a failed rule.
  public init(issues: [FieldIssue]) {
    let malformed: Set<String> = ["type", "unknown", "duplicate", "digits"]
    let code: ErrorCode
    if issues.contains(where: { malformed.contains($0.rule) }) {
      code = .invalidInput
    } else if issues.contains(where: { $0.rule == "required" }) {
      code = .missingRequiredField
    } else {
      code = .validation
    }
    let fields = issues.map { issue in
      JSONValue.object([
        .init("path", .string(issue.path)), .init("rule", .string(issue.rule)),
        .init("message", .string(issue.message)),
      ])
    }
    let message =
      issues.count == 1
      ? "\(issues[0].path): \(issues[0].message)" : "\(issues.count) fields are not acceptable."
    self.init(code, message, details: [.init("fields", .array(fields))])
  }

  /// What the client learns of a failure that nobody foresaw: nothing but its request id.
  public static let unexpected = APIError(
    .internalError, "Something went wrong on our side. The request id identifies this failure.")

  /// The envelope as a response.
  public func response(requestID: String, path: String, time: Timestamp = .now) -> Response {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("error")
    writeObject(to: &writer, requestID: requestID, path: path, time: time)
    writer.endObject()
    return Response(
      status: status, headers: headers, contentType: "application/json", body: writer.bytes)
  }

  /// The object inside the envelope, which WebSocket error frames carry too.
  public func writeObject(
    to writer: inout JSONWriter, requestID: String, path: String, time: Timestamp = .now
  ) {
    writer.beginObject()
    writer.name("code")
    writer.string(code.rawValue)
    writer.name("message")
    writer.string(message)
    if !details.isEmpty {
      writer.name("details")
      JSONValue.object(details).write(to: &writer)
    }
    writer.name("timestamp")
    writer.string(time.description)
    writer.name("requestId")
    writer.string(requestID)
    writer.name("path")
    writer.string(path)
    writer.endObject()
  }
}
