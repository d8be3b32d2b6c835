// souk bench orders

import ArgumentParser

struct BenchOrders: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "orders",
    abstract: "Orders a second without HTTP, each on the disk.",
    discussion: """
      The purchase of souk bench checkout, called by threads of this process on a fresh temporary \
      data directory. Benchmarks/orders/run compares it with a C program on SQLite.

      EXAMPLES
        souk bench orders
        souk bench orders --threads 64 --rounds 3 --seconds 2
      """)

  @Option(help: "Threads that buy.") var threads = 64
  @Option(help: "Rounds.") var rounds = 3
  @Option(help: "Seconds of each round.") var seconds = 2.0
  @Option(help: "Buyers with filled carts, for all rounds together.") var buyers = 60_000
  @Option(help: "Where to make the temporary data directory.") var folder: String?

  func validate() throws {
    guard (1...1024).contains(threads), (1...100).contains(rounds), (0.1...600).contains(seconds),
      (1...10_000_000).contains(buyers)
    else {
      throw ValidationError(
        "--threads takes 1 to 1024, --rounds 1 to 100, --seconds 0.1 to 600, --buyers up to 10000000"
      )
    }
  }

  func run() throws {
    let path = try BenchFolder.make(in: folder)
    defer { try? BenchFolder.remove(path) }
    var bench = try OrdersBench(folder: path + "/data", buyers: buyers)
    for _ in 0..<rounds {
      let figures = try bench.run(threads: threads, seconds: seconds)
      Terminal.out(
        "\(Int(figures.ordersPerSecond)) orders/s, "
          + "\(Int(figures.processorMicros)) µs of processor an order")
    }
    try bench.market.database.close()
  }
}
