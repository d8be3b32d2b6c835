// swift-tools-version: 6.2
import PackageDescription

// The house, floor by floor (docs/architecture.md). A module imports only modules on floors below
// its own; Tests/HouseTests checks it.

let settings: [SwiftSetting] = [
  // RawSpan-returning methods (`@_lifetime`) in the byte readers.
  .enableExperimentalFeature("Lifetimes")
]

func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(of name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: [.byName(name: name)] + dependencies,
    swiftSettings: settings)
}

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "souk",
  products: [
    .executable(name: "souk", targets: ["souk"]),
    .library(name: "Bytes", targets: ["Bytes"]),
    .library(name: "CommitLog", targets: ["CommitLog"]),
    .library(name: "RecordStore", targets: ["RecordStore"]),
    .library(name: "TextSearch", targets: ["TextSearch"]),
    .library(name: "Database", targets: ["Database"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    // Floor 0
    .systemLibrary(
      name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CCrypt", pkgConfig: "libcrypt", providers: [.apt(["libcrypt-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .target(name: "Kernels"),
    // Floor 1
    module("Bytes", ["Kernels"]),
    module("Disk", ["Bytes", "Kernels"]),
    // Floor 2
    module("CommitLog", ["Bytes", "Disk"]),
    // Floor 3
    module("RecordStore", ["Bytes", "Disk", "CommitLog"]),
    module("Views", ["Bytes", "Disk", "CommitLog"]),
    // Floor 4
    module("TextSearch", ["Kernels", "Bytes", "Disk", "CommitLog", "Views"]),
    // Floor 5
    module("Database", ["Bytes", "Disk", "CommitLog", "RecordStore", "Views", "TextSearch"]),
    // Floor 6
    module(
      "Marketplace",
      [
        "Bytes", "CommitLog", "RecordStore", "Views", "TextSearch", "Database", "COpenSSL",
        "CCrypt",
      ]),
    // Floor 7
    module(
      "Server",
      [
        "Bytes", "Disk", "CommitLog", "RecordStore", "TextSearch", "Database", "Marketplace",
        "CZlib", "CZstd", nioCore, nioPosix, nioHTTP1, nioTLS, nioSSL, nioHTTP2,
      ]),
    // Floor 8
    .executableTarget(
      name: "souk",
      dependencies: [
        "Bytes", "Disk", "CommitLog", "RecordStore", "Views", "TextSearch", "Database",
        "Marketplace", "Server", argumentParser,
      ],
      swiftSettings: settings),
    // Tests
    tests(of: "Bytes", ["Kernels"]),
    tests(of: "Disk", ["Bytes"]),
    tests(of: "CommitLog", ["Bytes", "Disk"]),
    tests(of: "RecordStore", ["Bytes", "Disk", "CommitLog"]),
    tests(of: "Views", ["Bytes", "Disk", "CommitLog"]),
    tests(of: "TextSearch", ["Kernels", "Bytes", "Disk", "CommitLog", "Views"]),
    tests(
      of: "Database", ["Bytes", "Disk", "CommitLog", "RecordStore", "Views", "TextSearch"]),
    tests(
      of: "Marketplace",
      ["Bytes", "Disk", "CommitLog", "RecordStore", "Views", "TextSearch", "Database"]),
    tests(
      of: "Server",
      [
        "Bytes", "Disk", "CommitLog", "RecordStore", "TextSearch", "Database", "Marketplace",
        "CZstd", nioCore, nioPosix, nioSSL, nioHTTP2,
      ]),
    tests(of: "souk", ["Bytes", "Disk"]),
    .testTarget(name: "HouseTests", swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
