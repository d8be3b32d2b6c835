// DecodeError: the one error that every decoder of untrusted bytes throws.

/// What was wrong with bytes that came from a disk or a socket, and where.
///
/// Decoders in this package never trap on their input: they throw this instead.
public struct DecodeError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Kind: Equatable, Sendable {
    /// The input ended before the value did.
    case truncated
    /// A number does not fit the type it is read into, or a length is beyond its limit.
    case overflow
    /// The bytes are there but do not form a valid value.
    case invalid
  }

  public var kind: Kind
  /// What was being read, in a few words: `"page header"`, `"varint"`.
  public var what: StaticString
  /// Offset in bytes from the start of the input.
  public var offset: Int

  public init(_ kind: Kind, _ what: StaticString, at offset: Int) {
    self.kind = kind
    self.what = what
    self.offset = offset
  }

  public static func == (left: DecodeError, right: DecodeError) -> Bool {
    left.kind == right.kind && left.offset == right.offset
      && left.what.description == right.what.description
  }

  public var description: String {
    "\(what) at byte \(offset): \(kind)"
  }
}
