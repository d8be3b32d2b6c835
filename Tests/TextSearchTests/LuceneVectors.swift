// LuceneVectors: texts, and the rankings that Lucene 8.8.1 gives them for some queries, by its standard analyser
// without stop words and its BM25. Made by Benchmarks/search/LuceneRanks.java over these very texts:
// `ranks` of the texts numbered from zero. Benchmarks/search/lucene-agreement does the same by hand with the
// descriptions of all Debian packages.

enum LuceneVectors {
  struct Ranking: Sendable {
    var query: String
    /// The best ten: place among the texts, score.
    var hits: [(text: Int, score: Float)]
  }

  /// A line each; the two long ones have lengths that a norm keeps in steps.
  static let texts: [String] =
    allTexts.split(separator: "\n").map { String($0) }

  static let rankings: [Ranking] = allRankings.split(separator: "\n").map { line in
    let parts = line.split(separator: "|")
    let hits = parts[1].split(separator: ",").map { entry in
      let pair = entry.split(separator: " ")
      return (text: Int(pair[0]) ?? -1, score: Float(pair[1]) ?? -1)
    }
    return Ranking(query: parts[0].trimmingSpaces, hits: hits)
  }

  private static let allTexts = """
    Red running shoes for men
    Running shoes, red and white, light as a feather
    A pair of red socks
    Trail running shoe with a deep tread; for wet ground, mud and snow
    Leather shoes, brown
    Leather boots, brown, waterproof, with a red lining
    Kettle of steel, 1.7 l, boils in three minutes
    Steel bottle 0.75 l, keeps tea hot for 12 hours and water cold for 24 hours
    Tea, green, 100 g
    Green tea, green tin, green label: tea that is green through and through
    Cup and saucer for tea, white
    White cup
    USB-C cable, 2 m
    USB-C charger, 65 W, with a USB-C cable of 2 m; charges a laptop, a phone and a watch
    Phone case, leather, red
    Laptop bag of leather with room for a charger, a cable, a bottle and a pair of shoes
    Watch with a leather strap
    Running watch: counts steps, hours, heart beats and red blood cells, or so they say
    Lamp
    Lamp, white, for the desk, with a cable of 2 m
    Desk of steel and oak, 140 x 70 cm, with a drawer for cables, chargers, pens, paper, and a shelf \
    below for a computer, a printer, or a pair of shoes that nobody wears; two people carry it, one \
    screws it together, and the cat sits on it at once
    Oak shelf for books, shoes and plants, 80 x 30 x 180 cm, oiled, made to measure by a joiner in a \
    small town, one week after the order; with four steel feet, two steel rods, eighteen screws, one \
    key, a drawing, and a bottle of oil that lasts for two years if the shelf stands in the shade
    Books on tea, running, steel, oak and cats, five volumes in a case
    Cat bed, red, round
    """

  private static let allRankings = """
    red | 14 0.7577097, 23 0.7577097, 0 0.72475916, 2 0.72475916, 5 0.6411182, 1 0.61736906, 17 \
    0.5051043
    running shoes | 0 1.7223661, 1 1.467157, 4 0.88814783, 3 0.6762124, 22 0.6762124, 17 0.63522404, \
    15 0.51803863, 20 0.27423906, 21 0.25200212
    red running shoes | 0 2.4471252, 1 2.084526, 17 1.1403284, 4 0.88814783, 14 0.7577097, 23 \
    0.7577097, 2 0.72475916, 3 0.6762124, 22 0.6762124, 5 0.6411182
    tea | 8 0.9529029, 9 0.93489766, 10 0.87347907, 22 0.6762124, 7 0.61653847
    green tea | 9 2.692888, 8 2.4020147, 10 0.87347907, 22 0.6762124, 7 0.61653847
    white cup tea | 10 3.1910512, 11 2.781194, 8 0.9529029, 9 0.93489766, 1 0.87930846, 19 \
    0.8186568, 22 0.6762124, 7 0.61653847
    usb-c cable | 12 3.8044505, 13 3.0216625, 19 0.8186568, 15 0.65945303
    leather red case | 14 3.1597242, 5 1.4473946, 22 1.028339, 4 0.9982893, 16 0.91146404, 23 \
    0.7577097, 0 0.72475916, 2 0.72475916, 1 0.61736906, 15 0.5822819
    steel | 6 0.7764092, 22 0.6762124, 7 0.61653847, 21 0.47722995, 20 0.30824816
    bottle of steel | 15 1.4249115, 7 1.4171209, 6 1.3937783, 21 1.0702698, 2 0.72475916, 20 \
    0.7155433, 22 0.6762124, 19 0.57478505, 13 0.4273867
    oak shelf shoes | 21 1.3455498, 20 1.1432666, 4 0.88814783, 22 0.8780699, 0 0.810902, 1 \
    0.6907478, 15 0.51803863
    watch hours red | 17 2.2959569, 7 1.3325713, 16 1.1835469, 14 0.7577097, 23 0.7577097, 0 \
    0.72475916, 2 0.72475916, 13 0.6979314, 5 0.6411182, 1 0.61736906
    lamp desk white cable | 19 3.835854, 18 1.6779745, 11 1.1871376, 12 1.0322623, 10 0.98924315, 1 \
    0.87930846, 15 0.65945303, 13 0.6087198, 20 0.46876347
    the cat | 23 1.4491117, 19 0.93863606, 20 0.8690275, 21 0.8029883
    """
}

extension Substring {
  fileprivate var trimmingSpaces: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
