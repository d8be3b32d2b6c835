// The purchase of `souk bench checkout` as a C program on SQLite: three lines and a coupon, the rows of
// Benchmarks/postgres/schema.sql, prepared statements, WAL and synchronous=FULL, and GROUP such orders in
// each commit, as a server that gathers its clients' requests would do. No HTTP, no JSON of requests.
// Usage: sqlite FOLDER SECONDS GROUP          prints "ORDERS_PER_SECOND COMMITS_PER_SECOND CPU_MICROS"
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PRODUCTS = 2000, BUYERS = 300000, COUPONS = 1000, SELLERS = 200, LINES = 3 };

static sqlite3 *database;

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(database));
  exit(1);
}

static void run(const char *sql) {
  if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK) fail(sql);
}

static sqlite3_stmt *prepare(const char *sql) {
  sqlite3_stmt *statement;
  if (sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL)) fail(sql);
  return statement;
}

// Binds integers (i) and texts (t) by `kinds`, and steps once. True when there is a row.
static int step(sqlite3_stmt *statement, const char *kinds, ...) {
  va_list values;
  sqlite3_reset(statement);
  va_start(values, kinds);
  for (int place = 1; kinds[place - 1]; place++) {
    if (kinds[place - 1] == 'i') sqlite3_bind_int64(statement, place, va_arg(values, int64_t));
    else sqlite3_bind_text(statement, place, va_arg(values, const char *), -1, SQLITE_TRANSIENT);
  }
  va_end(values);
  int result = sqlite3_step(statement);
  if (result != SQLITE_ROW && result != SQLITE_DONE) fail(sqlite3_sql(statement));
  return result == SQLITE_ROW;
}

static const char *const schema =
    "CREATE TABLE products(id INTEGER PRIMARY KEY, seller INT, title TEXT, price INT, status TEXT);"
    "CREATE TABLE stock(variant INT, location INT, quantity INT CHECK(quantity >= 0), PRIMARY KEY(variant, location)) WITHOUT ROWID;"
    "CREATE TABLE movements(id INTEGER PRIMARY KEY, variant INT, location INT, kind TEXT, quantity INT, reference INT, at INT);"
    "CREATE TABLE carts(user INTEGER PRIMARY KEY, items TEXT, coupon TEXT);"
    "CREATE TABLE coupons(code TEXT PRIMARY KEY, points INT, used INT, allowed INT) WITHOUT ROWID;"
    "CREATE TABLE coupon_uses(code TEXT, user INT, count INT, PRIMARY KEY(code, user)) WITHOUT ROWID;"
    "CREATE TABLE orders(id INTEGER PRIMARY KEY, number TEXT UNIQUE, buyer INT, status TEXT, discount INT, total INT, address TEXT, at INT);"
    "CREATE INDEX orders_by_buyer ON orders(buyer, at DESC);"
    "CREATE TABLE parts(id INTEGER PRIMARY KEY, order_id INT, seller INT, status TEXT, total INT);"
    "CREATE INDEX parts_by_seller ON parts(seller);"
    "CREATE TABLE items(id INTEGER PRIMARY KEY, order_id INT, product INT, title TEXT, quantity INT, price INT);"
    "CREATE INDEX items_by_order ON items(order_id);"
    "CREATE TABLE payments(id INTEGER PRIMARY KEY, order_id INT, user INT, amount INT, status TEXT);"
    "CREATE TABLE ledger(payment INT, line INT, account TEXT, amount INT, PRIMARY KEY(payment, line)) WITHOUT ROWID;"
    "CREATE TABLE idempotency(user INT, key TEXT, fingerprint TEXT, answer TEXT, at INT, PRIMARY KEY(user, key)) WITHOUT ROWID;";

static struct {
  sqlite3_stmt *replay, *cart, *product, *coupon, *rate, *use, *order, *held, *take, *move, *item, *part,
      *payment, *entry, *empty, *remember;
} s;

