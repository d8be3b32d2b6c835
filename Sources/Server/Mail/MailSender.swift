// MailSender: takes waiting mails out of the records, hands them to the SMTP server, and records what
// became of them.
//
//   delivered                     sent
//   refused for ever (5yz)        failed
//   anything else                 again after 1, 4, 16 … minutes, six hours at most;
//                                 failed after `attemptsMax`, or when it waited `waitedSecondsMax`
//
// A crash between delivery and its record delivers the mail once more, under the same Message-ID;
// never is a mail lost.

import Bytes
import Marketplace
import NIOCore
import NIOPosix
import RecordStore
import Synchronization

final class MailSender: Sendable {
  static let attemptsMax: Int64 = 10
  /// Its links have expired by then.
  static let waitedSecondsMax: Int64 = 2 * 86_400
  private static let batchMax = 32
  private static let pauseMillis: Int64 = 500

  private let market: Marketplace
  private let settings: SMTPSettings
  private let log: Log?
  private let pool = NIOThreadPool(numberOfThreads: 1)
  private let task = Mutex<RepeatedTask?>(nil)
  private let isBusy = Atomic<Bool>(false)
  private let isStopping = Atomic<Bool>(false)

  init(market: Marketplace, settings: SMTPSettings, log: Log?) {
    self.market = market
    self.settings = settings
    self.log = log
  }

  func start() {
    pool.start()
    let repeated = MultiThreadedEventLoopGroup.singleton.next().scheduleRepeatedTask(
      initialDelay: .zero, delay: .milliseconds(Self.pauseMillis)
    ) { [self] _ in
      guard !isBusy.exchange(true, ordering: .acquiringAndReleasing) else { return }
      pool.submit { [self] state in
        defer { isBusy.store(false, ordering: .releasing) }
        guard case .active = state else { return }
        pass(at: .now)
      }
    }
    task.withLock { $0 = repeated }
  }

  /// Blocks until a delivery that is under way has ended.
  func stop() {
    isStopping.store(true, ordering: .releasing)
    task.withLock { $0?.cancel() }
    do {
      try pool.syncShutdownGracefully()
    } catch {
      log?.write(.warning, "the sender of mails did not stop", [("failure", "\(error)")])
    }
  }

  /// Tries every mail that is due.
  func pass(at time: Timestamp) {
    do {
      let due = try market.database.snapshot().records.all(
        in: MailMessage.byDue,
        .range(KeyRange(to: key(Timestamp(microseconds: time.microseconds &+ 1)))),
        limit: Self.batchMax)
      for mail in due where !isStopping.load(ordering: .acquiring) {
        try record(outcome: deliver(mail, at: time), of: mail, at: time)
      }
    } catch {
      log?.write(.warning, "mails cannot be sent", [("failure", "\(error)")])
    }
  }

  private func deliver(_ mail: MailMessage, at time: Timestamp) -> SMTPFailure? {
    guard mail.createdAt.adding(seconds: Self.waitedSecondsMax) > time else {
      return SMTPFailure(isPermanent: true, reason: "it waited too long")
    }
    do throws(MarketError) {
      let text = try Mails.text(of: mail, sealing: market.keys.sealing)
      let data = SMTPMessage.data(
        from: settings.from, to: mail.to, subject: mail.subject, text: text, id: mail.id,
        time: mail.createdAt)
      guard let data else {
        return SMTPFailure(
          isPermanent: true, reason: "the address or the subject cannot stand in a mail")
      }
      do throws(SMTPFailure) {
        try SMTPConnection.deliver(data, to: mail.to, settings)
        return nil
      } catch {
        return error
      }
    } catch {
      return SMTPFailure(isPermanent: true, reason: error.message)
    }
  }

  private func record(
    outcome: SMTPFailure?, of mail: MailMessage, at time: Timestamp
  ) throws {
    if let outcome {
      log?.write(
        outcome.isPermanent ? .warning : .info, "a mail was not delivered",
        [("mail", "\(mail.id)"), ("failure", outcome.reason)])
    }
    _ = try market.database.writeBlocking { transaction in
      guard var mail = try transaction.get(MailMessage.self, mail.primaryKey),
        mail.status == .waiting
      else { return }
      mail.attempts += 1
      mail.failure = outcome?.reason ?? ""
      if let outcome {
        let isOver = outcome.isPermanent || mail.attempts >= Self.attemptsMax
        mail.status = isOver ? .failed : .waiting
        mail.dueAt = time.adding(seconds: Self.waitSeconds(afterAttempts: mail.attempts))
      } else {
        mail.status = .sent
        mail.sentAt = transaction.time
      }
      try transaction.put(mail)
    }
  }

  /// 60, 240, 960 … seconds, six hours at most.
  static func waitSeconds(afterAttempts attempts: Int64) -> Int64 {
    min(60 << (2 * min(max(attempts, 1) - 1, 6)), 6 * 3600)
  }
}
