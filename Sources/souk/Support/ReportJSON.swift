// JSON of what the command line alone reports, built member by member.

import Bytes

extension JSONValue {
  static func count(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }

  /// Members that are nil are left out.
  static func members(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
    .object(members.compactMap { name, value in value.map { Member(name, $0) } })
  }
}
