// Makes products and queries for the search benchmark: the same bytes for the same numbers, on any
// machine and for every engine.
//
//   generate PRODUCTS QUERIES FOLDER     writes FOLDER/products.tsv and FOLDER/queries.tsv
//
// A product is a line: id, title, description, category, brand, price in cents, stock, rating in tenths,
// popularity, latitude, longitude. A query is a line: class, text, lowest and highest price, latitude,
// longitude, metres, order (`score` or `price`); all but the first two are empty where a class has none.
//
// Words are frequent as in a natural text: word r of the vocabulary with 1 / (r + 2.7)^1.07 (Zipf and
// Mandelbrot). Half of a product's words come from its category's own list, with the same law: words
// that belong together occur together. Prices are log-normal, popularity has a long tail, and places lie
// around sixty towns. Queries are words of a product that is there; 15 of 100 have one typo.

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 120000
#define CATEGORIES 240
#define TOPIC_WORDS 500
#define BRANDS 1500
#define TOWNS 60
#define WORD_BYTES 24
#define TITLE_WORDS 12
#define TYPO_PERCENT 15
static const char *const classes[] = {"plain", "market", "fuzzy", "complete"};

static uint64_t state;

static uint64_t next(void) {  // SplitMix64
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

static uint32_t below(uint32_t count) { return (uint32_t)((next() >> 32) * count >> 32); }
static double unit(void) { return (double)(next() >> 11) * 0x1p-53; }

// The sum of twelve is close enough to a normal variable, and has the same bits everywhere.
static double normal(void) {
  double sum = -6;
  for (int i = 0; i < 12; i++) sum += unit();
  return sum;
}

typedef struct {
  uint32_t count;
  uint64_t *ends;
} Law;

static Law law(uint32_t count, double exponent, double shift) {
  Law made = {count, malloc(count * sizeof(uint64_t))};
  uint64_t total = 0;
  for (uint32_t rank = 0; rank < count; rank++) {
    const uint64_t weight = (uint64_t)(1e12 / pow(rank + shift, exponent));
    made.ends[rank] = total += weight ? weight : 1;
  }
  return made;
}

static uint32_t draw(const Law *law) {
  const uint64_t place = (uint64_t)((unsigned __int128)next() * law->ends[law->count - 1] >> 64);
  uint32_t low = 0, high = law->count - 1;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    if (law->ends[middle] <= place) low = middle + 1;
    else high = middle;
  }
  return low;
}

static char words[WORDS][WORD_BYTES];

static void make_words(void) {
  static const char *const onsets[] = {"b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s",
                                       "t", "v", "st", "tr", "br", "ch", "sh", "pl", "gr", "k"};
  static const char *const vowels[] = {"a", "e", "i", "o", "u", "ea", "ou", "a", "e", "i", "o"};
  static const char *const codas[] = {"", "", "n", "r", "s", "t", "l", "", "nd", "ck", "m", ""};
  enum { SLOTS = 1 << 18 };
  static uint32_t slots[SLOTS];
  for (uint32_t rank = 0; rank < WORDS;) {
    char word[WORD_BYTES] = "";
    const int syllables = rank < 60 ? 1 : rank < 4000 ? 2 : 2 + (int)below(rank < 30000 ? 2 : 3);
    for (int i = 0; i < syllables; i++) {
      strcat(word, onsets[below(22)]);
      strcat(word, vowels[below(11)]);
      if (i + 1 == syllables || below(3) == 0) strcat(word, codas[below(12)]);
    }
    uint64_t hash = 1469598103934665603u;
    for (const char *c = word; *c; c++) hash = (hash ^ (uint8_t)*c) * 1099511628211u;
    uint32_t slot = (uint32_t)(hash ^ hash >> 29) % SLOTS;
    while (slots[slot] && strcmp(words[slots[slot] - 1], word)) slot = (slot + 1) % SLOTS;
    if (slots[slot]) continue;
    strcpy(words[rank], word);
    slots[slot] = ++rank;
  }
}

