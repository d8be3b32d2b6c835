// TestCertificate: two certificates for localhost, made for these tests and trusted by nobody else, and
// curl as a client that other people wrote.

import Foundation
import Testing

@testable import Server

struct TestCertificate {
  var certificate: String
  var key: String

  func identity() throws -> TLSIdentity {
    try TLSIdentity(certificatePEM: Array(certificate.utf8), keyPEM: Array(key.utf8))
  }

  static let first = TestCertificate(
    certificate: """
      -----BEGIN CERTIFICATE-----
      MIIBmzCCAUGgAwIBAgIUMtL/81Fk+3vOyxA5NCulH4D2fGcwCgYIKoZIzj0EAwIw
      FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNjEyMjA1M1oYDzIxMjYxMTAy
      MTIyMDUzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
      PQMBBwNCAAQ2MQSCMie5j9LWoNevcVApWmxVenqaRpFarIXX8UzTmlTyu6PdzGvS
      j++AgchRaYS34Vk7UCroFj1XiDDLkemQo28wbTAdBgNVHQ4EFgQUlvaQsQScaiV8
      HnhWm50QXGHXIeswHwYDVR0jBBgwFoAUlvaQsQScaiV8HnhWm50QXGHXIeswDwYD
      VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
      zj0EAwIDSAAwRQIhAJ2olkdrpP650TQp1I13nr2jfboo5V80+QbUJDAWFMzZAiB7
      4h3ce+s9n1soeLVvNdiOgt4g1a9dN+odEFMyIsU4fg==
      -----END CERTIFICATE-----
      """,
    key: """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgkRuNjFx31pSSgq1v
      Ovwrb2ffuYXF4rA30p3PjE3v+fWhRANCAAQ2MQSCMie5j9LWoNevcVApWmxVenqa
      RpFarIXX8UzTmlTyu6PdzGvSj++AgchRaYS34Vk7UCroFj1XiDDLkemQ
      -----END PRIVATE KEY-----
      """)

  static let second = TestCertificate(
    certificate: """
      -----BEGIN CERTIFICATE-----
      MIIBnDCCAUGgAwIBAgIUVaajk/viHzIZQeuRgj60OvuYBeUwCgYIKoZIzj0EAwIw
      FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNjEyMjA1M1oYDzIxMjYxMTAy
      MTIyMDUzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
      PQMBBwNCAAQZ+ocHHff6u5VEfni0Au3Ykz5DAp7zBQXJsqz1WaFfs2sHCbKUrJgU
      D3cFod+jFv+s+8McdaYc3+eukQf36rtDo28wbTAdBgNVHQ4EFgQUehPYYV5+14+G
      Pb94zvDmb8x0DW8wHwYDVR0jBBgwFoAUehPYYV5+14+GPb94zvDmb8x0DW8wDwYD
      VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
      zj0EAwIDSQAwRgIhAOJSyB3U6PRLubBVQ5jZ4cJfHpuGVVdHrNdDX3NdrN/uAiEA
      mXczF527B2ItCjUCKcG+RHWmIfMpCYsTBlqAKpCDTHk=
      -----END CERTIFICATE-----
      """,
    key: """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgOcOg/7qgCmFEdROn
      arYsXqrysbRePagbpihZue+YasmhRANCAAQZ+ocHHff6u5VEfni0Au3Ykz5DAp7z
      BQXJsqz1WaFfs2sHCbKUrJgUD3cFod+jFv+s+8McdaYc3+eukQf36rtD
      -----END PRIVATE KEY-----
      """)
}

/// A run of curl(1).
struct Curl {
  var status: Int32
  var output: String

  /// - Parameter trusting: the certificate that the server must show.
  init(trusting certificate: TestCertificate, _ arguments: [String]) throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "souk-test-\(UUID().uuidString).pem")
    try certificate.certificate.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      ["curl", "-s", "-S", "--max-time", "60", "--cacert", file.path] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    status = process.terminationStatus
  }
}
