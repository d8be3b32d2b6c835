// DigestTests: the multiset hash, and what a view sees of a commit.

import CommitLog
import Testing
import Views

@Test func aDigestForgetsOrderButNotRepeats() {
  var forward = Digest()
  var backward = Digest()
  for byte in 0..<100 { forward.add([UInt8(byte), 7]) }
  for byte in (0..<100).reversed() { backward.add([UInt8(byte), 7]) }
  #expect(forward == backward)
  backward.add([3, 7])
  #expect(forward != backward)
  backward.remove([3, 7])
  #expect(forward == backward)
}

@Test func aChangeTellsPutsFromDeletesAndSkipsEvents() {
  let put = Change(.put(table: 4, key: [1], value: [2], before: [3]))
  #expect(put == Change(table: 4, key: [1], before: [3], after: [2]))
  let delete = Change(.delete(table: 4, key: [1], before: nil))
  #expect(delete == Change(table: 4, key: [1]))
  #expect(Change(.event(stream: 1, payload: [])) == nil)
}
