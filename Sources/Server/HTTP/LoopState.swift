// LoopState: what the connections of one event loop share. Only that loop touches it.
//
// Deadlines are one number in each connection, looked at by one repeating sweep: setting one costs
// a store, where a scheduled task for each request would cost an allocation and a heap operation.

import Bytes
import NIOCore
import NIOPosix

/// What a loop looks after: a connection, a stream of one, a handshake.
protocol LoopMember: AnyObject {
  /// Counted as an open connection.
  var isConnection: Bool { get }
  func checkDeadline(_ now: NIODeadline)
  /// Ends what owes nobody an answer; called when the server drains.
  func closeIfIdle()
  func close()
}

final class LoopState {
  let index: Int
  let loop: any EventLoop
  let options: ServerOptions
  let handler: any RequestHandler
  let observer: (any ServerObserver)?
  /// For what would hold up the loop.
  let pool: NIOThreadPool
  /// Made when it is first needed: zstd's tables are more than a megabyte.
  lazy var compressor = Compressor()
  private var members: [ObjectIdentifier: any LoopMember] = [:]
  private(set) var dateLine: [UInt8] = []
  /// `RateLimit-Policy: …\r\n` for each set of policies.
  let policyLines: [[UInt8]]
  private(set) var isDraining = false
  /// Bytes of bodies that connections of this loop hold; at most `bodyBytesMax`.
  var bodyBytes = 0
  let bodyBytesMax: Int
  private var drained: EventLoopPromise<Int>?
  /// Connections whose answers leave at the end of the loop's turn.
  private var unflushed: [ChannelHandlerContext] = []
  private var sweepTask: RepeatedTask?
  private var random: SplitMix64
  private var dateSecond: Int64 = -1

  init(
    index: Int, loop: any EventLoop, options: ServerOptions, handler: any RequestHandler,
    observer: (any ServerObserver)?, pool: NIOThreadPool
  ) {
    self.pool = pool
    self.index = index
    self.loop = loop
    self.options = options
    self.handler = handler
    self.observer = observer
    bodyBytesMax = max(
      options.bodyBytesMax, options.bodyBytesTotalMax / HTTPServer.loopCount(options))
    policyLines = Self.policyLines(options)
    random = SplitMix64(seed: UInt64.random(in: .min ... .max))
    refreshDate()
  }

  private static func policyLines(_ options: ServerOptions) -> [[UInt8]] {
    let limits = [options.rateLimit, options.authRateLimit, options.accountRateLimit]
    return (0..<8).map { bits in
      let names = RatePolicy.allCases.compactMap { policy -> String? in
        guard UInt8(bits) & policy.bit != 0, let limit = limits[Int(policy.rawValue)] else {
          return nil
        }
        return "\"\(policy.name)\";q=\(limit.requests);w=\(limit.seconds)"
      }
      return Array("RateLimit-Policy: \(names.joined(separator: ", "))\r\n".utf8)
    }
  }

  /// Starts the sweep. `self` is bound to its loop, on which the task runs.
  func start() {
    let interval = TimeAmount.milliseconds(options.sweepMillis)
    let bound = NIOLoopBound(self, eventLoop: loop)
    sweepTask = loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
      bound.value.sweep()
    }
  }

  func stop() {
    sweepTask?.cancel()
    sweepTask = nil
  }

  func add(_ member: any LoopMember) {
    members[ObjectIdentifier(member)] = member
    if member.isConnection { observer?.connectionOpened(loop: index) }
  }

  func remove(_ member: any LoopMember) {
    guard members.removeValue(forKey: ObjectIdentifier(member)) != nil else { return }
    if member.isConnection { observer?.connectionClosed(loop: index) }
    if members.isEmpty { finishDrain(forced: 0) }
  }

  /// Sends what `context` has written when the loop has read everything that was ready. A client that
  /// waits for many answers is woken once and not for each of them.
  func flushAtEndOfTurn(_ context: ChannelHandlerContext) {
    unflushed.append(context)
    guard unflushed.count == 1 else { return }
    let bound = NIOLoopBound(self, eventLoop: loop)
    loop.execute { bound.value.flushAll() }
  }

  private func flushAll() {
    // The array keeps its room; what a flush writes anew is for the next turn.
    var contexts: [ChannelHandlerContext] = []
    swap(&contexts, &unflushed)
    for context in contexts { context.flush() }
    contexts.removeAll(keepingCapacity: true)
    if unflushed.isEmpty { unflushed = contexts }
  }

  /// From here on every answer is the last of its connection.
  func beginDrain() { isDraining = true }

  /// Closes what is idle, lets the rest finish, and after `millis` closes that too. The future
  /// holds how many connections had to be closed unfinished.
  func drain(withinMillis millis: Int64) -> EventLoopFuture<Int> {
    if let drained { return drained.futureResult }
    beginDrain()
    let promise = loop.makePromise(of: Int.self)
    drained = promise
    for member in Array(members.values) { member.closeIfIdle() }
    if members.isEmpty {
      finishDrain(forced: 0)
    } else {
      let bound = NIOLoopBound(self, eventLoop: loop)
      loop.scheduleTask(in: .milliseconds(millis)) { bound.value.forceClose() }
    }
    return promise.futureResult
  }

  private func forceClose() {
    let rest = Array(members.values)
    finishDrain(forced: rest.lazy.filter(\.isConnection).count)
    for member in rest { member.close() }
  }

  private func finishDrain(forced: Int) {
    guard isDraining, let promise = drained else { return }
    promise.succeed(forced)
  }

  private func sweep() {
    refreshDate()
    let now = NIODeadline.now()
    for member in Array(members.values) { member.checkDeadline(now) }
  }

  private func refreshDate() {
    let now = Timestamp.now
    let second = now.microseconds / 1_000_000
    guard second != dateSecond else { return }
    dateSecond = second
    dateLine = Array("Date: \(now.httpDate)\r\n".utf8)
  }

  /// `req_` and a UUIDv7. Request ids are no secrets, so a fast generator, seeded by the
  /// system, is enough.
  func makeRequestID() -> String {
    let id = UUIDv7(time: .now, random: (random.next(), random.next()))
    return "req_" + id.description
  }
}
