// RenderedPages: answers that anybody may have, kept as bytes for as long as nothing is committed. A list
// costs a decoding and an encoding of every row; asked again before the next commit it costs a copy.
//
// Invariants
// 1. Everything kept was rendered at one position of the log; the first look from a later one drops it
//    all. So nothing old is ever answered, and there is no time to live to choose.
// 2. Only answers to callers without an account or a guest's token are kept or given.
// 3. At most `bytesMax` bytes and `pagesMax` answers: then nothing more is kept until the next commit.

import Bytes
import Database
import Synchronization

final class RenderedPages: Sendable {
  static let pagesMax = 1024
  static let bytesMax = 8 << 20

  private struct Kept {
    var lsn: UInt64 = 0
    var bytes = 0
    var pages: [String: Response] = [:]
  }

  private let kept = Mutex(Kept())

  /// The answer to this request at `lsn`, if it was kept.
  func find(_ request: Request, at lsn: UInt64) -> Response? {
    let name = Self.name(of: request)
    return kept.withLock { $0.lsn == lsn ? $0.pages[name] : nil }
  }

  /// Keeps an answer that was rendered at `lsn`.
  func keep(_ response: Response, to request: Request, at lsn: UInt64) {
    let name = Self.name(of: request)
    let bytes = response.body.count + name.utf8.count
    kept.withLock { kept in
      if kept.lsn < lsn { kept = Kept(lsn: lsn) }
      guard kept.lsn == lsn, kept.pages.count < Self.pagesMax, bytes <= Self.bytesMax - kept.bytes,
        kept.pages.updateValue(response, forKey: name) == nil
      else { return }
      kept.bytes += bytes
    }
  }

  /// Path and query as they were sent: two ways to say the same are two pages.
  private static func name(of request: Request) -> String { "\(request.path)?\(request.rawQuery)" }
}

extension MarketplaceServer {
  /// `read` for what is the same to everybody without an account: rendered once for each commit.
  func readRendered<Output: Fields>(
    _ context: Context<Nothing>, _ answer: Answer<Output>,
    _ body: @escaping @Sendable (DatabaseSnapshot) throws -> Reply<Output>
  ) throws {
    guard context.principal == nil else { return try read(context, answer, body) }
    try whenVisible(context) {
      do {
        let snapshot = market.database.snapshot()
        let lsn = snapshot.lsn.rawValue
        if let response = rendered.find(context.request, at: lsn) {
          return answer.responder.answer(response.validated(for: context.request))
        }
        let response = try body(snapshot).read(at: lsn).response(isPrivate: answer.isPrivate)
        rendered.keep(response, to: context.request, at: lsn)
        answer.responder.answer(response.validated(for: context.request))
      } catch {
        answer.fail(APIError.telling(error))
      }
    }
  }
}
