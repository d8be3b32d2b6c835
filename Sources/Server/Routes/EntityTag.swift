// EntityTag: the names of versions (RFC 9110, section 8.8.3). What has a version is named by it; every
// other answer to a GET by a hash of its bytes. A client that names what it has is answered 304.

import Bytes
import Marketplace

/// `"v3.12"`: version 3 with 12 units in stock, which change without a version.
enum EntityTag {
  static func text(version: Int64, stock: Int64) -> String { "\"v\(version).\(stock)\"" }
  static func text(version: Int64) -> String { "\"v\(version)\"" }
  static func text(hash: UInt64) -> String { "\"h\(String(hash, radix: 16))\"" }

  static func isFresh(_ request: Request, _ tag: String) -> Bool {
    guard let header = request.headers["If-None-Match"] else { return false }
    return header.split(separator: ",").contains { part in
      let candidate = part.drop { $0 == " " }
      return candidate == "*" || candidate == tag || candidate == "W/\(tag)"
    }
  }

  /// 428 without If-Match (RFC 6585, section 3).
  static func require(_ request: Request) throws(APIError) {
    guard request.headers["If-Match"] == nil else { return }
    throw APIError(
      .missingRequiredField,
      "Send If-Match with the ETag that you have read, so that nobody's change is lost, or `*`.",
      status: 428)
  }

  /// The version that If-Match names; nil without the header or for `*`.
  static func expected(_ request: Request) throws -> Int64? {
    guard let header = request.headers["If-Match"], header != "*" else { return nil }
    let digits = header.drop { $0 == "\"" }.drop { $0 == "v" }.prefix { $0.isNumber }
    guard let version = Int64(digits) else {
      throw MarketError.preconditionFailed(current: 0)
    }
    return version
  }
}

extension Response {
  /// A good answer to a GET with its tag, or 304 when the client has it already. Anything else as it is.
  func validated(for request: Request) -> Response {
    guard status == 200, request.method == .get || request.method == .head else { return self }
    var response = self
    let tag = headers["ETag"] ?? EntityTag.text(hash: XXH64.hash(body))
    response.headers["ETag"] = tag
    guard EntityTag.isFresh(request, tag) else { return response }
    response.status = 304
    response.body = []
    response.contentType = nil
    return response
  }
}
