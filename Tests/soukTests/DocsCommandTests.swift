// Every command of /docs, run by bash as a reader would paste it. Identifiers name nothing here, so many
// answer 404; none may be misunderstood (an unknown path or field, a wrong type) or make the server fail.

import Foundation
import Testing
import souk

@Suite struct DocsCommandTests {
  private static func unescaped(_ text: String) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
      .reduce(text) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
  }

  private static func commands(_ page: String) -> [String] {
    page.components(separatedBy: "<pre class=\"command\"><code>").dropFirst().map {
      unescaped($0.components(separatedBy: "</code>")[0])
    }
  }

  @Test func everyCommandIsUnderstood() throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    #expect(try souk("seed", "--demo", "--data", data).status == 0)
    let made = try run([
      "/bin/bash", "-c",
      "SOUK_SUPERUSER_PASSWORD='correct horse battery' \(binary) superuser create "
        + "root@example.com --data \(data)",
    ])
    #expect(made.status == 0, "\(made.errors)")
    let server = try ChildServer(
      binary: binary, arguments: ["--data", data, "--rate-limit", "off"])
    let shopper = try Shopper(server)
    let login = try shopper.post(
      "/auth/login", #"{"email":"root@example.com","password":"correct horse battery"}"#)
    let token = try #require(try login.json["accessToken"] as? String)
    let page = try shopper.get("/docs").text
    let commands = Self.commands(page)
    #expect(commands.count > 60)

    var script = """
      cd \(folder.path); SOUK=http://127.0.0.1:\(server.port); TOKEN=\(token); echo data > FILE
      uuidgen() { cat /proc/sys/kernel/random/uuid; }
      curl() { command curl -s --max-time 30 -o "body$N" -w "%{http_code}\\n" "$@"; }

      """
    let words = page.components(separatedBy: "$").dropFirst().map {
      $0.prefix { $0.isUppercase || $0 == "_" }
    }
    for name in Set(words) where name.count > 2 && !["SOUK", "TOKEN"].contains(name) {
      script += "\(name)=0192a000-0000-7000-8000-0000000000ff\n"
    }
    for (number, command) in commands.enumerated() { script += "N=\(number)\n\(command)\n" }
    let ran = try run(["/bin/bash", "-u", "-c", script])
    let statuses = ran.output.split(separator: "\n").map { Int($0) ?? 0 }
    #expect(statuses.count == commands.count, "\(ran.errors)")
    for (number, status) in statuses.enumerated() {
      let body = FileManager.default.contents(atPath: "\(folder.path)/body\(number)") ?? Data()
      let text = String(decoding: body, as: UTF8.self)
      let about = "\(commands[number])\n\(status) \(text.prefix(300))"
      // What needs a provider that is not there says so.
      #expect(status >= 200 && status < 500 || text.contains("SYS_9002"), "\(about)")
      #expect(status != 405 && !text.contains("There is nothing at"), "\(about)")
      #expect(status < 400 || !text.contains("VAL_3002"), "\(about)")
    }
    #expect(server.end(with: SIGTERM) == 0)
  }
}
