// Scorer: BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009) as Lucene
// computes it since version 8, but with exact lengths:
//
//   idf(t, f)   = ln(1 + (N - n + 0.5) / (n + 0.5))   N documents have the field, n of them the term
//   part(t,f,d) = idf * tf / (tf + k1 * (1 - b + b * length / meanLength))
//   score(d)    = max over fields of boost * sum over the query's terms of part
//
// Sums run in the order of the query's terms, and everything else is a function of exact integers,
// so a score has the same bits in any layout of segments. A word that the query repeats counts as
// often as it is there.

import Glibc

struct Scorer {
  struct Term {
    var bytes: [UInt8]
    var repeats: Double
  }

  struct Field {
    var boost: Double
    /// k1 * (1 - b), and k1 * b / meanLength.
    var base: Double
    var slope: Double
    /// For each term of the query: idf times repeats.
    var weights: [Double]
  }

  static let k1 = 1.2
  static let b = 0.75

  private(set) var terms: [Term] = []
  private(set) var fields: [Field] = []

  init(_ text: String, _ state: IndexState) throws(TextError) {
    var numbers: [[UInt8]: Int] = [:]
    // All of today's fields share one analyser; the query's words are found once.
    for term in Analyser.standard.terms(of: text) {
      if let number = numbers[term] {
        terms[number].repeats += 1
      } else {
        guard terms.count < TextQuery.termsMax else { throw .tooManyTerms }
        numbers[term] = terms.count
        terms.append(Term(bytes: term, repeats: 1))
      }
    }
    for (index, field) in state.schema.fields.enumerated() {
      let statistics = state.statistics[index]
      let mean = Double(statistics.terms) / Double(max(1, statistics.documents))
      let weights = terms.map { term in
        var frequency = 0
        for view in state.segments {
          if let rank = view.segment.fields[index].terms.find(term.bytes[...]) {
            frequency += view.documentFrequency(field: index, term: rank)
          }
        }
        return term.repeats * Self.idf(documents: statistics.documents, frequency: frequency)
      }
      fields.append(
        Field(
          boost: field.boost, base: Self.k1 * (1 - Self.b),
          slope: mean > 0 ? Self.k1 * Self.b / mean : 0, weights: weights))
    }
  }

  static func idf(documents: Int, frequency: Int) -> Double {
    log(1 + (Double(documents - frequency) + 0.5) / (Double(frequency) + 0.5))
  }

  func explain(
    field: Int, term: Int, frequency: UInt32, length: UInt32, name: String
  ) -> ScorePart {
    let values = fields[field]
    let count = Double(frequency)
    let part =
      values.weights[term] * (count / (count + (values.base + values.slope * Double(length))))
    return ScorePart(
      field: name, term: String(decoding: terms[term].bytes, as: UTF8.self), frequency: frequency,
      length: length, inverseDocumentFrequency: values.weights[term] / terms[term].repeats,
      score: values.boost * part)
  }
}
