#!/usr/bin/env python3
"""SQLite's FTS5 on the files of `generate`. Prints the line that `souk bench search` prints.

Usage: sqlite_peer.py FOLDER INDEX PASSES

FTS5 scores all columns as one (bm25 with weights), not the best of them, and has no typos: the fuzzy class
is left out. The marketplace's query joins the products' table; each facet is a statement of its own.
The first fifty queries of a class are run, for a query that ranks a tenth of a million takes its time."""
import json, math, os, resource, sqlite3, sys, time

folder, path, passes = sys.argv[1], sys.argv[2], int(sys.argv[3])
QUERIES = 50
measures = []


def build():
    if os.path.exists(path):
        os.remove(path)
    database = sqlite3.connect(path)
    rows = []
    with open(folder + "/products.tsv", encoding="utf-8") as lines:
        for line in lines:
            part = line.rstrip("\n").split("\t")
            rows.append((int(part[0]), part[1], part[3], part[2], part[4], int(part[5]), int(part[6]),
                         int(part[7]), int(part[8]), float(part[9] or 0), float(part[10] or 0)))
    start = time.perf_counter()
    database.executescript("""
        CREATE VIRTUAL TABLE text USING fts5(title, category, description, content='', tokenize='ascii');
        CREATE TABLE product(id INTEGER PRIMARY KEY, brand, category, price, stock, rating, popularity,
            latitude, longitude);""")
    with database:
        database.executemany(
            "INSERT INTO text(rowid, title, category, description) VALUES (?, ?, ?, ?)",
            (row[:4] for row in rows))
        database.executemany(
            "INSERT INTO product VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((row[0], row[4], row[2], *row[5:]) for row in rows))
    seconds = time.perf_counter() - start
    database.close()
    json.dump({"index.seconds": seconds, "index.bytes": os.path.getsize(path) / len(rows)},
              open(path + ".json", "w"))


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
    if not os.path.exists(path + ".json"):
        build()
    measures.extend(json.load(open(path + ".json")).items())
    database = sqlite3.connect(path)
    database.execute("PRAGMA mmap_size = 4000000000")
    lines = [line.rstrip("\n").split("\t") for line in open(folder + "/queries.tsv", encoding="utf-8")]

    def some(name):
        return [line for line in lines if line[0] == name][:QUERIES]

    def words(text):
        return " OR ".join(f'"{word}"' for word in text.split(" "))

    def plain(line):
        found = database.execute(
            "SELECT rowid FROM text WHERE text MATCH ? ORDER BY bm25(text, 3, 2, 1) LIMIT 10",
            (words(line[1]),)).fetchall()
        return len(found), 0

    def market(line):
        latitude, longitude, metres = float(line[4]), float(line[5]), float(line[6])
        height = math.degrees(metres / 6_371_008.8)
        width = height / math.cos(math.radians(latitude))
        matches = """FROM text JOIN product ON id = text.rowid WHERE text MATCH ?1
            AND price BETWEEN ?2 AND ?3 AND stock >= 1
            AND latitude BETWEEN ?4 - ?6 AND ?4 + ?6 AND longitude BETWEEN ?5 - ?7 AND ?5 + ?7
            AND 6371008.8 * 2 * asin(min(1, sqrt(pow(sin(radians(latitude - ?4) / 2), 2)
              + cos(radians(?4)) * cos(radians(latitude)) * pow(sin(radians(longitude - ?5) / 2), 2))))
              <= ?8"""
        values = (words(line[1]), int(line[2]), int(line[3]), latitude, longitude, height, width, metres)
        order = "price" if line[7] == "price" else "bm25(text, 3, 2, 1)"
        found = database.execute(f"SELECT id {matches} ORDER BY {order} LIMIT 10", values).fetchall()
        count = database.execute(f"SELECT count(*) {matches}", values).fetchone()[0]
        for column in ("brand", "product.category"):
            database.execute(
                f"SELECT {column}, count(*) AS n {matches} GROUP BY 1 ORDER BY n DESC LIMIT 10",
                values).fetchall()
        return len(found), count

    def complete(line):
        typed = line[1].split(" ")
        asked = " AND ".join([f'title:"{word}"' for word in typed[:-1]] + [f'title:"{typed[-1]}"*'])
        return len(database.execute(
            """SELECT id FROM text JOIN product ON id = text.rowid WHERE text MATCH ?
               ORDER BY popularity DESC LIMIT 10""", (asked,)).fetchall()), 0

    for name, run in (("plain", plain), ("market", market), ("complete", complete)):
        if some(name):
            measure(name, some(name), run)
    measures.append(("memory.bytes", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
    print(json.dumps({"engine": "sqlite", "version": sqlite3.sqlite_version,
                      "measures": [{"name": name, "value": value} for name, value in measures]}))


main()
