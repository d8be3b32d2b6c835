// RouteTrie: from a method and segments to a route, in one walk.
//
// Invariants
// 1. A literal is tried before a capture, at every segment; the walk turns back only where the
//    literal's branch has no route for the method. A path of one literal segment is never taken for a
//    capture: what it does not answer is 405, whatever `/{name}` answers.
// 2. An empty segment matches nothing.
// 3. Built once, read by every loop at the same time.

struct RouteTrie: Sendable {
  private struct Node: Sendable {
    var literals: [String: Int] = [:]
    var capture: Int?
    /// The route of each method, by its raw value; -1 for none.
    var routes = [Int](repeating: -1, count: Method.allCases.count)
  }

  private var nodes = [Node()]

  /// Adds a route; returns the route that already has this method and shape, if any.
  mutating func insert(_ pattern: [Substring], _ method: Method, _ route: Int) -> Int? {
    var node = 0
    for segment in pattern {
      if segment.hasPrefix("{") {
        if let next = nodes[node].capture {
          node = next
        } else {
          nodes.append(Node())
          nodes[node].capture = nodes.count - 1
          node = nodes.count - 1
        }
      } else if let next = nodes[node].literals[String(segment)] {
        node = next
      } else {
        nodes.append(Node())
        nodes[node].literals[String(segment)] = nodes.count - 1
        node = nodes.count - 1
      }
    }
    let existing = nodes[node].routes[Int(method.rawValue)]
    if existing >= 0 { return existing }
    nodes[node].routes[Int(method.rawValue)] = route
    return nil
  }

  /// The index of the route, or -1.
  func find(_ segments: ArraySlice<String>, _ method: Method) -> Int {
    find(segments, method, 0)
  }

  private func find(_ segments: ArraySlice<String>, _ method: Method, _ node: Int) -> Int {
    guard let first = segments.first else { return nodes[node].routes[Int(method.rawValue)] }
    if first.isEmpty { return -1 }
    let rest = segments.dropFirst()
    if let next = nodes[node].literals[first] {
      let found = find(rest, method, next)
      let isWhole = node == 0 && rest.isEmpty && nodes[next].routes.contains { $0 >= 0 }
      if found >= 0 || isWhole { return found }
    }
    if let next = nodes[node].capture { return find(rest, method, next) }
    return -1
  }

  /// The methods that these segments have routes for.
  func methods(_ segments: ArraySlice<String>) -> [Method] {
    Method.allCases.filter { find(segments, $0) >= 0 }
  }
}
