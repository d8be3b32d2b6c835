// UUIDv7: RFC 9562's own example, the text form in and out, and the order.

import Bytes
import Testing

@Suite struct UUIDv7Tests {
  /// RFC 9562, appendix A.6.
  @Test func theExampleOfTheStandardComesOut() {
    let made = UUIDv7(
      time: Timestamp(microseconds: 0x017F_22E2_79B0 * 1000 + 797),
      random: (0xCC3, 0x18C4_DC0C_0C07_398F))
    #expect(made.description == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
    #expect(UUIDv7("017F22E2-79B0-7CC3-98C4-DC0C0C07398F") == made)
  }

  @Test func randomOnesAreVersionSevenAndReadBack() {
    var generator = SplitMix64(seed: 6)
    for _ in 0..<5000 {
      let millis = Int64(generator.next() >> 16)
      let made = UUIDv7(
        time: Timestamp(microseconds: millis * 1000), random: (generator.next(), generator.next()))
      let text = made.description
      #expect(text.utf8.count == 36 && UUIDv7(text) == made && UUIDv7(text.uppercased()) == made)
      #expect(Array(text)[14] == "7" && "89ab".contains(Array(text)[19]))
      #expect(made.high >> 16 == UInt64(millis))
      let any = UUIDv7(high: generator.next(), low: generator.next())
      #expect(UUIDv7(any.description) == any)
      #expect((made < any) == (made.description < any.description))
    }
  }

  @Test func laterOnesAreGreater() {
    let random = (UInt64.max, UInt64.max)
    for millis in [0, 1, 255, 256, 1 << 32, 1 << 47] as [Int64] {
      for micros in millis * 1000..<(millis + 1) * 1000 {
        let earlier = UUIDv7(time: Timestamp(microseconds: micros), random: random)
        let later = UUIDv7(time: Timestamp(microseconds: micros + 1), random: (0, 0))
        #expect(earlier < later)
      }
    }
  }

  @Test(arguments: [
    "", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
    "017f22e279b07cc398c4dc0c0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
    "017f22e2-79b0-7cc3-98c4_dc0c0c07398f", "{017f22e2-79b0-7cc3-98c4-dc0c0c0739}",
    "017f22e27-9b0-7cc3-98c4-dc0c0c07398f", " 17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    "０17f22e2-79b0-7cc3-98c4-dc0c0c07398",
  ])
  func otherTextsAreRefused(_ text: String) {
    #expect(UUIDv7(text) == nil)
  }
}
