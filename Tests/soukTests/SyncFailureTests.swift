// A disk that cannot make anything durable any more, under the real server: it must answer nothing
// that is not durable, stop with exit code 74, and have everything it answered after a restart.

import Foundation
import Testing
import souk

@Suite struct SyncFailureTests {
  /// fdatasync and fsync that fail once the file named by SOUK_TEST_SYNC_FAILS exists.
  private static let shim = """
    #include <errno.h>
    #include <stdlib.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    static int fails(void) {
      const char *file = getenv("SOUK_TEST_SYNC_FAILS");
      if (!file || access(file, F_OK) != 0) return 0;
      errno = EIO;
      return 1;
    }

    int fdatasync(int file) { return fails() ? -1 : (int)syscall(SYS_fdatasync, file); }
    int fsync(int file) { return fails() ? -1 : (int)syscall(SYS_fsync, file); }

    """

  /// Compiles the shim with the C compiler that the Swift toolchain brings along, or the system's.
  private func library(in folder: TemporaryFolder) throws -> String {
    let source = try folder.write(Self.shim, to: "shim.c")
    let library = folder.path + "/shim.so"
    for compiler in ["clang", "cc"] {
      let made = try run(["/usr/bin/env", compiler, "-shared", "-fPIC", "-o", library, source])
      if made.status == 0 { return library }
    }
    Issue.record("no C compiler: neither clang nor cc made the shim")
    return library
  }

  @Test func aFailedSyncEndsTheServerAndLosesNothingThatWasAnswered() throws {
    let folder = try TemporaryFolder()
    let (data, log, gate) = (
      folder.path + "/data", folder.path + "/errors", folder.path + "/gate"
    )
    #expect(try souk("seed", "--demo", "--data", data).status == 0)
    let server = try ChildServer(
      binary: binary, arguments: ["--data", data],
      environment: [
        "LD_PRELOAD=" + (try library(in: folder)), "SOUK_TEST_SYNC_FAILS=" + gate,
        // A server that went on would be waited for without end.
        "timeout", "120",
      ], errors: log)
    let shopper = try Shopper(server)
    try shopper.register("ada@example.com")
    let found = try shopper.get("/search?q=oak&limit=1").json
    let hit = try #require((found["data"] as? [[String: Any]])?.first)
    let product = try #require(hit["id"] as? String)
    func fillCart(_ shopper: Shopper) throws {
      let cart = try shopper.post("/cart/add", #"{"productId":"\#(product)","quantity":1}"#)
      #expect(cart.status == 200)
    }
    try fillCart(shopper)
    let bought = try shopper.buy(key: "first")
    #expect(bought.status == 201)
    let order = try #require(try bought.json["id"] as? String)
    try fillCart(shopper)
    let said = try String(contentsOfFile: log, encoding: .utf8)

    _ = try folder.write("", to: "gate")
    do {
      let answer = try shopper.buy(key: "second")
      #expect(answer.status >= 500, "a purchase that is not durable was answered: \(answer.text)")
    } catch is HTTPClientError {
      // The process was gone before it could answer.
    }
    #expect(server.end(with: 0) == 74)
    let last = try String(contentsOfFile: log, encoding: .utf8).dropFirst(said.count)
    let lines = last.split(separator: "\n")
    #expect(lines.count == 1, "\(last)")
    #expect(last.hasPrefix("error: the commit log cannot be made durable"), "\(last)")

    // The disk is mended: the gate alone is taken away, and the real calls are back.
    let again = try ChildServer(binary: binary, arguments: ["--data", data])
    let returned = try Shopper(again)
    returned.token = shopper.token
    let kept = try returned.get("/orders/\(order)")
    #expect(kept.status == 200)
    #expect(try kept.json["status"] as? String == "confirmed")
    #expect(try returned.buy(key: "first").body == bought.body)
    // Whether the second purchase was made is not known; asking again makes it once.
    #expect(try returned.buy(key: "second").status == 201)
    #expect(try returned.get("/products/\(product)").json["stock"] as? Int == 10)
    #expect(again.end(with: SIGTERM) == 0)
    #expect(try souk("store", "check", "--deep", "--data", data).status == 0)
  }
}