static Law wordLaw, topicLaw, brandLaw, categoryLaw, townLaw;
static uint32_t topics[CATEGORIES][TOPIC_WORDS];
static uint32_t categories[CATEGORIES][2];
static uint32_t brands[BRANDS];
static double towns[TOWNS][2];

static void make_world(void) {
  state = 20260101;
  make_words();
  wordLaw = law(WORDS, 1.07, 2.7);
  topicLaw = law(TOPIC_WORDS, 1.0, 2.7);
  brandLaw = law(BRANDS, 0.9, 3);
  categoryLaw = law(CATEGORIES, 0.6, 1);
  townLaw = law(TOWNS, 0.8, 1);
  for (int c = 0; c < CATEGORIES; c++) {
    for (int i = 0; i < 2; i++) categories[c][i] = 150 + below(3000);
    for (int i = 0; i < TOPIC_WORDS; i++) {
      // Most words of a topic are rather common ones, some are seldom.
      topics[c][i] = 100 + (uint32_t)((WORDS - 100) * pow(unit(), 3));
    }
  }
  for (int b = 0; b < BRANDS; b++) brands[b] = 4000 + below(60000);
  for (int t = 0; t < TOWNS; t++) {
    towns[t][0] = 26 + 21 * unit();
    towns[t][1] = -122 + 50 * unit();
  }
}

typedef struct {
  uint32_t title[TITLE_WORDS], titleCount;
  uint32_t description[80], descriptionCount;
  uint32_t category, brand, price, stock, rating, popularity;
  double latitude, longitude;
} Product;

static uint32_t word_of(uint32_t category, uint32_t topicPercent) {
  return below(100) < topicPercent ? topics[category][draw(&topicLaw)] : draw(&wordLaw);
}

// Product `id` is the same whatever else was made before.
static Product product(uint64_t id) {
  state = id * 0x2545f4914f6cdd1d + 7;
  next();
  Product p;
  p.category = draw(&categoryLaw);
  p.brand = draw(&brandLaw);
  p.titleCount = 3 + below(6);
  for (uint32_t i = 0; i < p.titleCount; i++) p.title[i] = word_of(p.category, 75);
  p.descriptionCount = 10 + below(25) + below(25);
  for (uint32_t i = 0; i < p.descriptionCount; i++) p.description[i] = word_of(p.category, 45);
  double price = 100 * exp(3.4 + normal());
  p.price = price < 99 ? 99 : price > 999999 ? 999999 : (uint32_t)price;
  p.stock = below(100) < 12 ? 0 : 1 + (uint32_t)(200 * pow(unit(), 3));
  p.rating = 50 - (uint32_t)(40 * pow(unit(), 2.5));
  p.popularity = (uint32_t)(1 / (0.00002 + pow(unit(), 2)));
  const uint32_t town = draw(&townLaw);
  p.latitude = towns[town][0] + 0.3 * normal();
  p.longitude = towns[town][1] + 0.3 * normal();
  return p;
}

static void print_capital(FILE *file, const char *word) {
  fputc(word[0] - 32, file);
  fputs(word + 1, file);
}

static void print_category(FILE *file, uint32_t category) {
  print_capital(file, words[categories[category][0]]);
  fputc(' ', file);
  print_capital(file, words[categories[category][1]]);
}

static void print_product(FILE *file, uint64_t id) {
  const Product p = product(id);
  fprintf(file, "%" PRIu64 "\t", id);
  print_capital(file, words[brands[p.brand]]);
  for (uint32_t i = 0; i < p.titleCount; i++) {
    fputc(' ', file);
    print_capital(file, words[p.title[i]]);
  }
  fputc('\t', file);
  for (uint32_t i = 0; i < p.descriptionCount; i++) {
    if (i % 9 == 0) {
      if (i > 0) fputs(". ", file);
      print_capital(file, words[p.description[i]]);
    } else {
      fputc(' ', file);
      fputs(words[p.description[i]], file);
    }
  }
  fputs(".\t", file);
  print_category(file, p.category);
  fputc('\t', file);
  print_capital(file, words[brands[p.brand]]);
  fprintf(file, "\t%u\t%u\t%u\t%u\t%.6f\t%.6f\n", p.price, p.stock, p.rating, p.popularity,
          p.latitude, p.longitude);
}

