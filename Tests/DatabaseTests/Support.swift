// Support: clocks, seeds and containers for tests that run without threads or wall time.

import Bytes
import Database
import Disk
import Glibc
import Synchronization
import Testing

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

/// Calls `body` with 0..<count on two threads, and gives what each call said in order.
func onTwoThreads<Answer: Sendable>(
  _ count: Int, _ body: @escaping @Sendable (Int) -> [Answer]
) -> [Answer] {
  let answers = Shared([[Answer]](repeating: [], count: count))
  let workers = (0..<2).map { half in
    Worker {
      for index in stride(from: half, to: count, by: 2) {
        let answer = body(index)
        answers.update { $0[index] = answer }
      }
    }
  }
  for worker in workers { worker.join() }
  return answers.value.flatMap(\.self)
}

/// The files below a folder that this process has open.
func openFiles(below folder: String) -> [String] {
  guard let directory = opendir("/proc/self/fd") else { return [] }
  defer { closedir(directory) }
  var found: [String] = []
  while let entry = readdir(directory) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    var target = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/fd/" + name, &target, target.count)
    guard count > 0 else { continue }
    let path = String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if path.hasPrefix(folder + "/") { found.append(path) }
  }
  return found
}

/// A folder of the real file system that is gone with the value. By then nothing may have a file in
/// it open.
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

  deinit {
    let open = openFiles(below: path)
    #expect(open.isEmpty, "left open: \(open)")
    remove(path)
  }

  private func remove(_ path: String) {
    let disk = PosixDisk()
    for name in (try? disk.list(path)) ?? [] { remove(path + "/" + name) }
    try? disk.remove(path)
  }
}
