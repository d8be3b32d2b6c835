// StoreAccess: who answers a question about a data directory. When nobody has it open, this process
// opens it through an overlay and answers; when a server has, the server is asked.
//
// Invariant: asking changes nothing in the directory, whether it is answered or not. `work` is for what
// is meant to change something: it opens a stopped directory as a server would.

import Bytes
import Database
import Disk
import Glibc
import Server

enum StoreAccess {
  /// The answer, and the process id of the server that gave it; nil when this process did.
  ///
  /// - Parameter disk: through which this process opens the directory; an overlay without it.
  static func ask<Question: StoreQuestion>(
    _ question: Question, at path: String, disk: any Disk = OverlayDisk(over: PosixDisk())
  ) throws(VerbFailure) -> (report: Question.Report, server: Int64?) {
    defer { Terminal.endProgress() }
    do {
      let installation: Installation
      do {
        installation = try Installation.inspect(path, withViews: Question.needsViews, disk: disk)
      } catch DatabaseError.locked {
        guard let control = ControlFile.read(from: path) else { throw unreachable(path) }
        return (try ask(question, at: path, control), control.pid)
      }
      return (try question.answer(from: installation.database) { Terminal.progress($0) }, nil)
    } catch let failure as VerbFailure {
      throw failure
    } catch let error as DatabaseError {
      throw Installation.failure(error, at: path)
    } catch {
      throw VerbFailure(StoreFailure.telling(error))
    }
  }

  /// The same for a question that changes something: a stopped directory is opened for work, and closed.
  static func work<Question: StoreQuestion>(
    _ question: Question, at path: String
  ) throws(VerbFailure) -> Question.Report {
    defer { Terminal.endProgress() }
    var configuration = Installation.configuration(
      path, disk: PosixDisk(), withViews: Question.needsViews)
    configuration.runsThreads = false
    do {
      let database: Database
      do {
        database = try Database.open(configuration)
      } catch DatabaseError.locked {
        guard let control = ControlFile.read(from: path) else { throw unreachable(path) }
        return try ask(question, at: path, control)
      }
      do {
        let report = try question.answer(from: database) { Terminal.progress($0) }
        try database.close()
        return report
      } catch {
        try? database.close()
        throw error
      }
    } catch let failure as VerbFailure {
      throw failure
    } catch let error as DatabaseError {
      throw Installation.failure(error, at: path)
    } catch {
      throw VerbFailure(StoreFailure.telling(error))
    }
  }

  // MARK: A running server

  /// Between two looks whether the answer is there: short at first, then as long as nobody minds.
  private static let pausesMillis = [2, 5, 10, 20, 50, 100, 200]

  private static func ask<Question: StoreQuestion>(
    _ question: Question, at path: String, _ control: StoreControlFile
  ) throws -> Question.Report {
    let answer: HTTPAnswer
    do throws(HTTPClientError) {
      answer = try converse(Question.verb, FieldJSON.encode(question), control)
    } catch {
      throw unreachable(path)
    }
    switch answer.status {
    case 200:
      guard
        let report = try? FieldJSON.decode(
          Question.Report.self, from: answer.body, unknownFields: .ignored)
      else { throw VerbFailure("the server of \(path) gave an answer of another version of souk") }
      return report
    case 422:
      let failure = try? FieldJSON.decode(StoreFailure.self, from: answer.body)
      throw VerbFailure(failure ?? StoreFailure("the server of \(path) gave no reason"))
    case 503:
      throw VerbFailure(
        "the server of \(path) is answering another `souk store` question, or stopping; try again "
          + "in a moment", .locked)
    case 404: throw unreachable(path)
    default:
      throw VerbFailure("the server of \(path) answered \(answer.status): \(answer.text)")
    }
  }

  /// Asks, and comes back until the answer is there.
  private static func converse(
    _ verb: String, _ arguments: [UInt8], _ control: StoreControlFile
  ) throws(HTTPClientError) -> HTTPAnswer {
    let connection = try HTTPConnection(host: control.host, port: Int(clamping: control.port))
    let headers = [
      ("Authorization", "Bearer \(control.token)"), ("Content-Type", "application/json"),
    ]
    var answer = try connection.request(
      "POST", StoreControl.pathPrefix + verb, headers: headers, body: arguments)
    var looks = 0
    while answer.status == 202 {
      guard var ticket = try? FieldJSON.decode(StoreControlTicket.self, from: answer.body) else {
        throw .malformedAnswer("no ticket")
      }
      if let progress = ticket.progress { Terminal.progress(progress) }
      ticket.progress = nil
      usleep(UInt32(pausesMillis[min(looks, pausesMillis.count - 1)] * 1000))
      looks += 1
      answer = try connection.request(
        "POST", StoreControl.answerPath, headers: headers, body: FieldJSON.encode(ticket))
    }
    return answer
  }

  private static func unreachable(_ path: String) -> VerbFailure {
    VerbFailure(
      "\(path) is in use by another process, and no server answers for it; wait when it is a server "
        + "that starts or another `souk` command, else stop it (`fuser \(path)/LOCK` names it)",
      .locked)
  }
}
