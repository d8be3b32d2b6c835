// PasswordHasher: bcrypt (Provos and Mazières 1999) through the system's crypt_r, `$2b$` only.
//
// Invariants
// 1. A password of more than 72 bytes is refused: bcrypt would ignore what follows, and two
//    passwords would be one.
// 2. Verifying takes the same work whether or not there is a user: without a hash it checks against
//    a dummy of the same cost and answers no.
// 3. A call blocks for about 313 ms at cost 12: never call it on an event loop.

import Bytes
import CCrypt

public struct PasswordHasher: Sendable {
  /// What bcrypt reads of a password, in bytes.
  public static let passwordBytesMax = 72
  public static let passwordBytesMin = 8
  /// `./0-9A-Za-z`: bcrypt's own base64 alphabet.
  private static let saltAlphabet = Array(
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

  /// Base-2 logarithm of the rounds, 4...31.
  public let cost: Int
  private let dummyHash: String

  /// - Parameter cost: 12 in production; 4 where many accounts are made and none is attacked.
  public init(cost: Int = 12) {
    precondition((4...31).contains(cost), "bcrypt cost \(cost) is not in 4...31")
    self.cost = cost
    // No password hashes to this digest of zeros in any feasible search; only its cost matters.
    dummyHash =
      Self.prefix(cost) + String(repeating: ".", count: 22) + String(repeating: ".", count: 31)
  }

  /// The hash to store. Throws VAL_3001 for a password that is too short or too long.
  public func hash(_ password: String) throws(MarketError) -> String {
    try Self.check(password, path: "/password")
    let salt = Crypto.randomBytes(22).map { Self.saltAlphabet[Int($0 & 63)] }
    // The last character of a 128-bit salt carries two bits: only four characters are canonical.
    let last = Array(".Oeu".utf8)[Int(Crypto.randomBytes(1)[0] & 3)]
    let setting = Self.prefix(cost) + String(decoding: salt.dropLast() + [last], as: UTF8.self)
    guard let hash = Self.crypt(password, setting: setting) else {
      throw MarketError(.internalError, "The password cannot be hashed.")
    }
    return hash
  }

  /// Whether `password` is the one that was hashed; always false without a hash, after as much work.
  public func verify(_ password: String, against hash: String?) -> Bool {
    let isUsable = hash.map { $0.hasPrefix("$2b$") && $0.utf8.count == 60 } ?? false
    let setting = isUsable ? hash ?? dummyHash : dummyHash
    // What cannot have been hashed still costs a hash, of its first bytes.
    let fits =
      password.utf8.count <= Self.passwordBytesMax && !password.utf8.contains(0)
    let computed = Self.crypt(fits ? password : "", setting: setting)
    guard let computed, isUsable, fits else { return false }
    return Crypto.isEqual(Array(computed.utf8), Array(setting.utf8))
  }

  /// Throws VAL_3001 at `path` unless the password has 8 to 72 bytes, none of them zero.
  public static func check(_ password: String, path: String) throws(MarketError) {
    let count = password.utf8.count
    guard count >= passwordBytesMin, count <= passwordBytesMax else {
      throw .invalid(
        path, rule: "length",
        "The password must have \(passwordBytesMin) to \(passwordBytesMax) bytes.")
    }
    guard !password.utf8.contains(0) else {
      throw .invalid(path, rule: "format", "The password must not contain the character NUL.")
    }
  }

  private static func prefix(_ cost: Int) -> String {
    "$2b$" + (cost < 10 ? "0" : "") + String(cost) + "$"
  }

  private static func crypt(_ password: String, setting: String) -> String? {
    // Unsafe: crypt_r works in a caller's block of 32 KiB, too large for a thread's stack, and
    // returns a pointer into it; the text is copied out before the block goes.
    let work = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
    defer {
      // The block holds key material.
      UnsafeMutableRawPointer(work).initializeMemory(
        as: UInt8.self, repeating: 0, count: MemoryLayout<crypt_data>.size)
      work.deallocate()
    }
    UnsafeMutableRawPointer(work).initializeMemory(
      as: UInt8.self, repeating: 0, count: MemoryLayout<crypt_data>.size)
    guard let result = crypt_r(password, setting, work) else { return nil }
    let text = String(cString: result)
    // A failure is reported as text that starts with an asterisk.
    return text.hasPrefix("$2b$") ? text : nil
  }
}
