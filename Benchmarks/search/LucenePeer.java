// Lucene on the files of `generate`. Prints the line that `souk bench search` prints.
//
//   java LucenePeer FOLDER INDEX PASSES      the index is made once and kept in INDEX
//
// Making a query is not timed, nor are documents fetched. Completions come from its infix suggester,
// which forgives no typo.

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.standard.StandardAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.LatLonPoint;
import org.apache.lucene.document.LongPoint;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.facet.FacetsCollector;
import org.apache.lucene.facet.FacetsConfig;
import org.apache.lucene.facet.sortedset.DefaultSortedSetDocValuesReaderState;
import org.apache.lucene.facet.sortedset.SortedSetDocValuesFacetCounts;
import org.apache.lucene.facet.sortedset.SortedSetDocValuesFacetField;
import org.apache.lucene.facet.sortedset.SortedSetDocValuesReaderState;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.SerialMergeScheduler;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.BooleanClause.Occur;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.BoostQuery;
import org.apache.lucene.search.DisjunctionMaxQuery;
import org.apache.lucene.search.FuzzyQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.MultiCollector;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.Sort;
import org.apache.lucene.search.SortField;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.TopDocsCollector;
import org.apache.lucene.search.TopFieldCollector;
import org.apache.lucene.search.TopScoreDocCollector;
import org.apache.lucene.search.suggest.InputIterator;
import org.apache.lucene.search.suggest.analyzing.AnalyzingInfixSuggester;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.util.BytesRef;

public final class LucenePeer {
  private interface Run {
    int[] of(Object query) throws Exception;
  }

  private static final StringBuilder measures = new StringBuilder();
  private static final StandardAnalyzer analyser = new StandardAnalyzer(CharArraySet.EMPTY_SET);
  private static int passes;

  public static void main(String[] arguments) throws Exception {
    String folder = arguments[0], path = arguments[1];
    passes = Integer.parseInt(arguments[2]);
    Path times = Path.of(path + ".txt");
    if (!Files.exists(times)) build(folder, path, times);
    String[] kept = Files.readString(times).trim().split(" ");
    add("index.seconds", Double.parseDouble(kept[0]));
    add("index.bytes", Double.parseDouble(kept[1]));
    try (Directory directory = FSDirectory.open(Path.of(path));
        DirectoryReader reader = DirectoryReader.open(directory)) {
      add("index.segments", reader.leaves().size());
      measure(folder, path, new IndexSearcher(reader), reader);
    }
    String peak = Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmHWM")).findFirst().get().replaceAll("[^0-9]", "");
    add("memory.bytes", Double.parseDouble(peak) * 1024);
    System.out.println("{\"engine\": \"lucene\", \"version\": \""
        + org.apache.lucene.util.Version.LATEST + "\", \"measures\": [" + measures + "]}");
  }

  private static void add(String name, double value) {
    measures.append(measures.length() > 0 ? ", " : "").append(
        String.format(Locale.ROOT, "{\"name\": \"%s\", \"value\": %.3f}", name, value));
  }

  // The index, by one thread, merges included.

  private static FacetsConfig facets() { return new FacetsConfig(); }

