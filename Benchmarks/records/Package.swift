// swift-tools-version: 6.2
import PackageDescription

// Figures of docs/decisions/0001-records-visit-their-fields.md:
//   swift run -c release records

let package = Package(
  name: "records",
  dependencies: [.package(name: "souk", path: "../..")],
  targets: [
    .executableTarget(
      name: "records", dependencies: [.product(name: "Bytes", package: "souk")])
  ],
  swiftLanguageModes: [.v6]
)
