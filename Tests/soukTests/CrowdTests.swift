// A crowd: two hundred connections that browse, search, fill carts and buy without a pause, against the
// real binary with a small page cache. Its memory stays within the cache and what docs/limits.md says it
// takes besides; nobody gets a server error or loses a connection. Seconds in every run, ten minutes with
// SOUK_NIGHTLY=1.

import Bytes
import Foundation
import Synchronization
import Testing
import souk

@Suite(.serialized) struct CrowdTests {
  private static let connections = 200
  private static let cacheMib = 16
  /// What a server takes beside its page cache: program, text index, buffers of connections, groups of
  /// commits under way (docs/limits.md).
  private static let besidesMib = 80
  private static var seconds: Double {
    ProcessInfo.processInfo.environment["SOUK_NIGHTLY"] == "1" ? 600 : 6
  }

  private final class Crowd: Sendable {
    let answers = Atomic<Int>(0)
    let orders = Atomic<Int>(0)
    let problems = Mutex<[String]>([])
    let end: Date

    init(seconds: Double) { end = Date(timeIntervalSinceNow: seconds) }

    func note(_ answer: HTTPAnswer, _ what: String, allowed: Set<Int> = [200, 201]) {
      answers.add(1, ordering: .relaxed)
      guard !allowed.contains(answer.status) else { return }
      problems.withLock { $0.append("\(what): \(answer.status) \(answer.text.prefix(200))") }
    }
  }

  private static func visit(_ shopper: Shopper, _ products: [String], _ crowd: Crowd, _ number: Int)
  {
    var random = SplitMix64(seed: UInt64(number))
    var turn = 0
    do {
      while Date() < crowd.end {
        turn += 1
        let product = products[Int(random.next() % UInt64(products.count))]
        switch turn % 5 {
        case 0: crowd.note(try shopper.get("/products?limit=20"), "list")
        case 1: crowd.note(try shopper.get("/products/\(product)"), "product")
        case 2: crowd.note(try shopper.get("/search?q=article&limit=10"), "search")
        case 3:
          let added = try shopper.post("/cart/add", #"{"productId":"\#(product)","quantity":1}"#)
          crowd.note(added, "cart")
        default:
          let bought = try shopper.buy(key: "\(number)-\(turn)")
          crowd.note(bought, "checkout")
          if bought.status == 201 { crowd.orders.add(1, ordering: .relaxed) }
        }
      }
    } catch {
      crowd.problems.withLock { $0.append("\(error)") }
    }
  }

  @Test func twoHundredConnectionsStayWithinTheBudget() throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    let bench = try CheckoutBench(
      folder: data, seconds: 1, products: 500, stock: 1_000_000, buyers: Self.connections, lines: 1,
      coupons: 0)
    let products = bench.productIDs.map { "\($0)" }
    let server = try ChildServer(
      binary: binary,
      arguments: [
        "--data", data, "--cache-mib", "\(Self.cacheMib)", "--rate-limit", "off",
      ])
    let crowd = Crowd(seconds: Self.seconds)
    let group = DispatchGroup()
    for number in 0..<Self.connections {
      // Handed to the thread, and used by nobody else.
      nonisolated(unsafe) let shopper = try Shopper(server)
      shopper.token = bench.tokens[number]
      let thread = Thread {
        Self.visit(shopper, products, crowd, number)
        group.leave()
      }
      thread.stackSize = 256 << 10
      group.enter()
      thread.start()
    }
    group.wait()
    let problems = crowd.problems.withLock { $0 }
    #expect(problems.isEmpty, "\(problems.count): \(problems.prefix(5))")
    let metrics = try Shopper(server).get("/metrics").text
    let name = "souk_process_peak_resident_bytes "
    let line = try #require(metrics.split(separator: "\n").last { $0.hasPrefix(name) })
    let peakMib = try #require(Double(line.dropFirst(name.count))) / 1_048_576
    #expect(peakMib < Double(Self.cacheMib + Self.besidesMib), "\(peakMib) MiB")
    #expect(crowd.orders.load(ordering: .relaxed) > Self.connections / 2)
    print(
      "crowd: \(crowd.answers.load(ordering: .relaxed)) answers,",
      "\(crowd.orders.load(ordering: .relaxed)) orders, peak \(Int(peakMib)) MiB")
    #expect(server.end(with: SIGTERM) == 0)
    #expect(try souk("store", "check", "--deep", "--data", data).status == 0)
  }
}