static void prepare_all(void) {
  s.replay = prepare("SELECT answer FROM idempotency WHERE user = ?1 AND key = ?2");
  s.cart = prepare("SELECT items, coupon FROM carts WHERE user = ?1");
  s.product = prepare("SELECT seller, title, price FROM products WHERE id = ?1 AND status = 'active'");
  s.coupon = prepare("UPDATE coupons SET used = used + 1 WHERE code = ?1 AND used < allowed");
  s.rate = prepare("SELECT points FROM coupons WHERE code = ?1");
  s.use = prepare("INSERT INTO coupon_uses VALUES(?1, ?2, 1) ON CONFLICT DO UPDATE SET count = count + 1");
  s.order = prepare("INSERT INTO orders(number, buyer, status, discount, total, address, at) VALUES(?1, ?2, 'confirmed', ?3, ?4, ?5, ?6)");
  s.held = prepare("SELECT location, quantity FROM stock WHERE variant = ?1 ORDER BY quantity DESC LIMIT 1");
  s.take = prepare("UPDATE stock SET quantity = quantity - ?3 WHERE variant = ?1 AND location = ?2");
  s.move = prepare("INSERT INTO movements(variant, location, kind, quantity, reference, at) VALUES(?1, ?2, 'sale', ?3, ?4, ?5)");
  s.item = prepare("INSERT INTO items(order_id, product, title, quantity, price) VALUES(?1, ?2, ?3, ?4, ?5)");
  s.part = prepare("INSERT INTO parts(order_id, seller, status, total) VALUES(?1, ?2, 'confirmed', ?3)");
  s.payment = prepare("INSERT INTO payments(order_id, user, amount, status) VALUES(?1, ?2, ?3, 'completed')");
  s.entry = prepare("INSERT INTO ledger VALUES(?1, ?2, ?3, ?4)");
  s.empty = prepare("UPDATE carts SET items = '', coupon = NULL WHERE user = ?1");
  s.remember = prepare("INSERT INTO idempotency VALUES(?1, ?2, ?3, ?4, ?5)");
}

static void fill(void) {
  char text[96];
  run(schema);
  run("BEGIN");
  sqlite3_stmt *product = prepare("INSERT INTO products VALUES(?1, ?2, ?3, ?4, 'active')");
  sqlite3_stmt *stock = prepare("INSERT INTO stock VALUES(?1, ?2, 1000000000)");
  for (int64_t id = 0; id < PRODUCTS; id++) {
    snprintf(text, sizeof text, "Product number %d", (int)id);
    step(product, "iiti", id, id % SELLERS, text, 100 + id % 9000);
    step(stock, "ii", id, id % SELLERS);
  }
  sqlite3_stmt *coupon = prepare("INSERT INTO coupons VALUES(?1, 1000, 0, 1000000000)");
  for (int id = 0; id < COUPONS; id++) {
    snprintf(text, sizeof text, "BENCH%d", id);
    step(coupon, "t", text);
  }
  sqlite3_stmt *cart = prepare("INSERT INTO carts VALUES(?1, ?2, ?3)");
  for (int64_t user = 0; user < BUYERS; user++) {
    char code[24];
    int first = (int)(user * 7919 % PRODUCTS);
    snprintf(text, sizeof text, "%d:1 %d:1 %d:1", first, (first + 661) % PRODUCTS,
             (first + 1322) % PRODUCTS);
    snprintf(code, sizeof code, "BENCH%d", (int)(user % COUPONS));
    step(cart, "itt", user, text, code);
  }
  run("COMMIT");
  sqlite3_finalize(product), sqlite3_finalize(stock), sqlite3_finalize(coupon), sqlite3_finalize(cart);
}

