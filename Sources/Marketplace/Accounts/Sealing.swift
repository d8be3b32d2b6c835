// Sealing: AES-256-GCM (NIST SP 800-38D) for the few secrets that must be read again: the keys of
// two-step sign-in, and mails that carry a token.
//
//   sealed = nonce length u8 (12 or 16) | nonce | tag 16 bytes | ciphertext
//
// Invariants
// 1. New values have a 12-byte nonce, GCM's native length; 16 bytes, which GCM hashes first, are
//    read as well.
// 2. A nonce is random and used once: 96 bits stay below a collision chance of 2^-32 up to 2^32
//    values under one key (SP 800-38D, section 8.3), far more than a shop has users.
// 3. The table and the key of the row are authenticated: a value copied to another row does not open.
// 4. Nothing is returned of a value whose tag does not fit.

import Bytes
import COpenSSL

public struct Sealing: Sendable {
  public static let keyBytes = 32
  static let nonceBytes = 12
  private static let tagBytes = 16
  /// Far above any secret or mail; keeps the lengths within OpenSSL's Int32.
  private static let plainBytesMax = 1 << 20

  private let key: [UInt8]

  public init(key: [UInt8]) {
    precondition(key.count == Self.keyBytes, "the sealing key has not 32 bytes")
    self.key = key
  }

  /// A number used once, drawn before the transaction that stores the value.
  public struct Nonce: Sendable {
    let bytes: [UInt8]

    public init() { bytes = Crypto.randomBytes(Sealing.nonceBytes) }

    /// For known vectors: 12 or 16 bytes.
    package init?(bytes: [UInt8]) {
      guard bytes.count == 12 || bytes.count == 16 else { return nil }
      self.bytes = bytes
    }
  }

  /// Throws SYS_9001 when the cipher is not to be had or `plain` is longer than 1 MiB.
  public func seal(
    _ plain: [UInt8], table: UInt32, row: [UInt8], nonce: Nonce
  ) throws(MarketError) -> [UInt8] {
    let failure = MarketError(.internalError, "The secret cannot be stored.")
    guard plain.count <= Self.plainBytesMax,
      let cipher = GCM(key: key, nonce: nonce.bytes, encrypts: true)
    else { throw failure }
    guard cipher.authenticate(Self.place(table, row)), let text = cipher.update(plain),
      cipher.finish(), let tag = cipher.tag(Self.tagBytes)
    else { throw failure }
    return [UInt8(nonce.bytes.count)] + nonce.bytes + tag + text
  }

  /// The plain bytes; nil for a value that was changed, belongs to another row, or was sealed under
  /// another key.
  public func open(_ sealed: [UInt8], table: UInt32, row: [UInt8]) -> [UInt8]? {
    guard let length = sealed.first.map({ Int($0) }), length == 12 || length == 16,
      sealed.count >= 1 + length + Self.tagBytes,
      sealed.count <= 1 + length + Self.tagBytes + Self.plainBytesMax
    else { return nil }
    let nonce = Array(sealed[1...length])
    let tag = Array(sealed[(length + 1)...(length + Self.tagBytes)])
    let text = Array(sealed[(length + 1 + Self.tagBytes)...])
    guard let cipher = GCM(key: key, nonce: nonce, encrypts: false),
      cipher.authenticate(Self.place(table, row)), let plain = cipher.update(text),
      cipher.expect(tag), cipher.finish()
    else { return nil }
    return plain
  }

  private static func place(_ table: UInt32, _ row: [UInt8]) -> [UInt8] { Bytes.key(table) + row }
}

/// One use of OpenSSL's cipher context.
private final class GCM {
  // Unsafe: the context is a C object that this one owns; every buffer handed over outlives its
  // call, and GCM is a stream cipher: the output of an update is as long as its input.
  private let context: OpaquePointer
  private let encrypts: Int32

  init?(key: [UInt8], nonce: [UInt8], encrypts: Bool) {
    guard let context = EVP_CIPHER_CTX_new() else { return nil }
    self.context = context
    self.encrypts = encrypts ? 1 : 0
    guard EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, nil, nil, self.encrypts) == 1,
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, Int32(nonce.count), nil) == 1,
      EVP_CipherInit_ex(context, nil, nil, key, nonce, self.encrypts) == 1
    else { return nil }
  }

  deinit { EVP_CIPHER_CTX_free(context) }

  func authenticate(_ bytes: [UInt8]) -> Bool {
    var written: Int32 = 0
    return EVP_CipherUpdate(context, nil, &written, bytes, Int32(bytes.count)) == 1
  }

  func update(_ bytes: [UInt8]) -> [UInt8]? {
    guard !bytes.isEmpty else { return [] }
    var written: Int32 = 0
    var output = [UInt8](repeating: 0, count: bytes.count)
    guard EVP_CipherUpdate(context, &output, &written, bytes, Int32(bytes.count)) == 1,
      Int(written) == bytes.count
    else { return nil }
    return output
  }

  func finish() -> Bool {
    var written: Int32 = 0
    var rest = [UInt8](repeating: 0, count: 16)
    return EVP_CipherFinal_ex(context, &rest, &written) == 1 && written == 0
  }

  func tag(_ count: Int) -> [UInt8]? {
    var tag = [UInt8](repeating: 0, count: count)
    let result = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(count), &tag)
    return result == 1 ? tag : nil
  }

  func expect(_ tag: [UInt8]) -> Bool {
    var tag = tag
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag) == 1
  }
}
