// ClientAddress: who is at the other end, for limits and logs.
//
// A network that hands out IPv6 gives every customer at least a /64, so one person has 2^64
// addresses there: the first eight bytes count. What a proxy says about its client is believed only
// of proxies that the operator names; anybody can send X-Forwarded-For.

import Glibc

enum ClientAddress {
  /// A 64-bit key of the address, the same for a whole IPv6 /64 and for an IPv4 address in either
  /// notation.
  static func hash(_ address: String, into hasher: inout Hasher) {
    guard address.utf8.contains(UInt8(ascii: ":")) else { return hasher.combine(address) }
    var parsed = in6_addr()
    guard inet_pton(AF_INET6, address, &parsed) == 1 else { return hasher.combine(address) }
    withUnsafeBytes(of: &parsed) { bytes in
      // Safe: in6_addr is sixteen bytes.
      let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
      if isMapped {
        hasher.combine(bytes[12...15].map(String.init).joined(separator: "."))
      } else {
        hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: bytes[..<8]))
      }
    }
  }

  /// The client behind `peer`: the last address of `X-Forwarded-For` that is no trusted proxy.
  static func behind(_ peer: String, _ forwarded: [String], trusting proxies: Set<String>) -> String
  {
    guard proxies.contains(peer) else { return peer }
    let chain = forwarded.flatMap { $0.split(separator: ",") }.map { part in
      String(part.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" })
    }
    for address in chain.reversed() {
      // What is no address was made up by somebody: the last one that is stands.
      guard isAddress(address) else { return peer }
      if !proxies.contains(address) { return address }
    }
    return peer
  }

  private static func isAddress(_ text: String) -> Bool {
    var four = in_addr()
    var six = in6_addr()
    return inet_pton(AF_INET, text, &four) == 1 || inet_pton(AF_INET6, text, &six) == 1
  }
}