static void checkout(int64_t user, const char *key, int64_t at) {
  struct { int64_t product, quantity, seller, price; char title[64]; } lines[LINES];
  char cart[96], code[24], text[512];
  int64_t total = 0, discount = 0;
  int count = 0;
  if (step(s.replay, "it", user, key)) return;
  if (!step(s.cart, "i", user)) fail("no cart");
  snprintf(cart, sizeof cart, "%s", sqlite3_column_text(s.cart, 0));
  const unsigned char *applied = sqlite3_column_text(s.cart, 1);
  snprintf(code, sizeof code, "%s", applied ? (const char *)applied : "");
  sqlite3_reset(s.cart);
  for (char *rest = cart; count < LINES && *rest; count++) {
    lines[count].product = strtoll(rest, &rest, 10);
    lines[count].quantity = strtoll(rest + 1, &rest, 10);
    if (!step(s.product, "i", lines[count].product)) fail("product unavailable");
    lines[count].seller = sqlite3_column_int64(s.product, 0);
    snprintf(lines[count].title, sizeof lines[count].title, "%s", sqlite3_column_text(s.product, 1));
    lines[count].price = sqlite3_column_int64(s.product, 2);
    total += lines[count].price * lines[count].quantity;
  }
  if (count == 0) fail("empty cart");
  if (*code) {
    step(s.coupon, "t", code);
    if (sqlite3_changes(database) != 1 || !step(s.rate, "t", code)) fail("coupon used up");
    discount = (total * sqlite3_column_int64(s.rate, 0) + 5000) / 10000;
    step(s.use, "ti", code, user);
  }
  snprintf(text, sizeof text, "SK-2026-%s", key);
  step(s.order, "tiiiti", text, user, discount, total - discount,
       "{\"street\":\"1 Main St\",\"city\":\"Springfield\"}", at);
  int64_t order = sqlite3_last_insert_rowid(database);
  for (int line = 0; line < count; line++) {
    int64_t product = lines[line].product, quantity = lines[line].quantity;
    if (!step(s.held, "i", product) || sqlite3_column_int64(s.held, 1) < quantity) fail("no stock");
    int64_t location = sqlite3_column_int64(s.held, 0);
    sqlite3_reset(s.held);
    step(s.take, "iii", product, location, quantity);
    step(s.move, "iiiii", product, location, -quantity, order, at);
    step(s.item, "iitii", order, product, lines[line].title, quantity, lines[line].price);
    step(s.part, "iii", order, lines[line].seller, lines[line].price * quantity);
  }
  step(s.payment, "iii", order, user, total - discount);
  int64_t payment = sqlite3_last_insert_rowid(database);
  step(s.entry, "iiti", payment, (int64_t)1, "provider", total - discount);
  step(s.entry, "iiti", payment, (int64_t)2, "discounts", discount);
  step(s.entry, "iiti", payment, (int64_t)3, "sellers", -total);
  step(s.empty, "i", user);
  snprintf(text, sizeof text, "{\"id\":%lld,\"status\":\"confirmed\",\"total\":%lld}",
           (long long)order, (long long)(total - discount));
  step(s.remember, "ittti", user, key, "00000000000000000000000000000000", text, at);
}

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int count, char **words) {
  char path[4096], key[32];
  if (count != 4) return fprintf(stderr, "usage: sqlite FOLDER SECONDS GROUP\n"), 2;
  double limit = atof(words[2]);
  int group = atoi(words[3]);
  snprintf(path, sizeof path, "%s/orders.sqlite", words[1]);
  if (limit <= 0 || group < 1 || sqlite3_open(path, &database)) fail("open");
  run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536");
  fill();
  prepare_all();
  run("PRAGMA wal_checkpoint(TRUNCATE)");
  int64_t orders = 0, commits = 0;
  double start = seconds(CLOCK_MONOTONIC), processor = seconds(CLOCK_PROCESS_CPUTIME_ID), passed = 0;
  while (passed < limit && orders + group <= BUYERS) {
    run("BEGIN IMMEDIATE");
    for (int each = 0; each < group; each++, orders++) {
      snprintf(key, sizeof key, "key-%lld", (long long)orders);
      checkout(orders * 104729 % BUYERS, key, orders);
    }
    run("COMMIT");
    commits++;
    passed = seconds(CLOCK_MONOTONIC) - start;
  }
  processor = seconds(CLOCK_PROCESS_CPUTIME_ID) - processor;
  printf("%.0f %.0f %.1f\n", (double)orders / passed, (double)commits / passed, processor * 1e6 / (double)orders);
  return 0;
}
