// souk seed

import ArgumentParser
import Bytes
import Database
import Marketplace

struct Seed: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fill a data directory with a believable demo marketplace.",
    discussion: """
      Makes the directory when there is none. The same seed makes the same shops and goods.

      EXAMPLES
        souk seed --demo
        souk seed --demo --seed 7 --data ./demo
      """)

  @OptionGroup var directory: DataOption
  @Flag(help: "The demo marketplace; the only seed there is.") var demo = false
  @Option(help: "A number; another one makes other goods.") var seed: UInt64 = 1

  func validate() throws {
    guard demo else { throw ValidationError("say what to seed: souk seed --demo") }
  }

  func run() throws {
    let installation: Installation
    do {
      installation = try Installation.create(at: directory.data)
    } catch DatabaseError.alreadyExists {
      installation = try Installation.open(directory.data)
    }
    let demo = DemoData(seed: seed)
    var options = ImportOptions()
    options.assignsToStores = true
    options.stock = 12
    let jobs = [
      ImportJob(.stores, file: demo.stores), ImportJob(.categories, file: demo.categories),
      ImportJob(.products, file: demo.products, options: options),
    ]
    for job in jobs {
      guard let issue = job.issues.first else { continue }
      throw VerbFailure("the demo data are not acceptable, which is our fault: \(issue)")
    }
    _ = try installation.database.writeBlocking { transaction in
      for job in jobs { _ = try job.write(transaction) }
    }
    try installation.database.close()
    Terminal.out(
      "seeded \(directory.data): \(demo.storeCount) shops, \(demo.productCount) products, "
        + "12 of each in stock")
  }
}
