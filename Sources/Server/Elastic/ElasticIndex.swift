// ElasticIndex: an index as it is at one snapshot: what its fields are, what finds its documents, and the
// documents themselves. The catalogue is one; those that administrators make are the others.

import Bytes
import TextSearch

protocol ElasticIndex {
  var name: String { get }
  var mapping: ElasticMapping { get }
  var text: TextSnapshot { get }
  /// The document of the engine's key; nil when there is none that may be seen.
  func document(key: [UInt8]) throws -> ElasticDocument?
}

struct ElasticDocument {
  var id: String
  var version: Int64
  /// The place of the document's last change among those of its index; nil where nobody counts.
  var sequence: Int64?
  /// The document as it is shown, and the texts that the engine has of it, by the engine's names. Made when
  /// they are asked for.
  let source: () throws -> JSONValue
  let texts: () throws -> [String: String]
}

extension ElasticIndex {
  func document(id: String) throws -> ElasticDocument? {
    try mapping.key(of: id).flatMap { try document(key: $0) }
  }
}
