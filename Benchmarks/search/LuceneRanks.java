// What Lucene makes of texts: the tokens of its standard analyser without stop words, or the ten best
// documents of each query by BM25. `souk bench search-ranks` does and prints the same.
//
//   java LuceneRanks tokens DOCUMENTS             a line a document: id, tokens
//   java LuceneRanks ranks DOCUMENTS QUERIES      a line a query: query, then id and score of each hit
//
// A document is a line: id, tab, text. Fields of a line are parted by tabs.

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.standard.StandardAnalyzer;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.StoredField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.BooleanClause.Occur;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.store.ByteBuffersDirectory;

public final class LuceneRanks {
  private static final StandardAnalyzer analyser = new StandardAnalyzer(CharArraySet.EMPTY_SET);

  private static List<String> tokens(String text) throws Exception {
    List<String> tokens = new ArrayList<>();
    try (TokenStream stream = analyser.tokenStream("text", text)) {
      CharTermAttribute term = stream.addAttribute(CharTermAttribute.class);
      stream.reset();
      while (stream.incrementToken()) tokens.add(term.toString());
      stream.end();
    }
    return tokens;
  }

  public static void main(String[] arguments) throws Exception {
    List<String> lines = Files.readAllLines(Path.of(arguments[1]), StandardCharsets.UTF_8);
    PrintStream out = new PrintStream(System.out, false, "UTF-8");
    if (arguments[0].equals("tokens")) {
      for (String line : lines) {
        int tab = line.indexOf('\t');
        out.println(line.substring(0, tab + 1) + String.join(" ", tokens(line.substring(tab + 1))));
      }
      out.flush();
      return;
    }
    ByteBuffersDirectory directory = new ByteBuffersDirectory();
    try (IndexWriter writer = new IndexWriter(directory, new IndexWriterConfig(analyser))) {
      for (String line : lines) {
        int tab = line.indexOf('\t');
        Document document = new Document();
        document.add(new StoredField("id", line.substring(0, tab)));
        document.add(new TextField("text", line.substring(tab + 1), Field.Store.NO));
        writer.addDocument(document);
      }
    }
    IndexSearcher searcher = new IndexSearcher(DirectoryReader.open(directory));
    for (String query : Files.readAllLines(Path.of(arguments[2]), StandardCharsets.UTF_8)) {
      BooleanQuery.Builder words = new BooleanQuery.Builder();
      for (String word : tokens(query)) {
        words.add(new TermQuery(new Term("text", word)), Occur.SHOULD);
      }
      StringBuilder line = new StringBuilder(query);
      for (ScoreDoc hit : searcher.search(words.build(), 10).scoreDocs) {
        line.append('\t').append(searcher.doc(hit.doc).get("id")).append(' ').append(hit.score);
      }
      out.println(line);
    }
    out.flush();
  }
}
