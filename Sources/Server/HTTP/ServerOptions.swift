// ServerOptions: every limit and deadline of the HTTP server, each with the failure that it prevents.

/// Where the server listens and what it tolerates. Sizes in bytes, times in milliseconds.
public struct ServerOptions: Sendable {
  /// The address to bind. Loopback unless the operator says otherwise.
  public var host = "127.0.0.1"
  /// The port to bind; 0 lets the system pick a free one.
  public var port = 3000
  /// With a certificate the server speaks TLS, and HTTP/2 with clients that offer it.
  public var tls: TLSIdentity?
  /// Event loops; `nil` is one for each core.
  public var loops: Int?

  /// Connections beyond this are answered 503 and closed, before file descriptors run out.
  public var connectionsMax = 10_000
  /// Request line and header fields together; over answers 431.
  public var headerBytesMax = 32 * 1024
  /// Header fields in one request; over answers 431.
  public var headerFieldsMax = 100
  /// A body without a limit of its own; over answers 413.
  public var bodyBytesMax = 1 << 20
  /// Bodies of all connections together; over answers 503. Without it many clients that send large
  /// bodies slowly would fill the memory.
  public var bodyBytesTotalMax = 256 << 20
  /// Response bytes queued for one slow reader before the server stops reading its requests.
  public var writeBufferBytesMax = 1 << 20

  /// Requests that wait for a thread of the pool or run on one; over answers 503. With two threads and
  /// some ten milliseconds each, the last of these waits a second.
  public var poolRequestsMax = 256

  /// Requests of one signed-in user, or of one address of guests; over answers 429. Nil is no limit.
  public var rateLimit: RateLimit? = RateLimit(100, inSeconds: 900)
  /// Failed attempts of one address to sign in or to use a token; over answers 429.
  public var authRateLimit: RateLimit? = RateLimit(5, inSeconds: 900)
  /// Failed attempts at one account from all addresses together. More than for one address, so that
  /// one stranger cannot lock the owner out.
  public var accountRateLimit: RateLimit? = RateLimit(20, inSeconds: 900)
  /// Requests with this X-Api-Key are not limited: for benchmarks.
  public var unlimitedKey: String?
  /// Addresses of proxies whose X-Forwarded-For is believed. None: the peer is the client.
  public var trustedProxies: Set<String> = []

  /// From the first byte of a head to its end; over answers 408 (slow-loris defence).
  public var headerTimeoutMillis: Int64 = 10_000
  /// From the end of a head to the end of its body; over answers 408.
  public var bodyTimeoutMillis: Int64 = 60_000
  /// From dispatch to answer; over answers 503, and a later answer is dropped.
  public var requestTimeoutMillis: Int64 = 30_000
  /// A kept connection without a request; over closes it.
  public var idleTimeoutMillis: Int64 = 60_000
  /// A reader that takes none of its response; over closes it.
  public var writeTimeoutMillis: Int64 = 30_000
  /// After an answer that ends the connection: how long the rest of the request is read and
  /// dropped, because closing with unread bytes resets the connection and can destroy the answer.
  public var lingerMillis: Int64 = 2_000
  /// How often deadlines are looked at; their precision.
  public var sweepMillis: Int64 = 250
  /// Requests that take longer are logged.
  public var slowRequestMillis: Int64 = 1_000

  public init() {}

  /// The same without any rate limit: for tests and for what sits behind limits of its own.
  public var withoutRateLimits: ServerOptions {
    var options = self
    options.rateLimit = nil
    options.authRateLimit = nil
    options.accountRateLimit = nil
    return options
  }
}