// One letter more, less, changed, or two swapped; never the first.
static void mistype(char *word) {
  const size_t length = strlen(word);
  if (length < 4 || length + 2 > WORD_BYTES) return;
  const size_t place = 1 + below((uint32_t)length - 2);
  const char letter = (char)('a' + below(26));
  switch (below(4)) {
    case 0: memmove(word + place, word + place + 1, length - place); break;
    case 1:
      memmove(word + place + 1, word + place, length - place + 1);
      word[place] = letter;
      break;
    case 2: word[place] = letter; break;
    default: {
      const char swapped = word[place];
      word[place] = word[place + 1];
      word[place + 1] = swapped;
    }
  }
}

static void print_query(FILE *file, uint64_t number, uint64_t products) {
  state = number * 0x9fb21c651e98df25 + 99;
  next();
  const uint64_t id = (uint64_t)((unsigned __int128)next() * products >> 64);
  const uint64_t own = state;
  const Product p = product(id);
  state = own;
  const char *const kind = classes[number % 4];
  fprintf(file, "%s\t", kind);
  const bool hasTypo = below(100) < TYPO_PERCENT;
  if (number % 4 == 3) {
    // The beginning of a title, from one of its words on.
    char typed[8 * WORD_BYTES] = "";
    const uint32_t first = below(p.titleCount);
    for (uint32_t i = first; i < p.titleCount && i < first + 3; i++) {
      if (i > first) strcat(typed, " ");
      strcat(typed, words[p.title[i]]);
    }
    const size_t most = strlen(typed), length = 2 + below(10);
    typed[length < most ? length : most] = 0;
    char *const space = strchr(typed, ' ');
    if (hasTypo && !space && strlen(typed) + 2 < WORD_BYTES) mistype(typed);
    fprintf(file, "%s\t\t\t\t\t\t\n", typed);
    return;
  }
  static const uint32_t counts[] = {1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4};
  const uint32_t count = counts[below(12)], mistyped = hasTypo ? below(count) : count;
  for (uint32_t i = 0; i < count; i++) {
    char word[WORD_BYTES];
    const uint32_t from = below(100);
    uint32_t chosen = from < 65   ? p.title[below(p.titleCount)]
                      : from < 80 ? categories[p.category][below(2)]
                      : from < 85 ? brands[p.brand]
                                  : p.description[below(p.descriptionCount)];
    // Nobody asks for the words that stand everywhere.
    if (chosen < 60) chosen = p.title[0];
    strcpy(word, words[chosen]);
    if (i == mistyped) mistype(word);
    fprintf(file, "%s%s", i > 0 ? " " : "", word);
  }
  if (number % 4 == 0) {
    fputs("\t\t\t\t\t\t\n", file);
    return;
  }
  static const uint32_t metres[] = {50000, 100000, 200000, 500000};
  fprintf(file, "\t%u\t%u\t%.6f\t%.6f\t%u\t%s\n", p.price / 3, p.price * 3,
          p.latitude + 0.1 * normal(), p.longitude + 0.1 * normal(), metres[below(4)],
          number / 4 % 2 ? "price" : "score");
}

static FILE *create(const char *folder, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "w");
  if (!file) {
    perror(path);
    exit(1);
  }
  return file;
}

static void finish(FILE *file) {
  if (ferror(file) || fclose(file)) {
    perror("writing failed");
    exit(1);
  }
}

int main(int count, char **arguments) {
  if (count != 4) {
    fputs("usage: generate PRODUCTS QUERIES FOLDER\n", stderr);
    return 2;
  }
  const uint64_t products = strtoull(arguments[1], NULL, 10);
  const uint64_t queries = strtoull(arguments[2], NULL, 10);
  make_world();
  FILE *file = create(arguments[3], "products.tsv");
  for (uint64_t id = 0; id < products; id++) print_product(file, id);
  finish(file);
  file = create(arguments[3], "queries.tsv");
  for (uint64_t number = 0; number < queries; number++) print_query(file, number, products);
  finish(file);
  return 0;
}
