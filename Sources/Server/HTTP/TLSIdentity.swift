// TLSIdentity: the certificate and key that the server shows, ready for handshakes.
//
// TLS 1.2 and 1.3; HTTP/2 before HTTP/1.1 (RFC 7301). docs/decisions/0002 says why the library is
// swift-nio-ssl.

import NIOCore
import NIOSSL

/// Why a certificate and a key cannot be used.
public enum TLSIdentityError: Error, Equatable, CustomStringConvertible {
  case certificate(String)
  case key(String)
  case mismatch(String)

  public var description: String {
    switch self {
    case .certificate(let reason):
      "the certificate is no chain of PEM certificates, the server's own first: \(reason)"
    case .key(let reason): "the key is no PEM private key without a passphrase: \(reason)"
    case .mismatch(let reason): "the key does not belong to the certificate: \(reason)"
    }
  }
}

public struct TLSIdentity: Sendable {
  let context: NIOSSLContext

  /// - Parameters:
  ///   - certificatePEM: the server's certificate and those between it and a root, in this order.
  ///   - keyPEM: its private key.
  public init(certificatePEM: [UInt8], keyPEM: [UInt8]) throws(TLSIdentityError) {
    let chain: [NIOSSLCertificate]
    do { chain = try NIOSSLCertificate.fromPEMBytes(certificatePEM) } catch {
      throw .certificate("\(error)")
    }
    guard !chain.isEmpty else { throw .certificate("there is none in it") }
    let key: NIOSSLPrivateKey
    do { key = try NIOSSLPrivateKey(bytes: keyPEM, format: .pem) } catch { throw .key("\(error)") }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["h2", "http/1.1"]
    do { context = try NIOSSLContext(configuration: configuration) } catch {
      throw .mismatch("\(error)")
    }
  }
}
