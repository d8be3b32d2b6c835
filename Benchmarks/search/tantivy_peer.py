#!/usr/bin/env python3
"""Tantivy, by its Python package, on the files of `generate`. Prints the line that `souk bench search`
prints.

Usage: tantivy_peer.py FOLDER INDEX PASSES

The index is made once and kept in INDEX. Making a query is not timed, nor are documents fetched: only
Tantivy's own work is, by this thread. What it does not have: a circle (a box around it, of ranges over
two columns, stands for it), and facets in the same pass (a second call over the same query)."""
import json, math, os, resource, shutil, sys, time
import tantivy
from tantivy import FieldType, Occur, Query

folder, path, passes = sys.argv[1], sys.argv[2], int(sys.argv[3])
measures = []


def schema():
    builder = tantivy.SchemaBuilder()
    for name in ("title", "category", "description"):
        builder.add_text_field(name)
    for name in ("brand_name", "category_name"):
        builder.add_text_field(name, tokenizer_name="raw", fast=True, index_option="basic")
    builder.add_integer_field("id", fast=True)
    for name in ("price", "stock", "rating", "popularity"):
        builder.add_integer_field(name, fast=True)
    for name in ("latitude", "longitude"):
        builder.add_float_field(name, fast=True)
    return builder.build()


def build(kept):
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    index = tantivy.Index(kept, path)
    # One thread, and memory for a hundred thousand products before it writes a segment.
    writer = index.writer(heap_size=512 << 20, num_threads=1)
    # The time of Tantivy's threads: making a document in Python is not its work.
    start = time.process_time() - time.thread_time()
    added = 0.0
    with open(folder + "/products.tsv", encoding="utf-8") as rows:
        for row in rows:
            (number, title, description, category, brand, price, stock, rating, popularity, latitude,
             longitude) = row.rstrip("\n").split("\t")
            document = tantivy.Document(
                id=int(number), title=title, description=description, category=category,
                brand_name=brand, category_name=category, price=int(price), stock=int(stock),
                rating=int(rating), popularity=int(popularity), latitude=float(latitude or 0),
                longitude=float(longitude or 0))
            before = time.thread_time()
            writer.add_document(document)
            added += time.thread_time() - before
    writer.commit()
    writer.wait_merging_threads()
    seconds = time.process_time() - time.thread_time() - start + added
    count = sum(1 for _ in open(folder + "/products.tsv", encoding="utf-8"))
    size = sum(os.path.getsize(f"{path}/{name}") for name in os.listdir(path))
    json.dump({"index.seconds": seconds, "index.bytes": size / count}, open(path + ".json", "w"))


def words(text):
    return list(dict.fromkeys(text.lower().split()))


def edits(word):
    return 0 if len(word) < 3 else 1 if len(word) < 6 else 2


def text(kept, query, fuzzy):
    """The best of three fields; in a field the sum of the words."""
    fields = []
    for name, boost in (("title", 3.0), ("category", 2.0), ("description", 1.0)):
        parts = []
        for word in words(query):
            if fuzzy and edits(word):
                # A fuzzy term scores one, so the word itself is asked for beside it.
                parts.append((Occur.Should, Query.fuzzy_term_query(kept, name, word, edits(word))))
            parts.append((Occur.Should, Query.term_query(kept, name, word, "freq")))
        fields.append(Query.boost_query(Query.boolean_query(parts), boost))
    return Query.disjunction_max_query(fields)


def market(kept, fields, fuzzy):
    _, asked, low, high, latitude, longitude, metres, order = fields
    latitude, longitude, metres = float(latitude), float(longitude), float(metres)
    height = math.degrees(metres / 6_371_008.8)
    width = height / math.cos(math.radians(latitude))
    ranges = [
        Query.range_query(kept, "price", FieldType.Integer, int(low), int(high)),
        Query.range_query(kept, "stock", FieldType.Integer, 1, None),
        Query.range_query(kept, "latitude", FieldType.Float, latitude - height, latitude + height),
        Query.range_query(kept, "longitude", FieldType.Float, longitude - width, longitude + width),
    ]
    return Query.boolean_query(
        [(Occur.Must, text(kept, asked, fuzzy))]
        + [(Occur.Must, Query.const_score_query(part, 0.0)) for part in ranges]), order


FACETS = {
    "brand": {"terms": {"field": "brand_name", "size": 10}},
    "category": {"terms": {"field": "category_name", "size": 10}},
}


def measure(name, queries, run):
    micros, hits, matches = [], 0, 0
    for turn in range(passes + 1):
        for query in queries:
            start = time.perf_counter()
            found = run(query)
            took = time.perf_counter() - start
            if turn == 0:
                hits, matches = hits + found[0], matches + found[1]
            else:
                micros.append(took * 1e6)
    micros.sort()
    measures.extend([
        (name + ".p50", micros[len(micros) // 2]), (name + ".p99", micros[len(micros) * 99 // 100]),
        (name + ".rate", len(micros) * 1e6 / sum(micros)), (name + ".hits", hits),
        (name + ".matches", matches)])


def main():
    kept = schema()
    if not os.path.exists(path + ".json"):
        build(kept)
    measures.extend(json.load(open(path + ".json")).items())
    index = tantivy.Index.open(path)
    index.reload()
    searcher = index.searcher()
    measures.append(("index.segments", searcher.num_segments))
    lines = [line.rstrip("\n").split("\t") for line in open(folder + "/queries.tsv", encoding="utf-8")]

    def plain(query):
        return len(searcher.search(query, 10, count=False).hits), 0

    def full(query):
        asked, order = query
        if order == "price":
            found = searcher.search(asked, 10, order_by_field="price", order=tantivy.Order.Asc)
        else:
            found = searcher.search(asked, 10)
        searcher.aggregate(asked, FACETS)
        return len(found.hits), found.count

    measure("plain", [text(kept, line[1], False) for line in lines if line[0] == "plain"], plain)
    for name in ("market", "fuzzy"):
        queries = [market(kept, line, name == "fuzzy") for line in lines if line[0] == name]
        if queries:
            measure(name, queries, full)
    # The beginning of a title's word after whole words, the most popular first; no typo.
    beginnings = []
    for line in lines:
        if line[0] == "complete":
            typed = line[1].split(" ")
            parts = [Query.term_query(kept, "title", word, "basic") for word in typed[:-1]]
            parts.append(Query.regex_query(kept, "title", typed[-1] + ".*"))
            beginnings.append(Query.boolean_query([(Occur.Must, part) for part in parts]))

    def complete(query):
        return len(searcher.search(query, 10, count=False, order_by_field="popularity").hits), 0

    if beginnings:
        measure("complete", beginnings, complete)
    measures.append(("memory.bytes", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
    print(json.dumps({
        "engine": "tantivy", "version": tantivy.__version__.split(",")[0].removeprefix("tantivy v"),
        "measures": [{"name": name, "value": value} for name, value in measures]}))


main()
