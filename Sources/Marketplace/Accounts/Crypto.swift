// Crypto: the few calls into OpenSSL that accounts and idempotency need, behind array faces.

import Bytes
import COpenSSL

public enum Crypto {
  /// SHA-256 (FIPS 180-4): 32 bytes.
  public static func sha256(_ bytes: [UInt8]) -> [UInt8] {
    // Unsafe: OpenSSL writes exactly 32 bytes into the buffer that is made for them.
    [UInt8](unsafeUninitializedCapacity: 32) { output, count in
      bytes.withUnsafeBufferPointer { input in
        _ = SHA256(input.baseAddress, input.count, output.baseAddress)
      }
      count = 32
    }
  }

  /// HMAC-SHA-256 (RFC 2104): 32 bytes. The key has at least one byte.
  public static func hmacSHA256(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    // Unsafe: HMAC with SHA-256 writes exactly 32 bytes into the buffer that is made for them.
    [UInt8](unsafeUninitializedCapacity: 32) { output, count in
      var length: UInt32 = 0
      let result = key.withUnsafeBufferPointer { key in
        message.withUnsafeBufferPointer { message in
          HMAC(
            EVP_sha256(), key.baseAddress, Int32(clamping: key.count), message.baseAddress,
            message.count, output.baseAddress, &length)
        }
      }
      precondition(result != nil && length == 32, "HMAC-SHA-256 is not available")
      count = 32
    }
  }

  /// HMAC-SHA-1 (RFC 2202): 20 bytes. For one-time passwords, whose apps know nothing else; HMAC does
  /// not need the collision resistance that SHA-1 has lost. The key has at least one byte.
  public static func hmacSHA1(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    // Unsafe: HMAC with SHA-1 writes exactly 20 bytes into the buffer that is made for them.
    [UInt8](unsafeUninitializedCapacity: 20) { output, count in
      var length: UInt32 = 0
      let result = key.withUnsafeBufferPointer { key in
        message.withUnsafeBufferPointer { message in
          HMAC(
            EVP_sha1(), key.baseAddress, Int32(clamping: key.count), message.baseAddress,
            message.count, output.baseAddress, &length)
        }
      }
      precondition(result != nil && length == 20, "HMAC-SHA-1 is not available")
      count = 20
    }
  }

  /// Compares in a time that depends on the lengths only.
  public static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for index in left.indices { difference |= left[index] ^ right[index] }
    return difference == 0
  }

  /// Bytes that nobody can guess, from the operating system's generator.
  public static func randomBytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count {
      let word = generator.next()
      for shift in stride(from: 0, to: 64, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
      }
    }
    bytes.removeLast(bytes.count - count)
    return bytes
  }
}
