// SearchTicket: the `searchId` of an answer. It says by itself which search it was, so that nothing has to
// be remembered for the searches whose hits nobody opens. Signed as cursors are.
//
//   time i64 | number u64 | question, UTF-8

import Bytes

struct SearchTicket: Equatable {
  /// A product is opened within this time, or it was not for the search.
  static let secondsMax: Int64 = 86_400
  private static let purpose = "searchId"

  var time = Timestamp.zero
  /// Tells searches of one moment apart.
  var number: UInt64 = 0
  /// As `SearchText.counted` has it.
  var query = ""

  func text(_ cursors: PageCursors) -> String {
    var writer = ByteWriter()
    writer.i64(time.microseconds)
    writer.u64(number)
    writer.append(Array(query.utf8))
    return cursors.encode(position: writer.bytes, filter: Self.purpose)
  }

  init(time: Timestamp, number: UInt64, query: String) {
    (self.time, self.number, self.query) = (time, number, query)
  }

  /// VAL_3001 for what is no ticket, or one that is too old.
  init(_ text: String, _ cursors: PageCursors, at now: Timestamp) throws(MarketError) {
    let refusal = MarketError.invalid(
      "/searchId", rule: "format", "Send the searchId of a search of the last 24 hours.")
    guard let bytes = try? cursors.decode(text, filter: Self.purpose) else { throw refusal }
    do throws(DecodeError) {
      var reader = ByteReader(bytes.span.bytes)
      time = Timestamp(microseconds: try reader.i64())
      number = try reader.u64()
      query = String(decoding: bytes.dropFirst(16), as: UTF8.self)
    } catch {
      throw refusal
    }
    guard now < time.adding(seconds: Self.secondsMax), time <= now.adding(seconds: 60) else {
      throw refusal
    }
  }
}
