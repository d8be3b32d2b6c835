// Support: clocks, seeds and containers for tests that run without threads or wall time.

import Bytes
import Database
import Disk
import Glibc
import Synchronization

/// A clock that advances a millisecond each time it is asked.
final class StepClock: Sendable {
  private let ticks = Atomic<Int64>(0)

  func next() -> Timestamp {
    let tick = ticks.add(1, ordering: .relaxed).newValue
    return Timestamp(microseconds: 1_800_000_000_000_000 + tick * 1000)
  }
}

final class SharedRandom: Sendable {
  private let generator: Mutex<SplitMix64>

  init(seed: UInt64) { generator = Mutex(SplitMix64(seed: seed)) }

  func next() -> UInt64 { generator.withLock { $0.next() } }
}

/// A value that completions on any thread may write and the test reads.
final class Shared<Value: Sendable>: Sendable {
  private let storage: Mutex<Value>

  init(_ value: sending Value) { storage = Mutex(value) }

  var value: Value { storage.withLock { $0 } }
  func update(_ change: (inout Value) -> Void) {
    storage.withLock { change(&$0) }
  }
}

/// The seed of a randomised test: SOUK_TEST_SEED, or the given one.
func testSeed(_ standard: UInt64) -> UInt64 {
  guard let text = getenv("SOUK_TEST_SEED") else { return standard }
  return UInt64(String(cString: text)) ?? standard
}

/// How much of a test is run: the second figure with SOUK_NIGHTLY=1 (`tools/test --nightly`), a tenth of
/// the first with SOUK_REDUCED=1 (under a sanitizer).
func scaled(ci: Int, nightly: Int) -> Int {
  if getenv("SOUK_NIGHTLY") != nil { return nightly }
  return getenv("SOUK_REDUCED") != nil ? max(1, ci / 10) : ci
}

/// Gives the processor away, for loops that wait for another thread to get somewhere.
func pauseBriefly() { usleep(200) }

/// A folder of the real file system that is gone with the value.
final class TemporaryFolder {
  let path: String

  init() throws {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array((base + "/database-tests-XXXXXX").utf8CString)
    let isMade = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) } != nil
    }
    guard isMade else { throw DiskError(.inputOutput(errno), call: "mkdtemp", path: base) }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { remove(path) }

  private func remove(_ path: String) {
    let disk = PosixDisk()
    for name in (try? disk.list(path)) ?? [] { remove(path + "/" + name) }
    try? disk.remove(path)
  }
}