  private static void build(String folder, String path, Path times) throws Exception {
    long start = System.nanoTime();
    int count = 0;
    IndexWriterConfig config = new IndexWriterConfig(analyser);
    config.setRAMBufferSizeMB(512);
    config.setMergeScheduler(new SerialMergeScheduler());
    config.setOpenMode(IndexWriterConfig.OpenMode.CREATE);
    try (Directory directory = FSDirectory.open(Path.of(path));
        IndexWriter writer = new IndexWriter(directory, config);
        BufferedReader rows = Files.newBufferedReader(Path.of(folder, "products.tsv"))) {
      FacetsConfig facets = facets();
      for (String row; (row = rows.readLine()) != null; count++) {
        String[] part = row.split("\t", -1);
        Document document = new Document();
        document.add(new NumericDocValuesField("id", Long.parseLong(part[0])));
        document.add(new TextField("title", part[1], Field.Store.NO));
        document.add(new TextField("description", part[2], Field.Store.NO));
        document.add(new TextField("category", part[3], Field.Store.NO));
        if (!part[3].isEmpty()) {
          document.add(new SortedSetDocValuesFacetField("category", part[3]));
        }
        if (!part[4].isEmpty()) document.add(new SortedSetDocValuesFacetField("brand", part[4]));
        String[] numbers = {"price", "stock", "rating", "popularity"};
        for (int i = 0; i < 4; i++) {
          long number = Long.parseLong(part[5 + i]);
          document.add(new NumericDocValuesField(numbers[i], number));
          document.add(new LongPoint(numbers[i], number));
        }
        if (!part[9].isEmpty()) {
          document.add(new LatLonPoint(
              "place", Double.parseDouble(part[9]), Double.parseDouble(part[10])));
        }
        writer.addDocument(facets.build(document));
      }
      writer.commit();
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    long size = 0;
    try (Stream<Path> files = Files.list(Path.of(path))) {
      for (Path file : (Iterable<Path>) files::iterator) size += Files.size(file);
    }
    buildCompletions(folder, path);
    Files.writeString(times, seconds + " " + (double) size / count);
  }

  private static AnalyzingInfixSuggester suggester(String path) throws IOException {
    return new AnalyzingInfixSuggester(FSDirectory.open(Path.of(path + "-suggest")), analyser);
  }

  private static void buildCompletions(String folder, String path) throws IOException {
    try (AnalyzingInfixSuggester suggester = suggester(path);
        BufferedReader rows = Files.newBufferedReader(Path.of(folder, "products.tsv"))) {
      suggester.build(new InputIterator() {
        private long weight;

        public BytesRef next() throws IOException {
          String row = rows.readLine();
          if (row == null) return null;
          String[] part = row.split("\t", -1);
          weight = Long.parseLong(part[8]);
          return new BytesRef(part[1]);
        }

        public long weight() { return weight; }
        public BytesRef payload() { return null; }
        public boolean hasPayloads() { return false; }
        public java.util.Set<BytesRef> contexts() { return null; }
        public boolean hasContexts() { return false; }
      });
      suggester.commit();
    }
  }

  // Queries.

  private static Query text(String asked, boolean isFuzzy) {
    List<Query> fields = new ArrayList<>();
    String[] names = {"title", "category", "description"};
    float[] boosts = {3, 2, 1};
    for (int i = 0; i < 3; i++) {
      BooleanQuery.Builder words = new BooleanQuery.Builder();
      for (String word : new LinkedHashSet<>(Arrays.asList(asked.split(" ")))) {
        int edits = !isFuzzy || word.length() < 3 ? 0 : word.length() < 6 ? 1 : 2;
        Term term = new Term(names[i], word);
        words.add(edits > 0 ? new FuzzyQuery(term, edits, 0, 50, true) : new TermQuery(term),
            Occur.SHOULD);
      }
      fields.add(new BoostQuery(words.build(), boosts[i]));
    }
    return new DisjunctionMaxQuery(fields, 0);
  }

  private static Object[] market(String[] part, boolean isFuzzy) {
    Query query = new BooleanQuery.Builder().add(text(part[1], isFuzzy), Occur.MUST)
        .add(LongPoint.newRangeQuery("price", Long.parseLong(part[2]), Long.parseLong(part[3])),
            Occur.FILTER)
        .add(LongPoint.newRangeQuery("stock", 1, Long.MAX_VALUE), Occur.FILTER)
        .add(LatLonPoint.newDistanceQuery("place", Double.parseDouble(part[4]),
            Double.parseDouble(part[5]), Double.parseDouble(part[6])), Occur.FILTER)
        .build();
    return new Object[] {query, part[7].equals("price")};
  }

  private static void measure(
      String folder, String path, IndexSearcher searcher, DirectoryReader reader) throws Exception {
    List<String[]> lines = new ArrayList<>();
    for (String line : Files.readAllLines(Path.of(folder, "queries.tsv"), StandardCharsets.UTF_8)) {
      lines.add(line.split("\t", -1));
    }
    // No cache of filters, as nobody else has one.
    searcher.setQueryCache(null);
    measure("plain", of(lines, "plain", part -> text(part[1], false)),
        query -> new int[] {searcher.search((Query) query, 10).scoreDocs.length, 0});
    SortedSetDocValuesReaderState state = new DefaultSortedSetDocValuesReaderState(reader);
    Sort byPrice = new Sort(new SortField("price", SortField.Type.LONG));
    for (String name : new String[] {"market", "fuzzy"}) {
      measure(name, of(lines, name, part -> market(part, name.equals("fuzzy"))), asked -> {
        Object[] query = (Object[]) asked;
        FacetsCollector matches = new FacetsCollector();
        TopDocsCollector<?> best = (Boolean) query[1]
            ? TopFieldCollector.create(byPrice, 10, Integer.MAX_VALUE)
            : TopScoreDocCollector.create(10, Integer.MAX_VALUE);
        searcher.search((Query) query[0], MultiCollector.wrap(best, matches));
        SortedSetDocValuesFacetCounts counts = new SortedSetDocValuesFacetCounts(state, matches);
        counts.getTopChildren(10, "brand");
        counts.getTopChildren(10, "category");
        return new int[] {best.topDocs().scoreDocs.length, best.getTotalHits()};
      });
    }
    try (AnalyzingInfixSuggester suggester = suggester(path)) {
      measure("complete", of(lines, "complete", part -> part[1]),
          typed -> new int[] {suggester.lookup((String) typed, 10, true, false).size(), 0});
    }
  }

  private static List<Object> of(
      List<String[]> lines, String name, java.util.function.Function<String[], Object> make) {
    List<Object> queries = new ArrayList<>();
    for (String[] part : lines) if (part[0].equals(name)) queries.add(make.apply(part));
    return queries;
  }

  /** Passes to warm up, then the passes that count. */
  private static void measure(String name, List<Object> queries, Run run) throws Exception {
    if (queries.isEmpty()) return;
    int warm = 3;
    long hits = 0, matches = 0;
    double[] micros = new double[passes * queries.size()];
    int next = 0;
    double sum = 0;
    for (int pass = 0; pass < warm + passes; pass++) {
      for (Object query : queries) {
        long start = System.nanoTime();
        int[] found = run.of(query);
        double took = (System.nanoTime() - start) / 1e3;
        if (pass == 0) {
          hits += found[0];
          matches += found[1];
        }
        if (pass < warm) continue;
        micros[next++] = took;
        sum += took;
      }
    }
    Arrays.sort(micros);
    add(name + ".p50", micros[next / 2]);
    add(name + ".p99", micros[next * 99 / 100]);
    add(name + ".rate", next * 1e6 / sum);
    add(name + ".hits", hits);
    add(name + ".matches", matches);
  }
}
