// SearchCompletions: GET /search/autocomplete. What was typed, its last word taken for a beginning, is
// looked for in the titles; where nothing begins so, one typo is forgiven. Titles come once each.

import Bytes
import Database
import RecordStore
import TextSearch

public struct SearchCompletion: Fields, Equatable {
  public var text = ""
  public var productID = UUIDv7.zero
  public var slug = ""
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "text", &text)
    try visitor.field(2, "productId", &productID)
    try visitor.field(3, "slug", &slug)
  }
}

public struct SearchCompletions: Fields, Equatable {
  public var data: [SearchCompletion] = []
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
  }

  /// Titles may be the same, so a few more hits are looked at than are shown.
  private static let hitsPerCompletion = 4

  public static func of(
    _ typed: String, limit: Int, _ snapshot: DatabaseSnapshot
  ) throws -> SearchCompletions {
    guard let index = snapshot.view(TextSnapshot.self) else {
      throw MarketError(.serviceUnavailable, "This server keeps no text index.")
    }
    guard typed.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
      return SearchCompletions()
    }
    var match = TextMatch("title", typed)
    match.allWords = true
    match.isLastPrefix = true
    var hits = try find(match, limit, index)
    if hits.isEmpty {
      match.fuzziness = .edits(1)
      hits = try find(match, limit, index)
    }
    var completions = SearchCompletions()
    var seen: Set<String> = []
    for hit in hits where completions.data.count < limit {
      guard let product = try snapshot.records.get(Product.self, hit.key), product.isForSale else {
        throw MarketError(
          .internalError, "The index found a product that the records do not sell.")
      }
      guard seen.insert(product.title).inserted else { continue }
      var completion = SearchCompletion()
      completion.text = product.title
      completion.productID = product.id
      completion.slug = product.slug
      completions.data.append(completion)
    }
    return completions
  }

  private static func find(
    _ match: TextMatch, _ limit: Int, _ index: TextSnapshot
  ) throws -> [TextHit] {
    var request = TextRequest(.match(match), limit: limit * hitsPerCompletion)
    request.sort = [.column("popularity", descending: true), .score(descending: true)]
    request.countsTotal = false
    do {
      return try index.search(request).hits
    } catch {
      throw MarketError(.invalidInput, "The beginning cannot be completed: \(error).")
    }
  }
}

/// POST /search/voice.
public struct SpokenSearch: Fields, Equatable {
  /// What was said, as the client's own recogniser wrote it down; empty without one.
  public var transcript = ""
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "transcript", &transcript, .length(0...1000))
  }
}
