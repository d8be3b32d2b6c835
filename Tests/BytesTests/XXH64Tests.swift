// XXH64 against results of the reference implementation. The input is the byte sequence of its own
// sanity test: a generator starting at 2654435761, multiplied by 11400714785074694797 for each byte,
// whose top eight bits are the byte.

import Bytes
import Kernels
import Testing

@Suite struct XXH64Tests {
  static let prime32: UInt64 = 2_654_435_761

  static let input: [UInt8] = {
    var generator = prime32
    return (0..<1200).map { _ in
      defer { generator = generator &* 11_400_714_785_074_694_797 }
      return UInt8(generator >> 56)
    }
  }()

  /// Length, hash with seed 0, hash with seed 2654435761.
  static let published: [(Int, UInt64, UInt64)] = [
    (0, 0xef46_db37_51d8_e999, 0xac75_fda2_929b_17ef),
    (1, 0xe934_a84a_db05_2768, 0x5014_6076_43a9_b4c3),
    (3, 0xff7e_1959_cb50_794a, 0xaa85_84e8_3660_f7d1),
    (4, 0x9136_a0dc_a574_57ee, 0xcaab_286b_d8e9_fdb5),
    (7, 0x6c83_909a_9f01_ed25, 0xf98d_03b1_ad6f_9293),
    (8, 0xcdbc_f538_e71d_1348, 0xfe0c_047a_5353_cdac),
    (14, 0x8282_dcc4_994e_35c8, 0xc3bd_6bf6_3deb_6df0),
    (31, 0x299b_39a2_90e6_d783, 0xda67_3d5f_eb5c_1d79),
    (32, 0x18b2_1649_2bb4_4b70, 0xb3f3_3bdf_93ad_e409),
    (33, 0x55c8_dc3e_578f_5b59, 0xe92c_292f_64bc_3071),
    (63, 0xa9ef_be0f_a0f3_f4e7, 0x6c91_1fad_b05b_6fc2),
    (222, 0xb641_ae8c_b691_c174, 0x20cb_8ab7_ae10_c14a),
    (1100, 0x12d5_89e9_6bf3_9de3, 0x668c_0582_5574_01fe),
  ]

  @Test func publishedVectorsAreMet() {
    for (length, plain, seeded) in Self.published {
      let bytes = Array(Self.input[..<length])
      #expect(XXH64.hash(bytes) == plain, "length \(length)")
      #expect(XXH64.hash(bytes, seed: Self.prime32) == seeded, "length \(length)")
    }
  }

  /// The hash of all hashes, 1101 lengths with each seed, as the reference implementation gives it.
  @Test func everyLengthToElevenHundredAgrees() {
    var all = ByteWriter()
    for seed in [0, Self.prime32] {
      for length in 0...1100 {
        all.u64(XXH64.hash(Array(Self.input[..<length]), seed: seed))
      }
    }
    #expect(XXH64.hash(all.bytes) == 0xc7c0_2bf2_e35e_02df)
  }

  @Test func anUnalignedSliceHashesLikeItsCopy() {
    for start in 0..<16 {
      let slice = Self.input.span.bytes.extracting(start..<start + 100)
      #expect(XXH64.hash(slice) == XXH64.hash(Array(Self.input[start..<start + 100])))
    }
    #expect(XXH64.hash(Self.input.span.bytes.extracting(5..<5)) == XXH64.hash([]))
  }

  /// Also on a machine where the lanes of four are computed by vectors.
  @Test func fourAtOnceHashLikeEachAlone() {
    let lengths = Array(0...80) + [255, 256, 1000, 1100]
    Self.input.withUnsafeBytes { input in
      guard let base = input.baseAddress else { return }
      for length in lengths {
        let starts = [0, 7, 50, 100]
        let four = XXH64.hashFour(
          base + starts[0], base + starts[1], base + starts[2], base + starts[3], count: length)
        for (start, hash) in zip(starts, [four.0, four.1, four.2, four.3]) {
          #expect(
            hash == XXH64.hash(Array(Self.input[start..<start + length])),
            "length \(length) from \(start)")
        }
      }
    }
  }

  @Test func theLanesOfFourAreWhatTheirReferenceSays() {
    for stripes in [0, 1, 2, 7, 30] {
      var lanes = (1...16).map { UInt64($0) &* Self.published[3].1 }
      var expected = lanes
      Self.input.withUnsafeBytes { input in
        guard let base = input.bindMemory(to: UInt8.self).baseAddress else { return }
        kernels_hash_lanes(base, base + 3, base + 64, base + 100, stripes, &lanes)
        kernels_hash_lanes_scalar(base, base + 3, base + 64, base + 100, stripes, &expected)
      }
      #expect(lanes == expected, "\(stripes) stripes")
    }
  }
}
