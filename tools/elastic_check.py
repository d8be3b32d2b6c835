"""Asks a server with demo data what docs/search.md promises of Elasticsearch's subset, through the
official client, in three steps between which the server is started anew: `write`, `read` and `end`. Ends with
an exception at the first thing that is not so."""

import os
import sys

import elasticsearch
from elasticsearch import Elasticsearch, helpers


def refused(kind, call, *words):
    try:
        call()
    except elasticsearch.ApiError as error:
        assert error.error == kind, (error.error, kind)
        assert all(word in str(error) for word in words), error
        return error.status_code
    raise AssertionError(f"{kind} was expected")


def pages(client, **search):
    after, hits = None, []
    while True:
        page = client.search(index="products", search_after=after, **search)["hits"]["hits"]
        if not page:
            return hits
        hits += page
        after = page[-1]["sort"]


def handshake(client):
    info = client.info()
    assert info["version"]["number"] and info["tagline"] == "You Know, for Search"
    assert client.ping()
    assert client.cluster.health()["status"] == "green"
    assert client.indices.exists(index="products")
    mapping = client.indices.get_mapping(index="products")["products"]["mappings"]["properties"]
    assert mapping["title"]["type"] == "text" and mapping["location"]["type"] == "geo_point"
    assert client.indices.get(index="products")["products"]["mappings"]["properties"] == mapping
    assert client.cat.indices(format="json")[0]["index"] == "products"
    client.indices.refresh(index="products")


def documents(client, sample):
    document = client.get(index="products", id=sample["_id"])
    assert document["found"] and document["_source"] == sample["_source"]
    assert client.get_source(index="products", id=sample["_id"]) == sample["_source"]
    assert client.exists(index="products", id=sample["_id"])
    assert not client.exists(index="products", id="nothing")
    both = client.mget(index="products", ids=[sample["_id"], "nothing"])["docs"]
    assert [one["found"] for one in both] == [True, False]
    some = client.get(index="products", id=sample["_id"], source_includes=["title", "seller.*"])
    assert set(some["_source"]) == {"title", "seller"}


def queries(client, sample):
    total = client.count(index="products")["count"]
    title = sample["_source"]["title"]
    word = max(title.split(), key=len).strip(".,()").lower()
    source = sample["_source"]
    name, price = source["category"]["name"], source["price"]
    forms = [
        {"match_all": {}},
        {"match": {"title": word}},
        {"match": {"title": {"query": title, "operator": "and"}}},
        {"match": {"title": {"query": word[:-1], "fuzziness": "AUTO"}}},
        {"match_phrase": {"title": title}},
        {"match_phrase_prefix": {"title": word[:3]}},
        {"multi_match": {"query": title, "fields": ["title^3", "description"], "type": "most_fields"}},
        {"multi_match": {"query": title, "fields": ["title^3", "category.name^2"], "type": "cross_fields"}},
        {"prefix": {"title": word[:3]}},
        {"fuzzy": {"title": {"value": word[:-1], "fuzziness": 1}}},
        {"term": {"category.name.keyword": name}},
        {"terms": {"category.path": [name, "nothing"]}},
        {"range": {"price": {"gte": price, "lte": price}}},
        {"range": {"createdAt": {"lte": "now"}}},
        {"exists": {"field": "price"}},
        {"ids": {"values": [sample["_id"]]}},
        {"term": {"id": sample["_id"]}},
        {"constant_score": {"filter": {"term": {"inStock": source["inStock"]}}}},
        {"function_score": {"query": {"match_all": {}}, "functions": [{"weight": 2}]}},
        {"bool": {"must": [{"match": {"title": word}}], "must_not": [{"match_none": {}}],
                  "should": [{"match_all": {}}], "minimum_should_match": 1}},
    ]
    for query in forms:
        also = {"bool": {"must": [query], "filter": [{"ids": {"values": [sample["_id"]]}}]}}
        answer = client.search(index="products", query=also)
        found = [hit["_id"] for hit in answer["hits"]["hits"]]
        assert found == [sample["_id"]], (query, found)
    several = client.msearch(index="products", searches=[
        part for query in forms for part in ({}, {"query": query, "size": 0})])
    assert all(one["hits"]["total"]["value"] >= 1 for one in several["responses"])
    assert several["responses"][0]["hits"]["total"]["value"] == total
    if "location" in source:
        near = {"geo_distance": {"distance": "1mi", "location": source["location"]}}
        hits = client.search(
            index="products", query=near,
            sort=[{"_geo_distance": {"location": source["location"], "unit": "mi"}}])["hits"]
        assert hits["hits"][0]["sort"][0] < 1e-6


def platform(client, sample):
    """The platform design's example, as it is written."""
    source = sample["_source"]
    answer = client.search(
        index="products",
        query={"bool": {
            "must": [{"multi_match": {
                "query": source["title"], "fields": ["title^3", "description", "category.name^2"],
                "fuzziness": "AUTO"}}],
            "filter": [{"range": {"price": {"gte": 0, "lte": source["price"]}}},
                       {"term": {"inStock": True}}]
            + ([{"geo_distance": {"distance": "10mi", "location": source["location"]}}]
               if "location" in source else [])}},
        sort=[{"_score": "desc"}, {"rating": "desc"}],
        aggs={"categories": {"terms": {"field": "category.name"}},
              "priceRanges": {"range": {"field": "price", "ranges": [
                  {"to": 50}, {"from": 50, "to": 100}, {"from": 100, "to": 500}, {"from": 500}]}}})
    assert sample["_id"] in [hit["_id"] for hit in answer["hits"]["hits"]]
    ranges = answer["aggregations"]["priceRanges"]["buckets"]
    assert sum(one["doc_count"] for one in ranges) == answer["hits"]["total"]["value"]
    assert answer["aggregations"]["categories"]["buckets"]


def aggregations(client):
    every = pages(client, size=100, sort=[{"price": "asc"}])
    prices = [hit["_source"]["price"] for hit in every]
    assert prices == sorted(prices) and len({hit["_id"] for hit in every}) == len(every)
    assert len(every) == client.count(index="products")["count"]
    found = client.search(index="products", size=0, aggs={
        "price": {"stats": {"field": "price"}}, "least": {"min": {"field": "price"}},
        "most": {"max": {"field": "price"}}, "mean": {"avg": {"field": "price"}},
        "all": {"value_count": {"field": "price"}},
        "names": {"terms": {"field": "category.name", "size": 1000},
                  "aggs": {"best": {"top_hits": {"size": 1, "sort": [{"price": "desc"}]}}}},
        "kinds": {"cardinality": {"field": "category.name"}},
        "steps": {"histogram": {"field": "price", "interval": 50, "min_doc_count": 1}},
        "months": {"date_histogram": {"field": "createdAt", "calendar_interval": "month"}},
        "cheap": {"filter": {"range": {"price": {"lt": 50}}}},
        "parts": {"filters": {"filters": {"a": {"term": {"inStock": True}},
                                          "b": {"term": {"inStock": False}}}}},
    })["aggregations"]
    assert found["price"]["count"] == found["all"]["value"] == len(every)
    assert abs(found["price"]["sum"] - sum(prices)) < 1e-6
    assert found["least"]["value"] == prices[0] and found["most"]["value"] == prices[-1]
    assert found["kinds"]["value"] == len(found["names"]["buckets"])
    assert sum(one["doc_count"] for one in found["steps"]["buckets"]) == len(every)
    assert sum(one["doc_count"] for one in found["months"]["buckets"]) == len(every)
    assert found["cheap"]["doc_count"] == sum(price < 50 for price in prices)
    parts = found["parts"]["buckets"]
    assert parts["a"]["doc_count"] + parts["b"]["doc_count"] == len(every)
    for bucket in found["names"]["buckets"]:
        assert bucket["best"]["hits"]["total"]["value"] == bucket["doc_count"]


def refusals(client):
    search = lambda **body: (lambda: client.search(index="products", **body))
    assert refused("parsing_exception", search(query={"span_term": {}}), "span_term") == 400
    assert refused("illegal_argument_exception", search(
        query={"knn": {"field": "x", "query_vector": [1]}}), "vector") == 400
    assert refused("illegal_argument_exception", search(from_=9_999, size=10)) == 400
    assert refused("query_shard_exception", search(sort=["nothing"])) == 400
    assert refused("index_not_found_exception", lambda: client.search(index="nothing")) == 404
    assert refused("cluster_block_exception", lambda: client.index(
        index="products", id="1", document={})) == 403
    done, errors = helpers.bulk(
        client, [{"_index": "products", "_id": "1", "title": "x"}], raise_on_error=False)
    assert done == 0 and errors[0]["index"]["status"] == 403


def shown(client, sample):
    """What a hit shows beside its document, and what is refused instead of being left out."""
    word = max(sample["_source"]["title"].split(), key=len).strip(".,()")
    found = client.search(
        index="products", query={"match": {"title": word}}, version=True, size=3,
        fields=["title", "category.*"], docvalue_fields=["price"],
        highlight={"fields": {"title": {"pre_tags": ["<b>"], "post_tags": ["</b>"]}}},
        suggest={"s": {"prefix": word[:4], "completion": {
            "field": "title.completion", "size": 3, "fuzzy": {"fuzziness": 1}}}})
    hit = found["hits"]["hits"][0]
    assert "<b>" in hit["highlight"]["title"][0] and hit["_version"] >= 1
    assert hit["fields"]["title"] == [hit["_source"]["title"]]
    assert hit["fields"]["price"] == [hit["_source"]["price"]]
    assert found["suggest"]["s"][0]["options"], found["suggest"]
    both = client.search(index="products", query={"multi_match": {
        "query": sample["_source"]["title"], "fields": ["title", "description"], "type": "phrase"}})
    one = client.search(index="products", query={"match_phrase": {"title": sample["_source"]["title"]}})
    assert both["hits"]["max_score"] >= one["hits"]["max_score"]
    for body in ({"timeout": "1s"}, {"terminate_after": 1}, {"profile": True},
                 {"stored_fields": ["title"]}, {"collapse": {"field": "brand"}},
                 {"query": {"match": {"title": {"query": "a", "analyzer": "english"}}}},
                 {"query": {"fuzzy": {"title": {"value": "a", "prefix_length": 2}}}},
                 {"query": {"prefix": {"brand": {"value": "a", "case_insensitive": True}}}},
                 {"query": {"range": {"createdAt": {"gte": "2024", "format": "yyyy"}}}},
                 {"suggest": {"s": {"text": "a", "term": {"field": "title"}}}}):
        assert refused("illegal_argument_exception", lambda: client.search(
            index="products", body=body)) == 400, body


def strangers(address):
    """Whoever shows no credentials, or wrong ones, sees the catalogue and nothing else."""
    for given in ({}, {"basic_auth": (EMAIL, "wrong password")}, {"api_key": "eDp5"}, {"bearer_auth": "x"}):
        stranger = Elasticsearch(address, headers=KEY, **given)
        assert stranger.count(index="products")["count"] > 0
        assert refused("security_exception", lambda: stranger.index(
            index="notes", id="1", document={})) == 401
        assert refused("security_exception", lambda: stranger.get(index="notes", id="1")) == 401


def made(client):
    """An index with a mapping, and one that its first document makes."""
    client.indices.create(index="shoes", settings={"number_of_shards": 1}, mappings={"properties": {
        "title": {"type": "text", "analyzer": "english", "fields": {"keyword": {"type": "keyword"}}},
        "price": {"type": "float"}, "sizes": {"type": "keyword"}, "location": {"type": "geo_point"},
        "made": {"type": "date"}, "on": {"type": "boolean"}, "complete": {"type": "completion"},
        "maker": {"type": "object", "properties": {"name": {"type": "keyword"}}}}})
    assert refused("resource_already_exists_exception",
                   lambda: client.indices.create(index="shoes")) == 400
    client.indices.put_mapping(index="shoes", properties={"stock": {"type": "integer"}})
    mapping = client.indices.get_mapping(index="shoes")["shoes"]["mappings"]["properties"]
    assert mapping["stock"] == {"type": "integer"} and mapping["title"]["analyzer"] == "english"
    assert mapping["maker"]["properties"]["name"] == {"type": "keyword"}
    assert client.indices.get(index="shoes")["shoes"]["settings"]["index"]["number_of_shards"] == "1"


def documents_of_ones_own(client):
    first = client.index(index="shoes", id="1", document={
        "title": "Running shoes", "price": 59.9, "sizes": ["41", "42"], "on": True,
        "location": {"lat": 44.2, "lon": -72.5}, "made": "2024-05-01",
        "complete": {"input": "Running shoes", "weight": 7}, "maker": {"name": "Ada"}}, refresh=True)
    assert (first["result"], first["_version"]) == ("created", 1)
    assert refused("version_conflict_engine_exception", lambda: client.create(
        index="shoes", id="1", document={})) == 409
    second = client.update(index="shoes", id="1", doc={"price": 49.9, "maker": {"town": "Barre"}},
                           if_seq_no=first["_seq_no"], if_primary_term=first["_primary_term"])
    assert (second["result"], second["_version"]) == ("updated", 2)
    assert refused("version_conflict_engine_exception", lambda: client.index(
        index="shoes", id="1", document={}, if_seq_no=first["_seq_no"], if_primary_term=1)) == 409
    assert client.update(index="shoes", id="1", doc={"price": 49.9})["result"] == "noop"
    assert client.update(index="shoes", id="2", doc={"title": "Hiking shoe", "price": 120},
                         doc_as_upsert=True)["result"] == "created"
    assert client.update(index="shoes", id="3", doc={"a": 1}, upsert={"title": "Sandal", "price": 20}
                         )["result"] == "created"
    assert refused("document_missing_exception",
                   lambda: client.update(index="shoes", id="9", doc={})) == 404
    assert refused("document_parsing_exception", lambda: client.index(
        index="shoes", document={"price": "cheap"}), "price") == 400
    own = client.index(index="shoes", document={"title": "Boot", "price": 80})["_id"]
    assert client.delete(index="shoes", id=own)["result"] == "deleted"
    assert not client.exists(index="shoes", id=own)
    document = client.get(index="shoes", id="1")
    assert document["_source"]["maker"] == {"name": "Ada", "town": "Barre"}
    assert document["_seq_no"] == second["_seq_no"] and document["_version"] == 2


def bulk(client):
    actions = [{"_index": "notes", "_id": str(n), "n": n, "word": f"w{n % 10} common",
                "at": f"2024-01-{n % 28 + 1:02}"} for n in range(1, 1_501)]
    done, errors = helpers.bulk(client, actions, refresh=True)
    assert (done, errors) == (1_500, [])
    answer = client.bulk(operations=[
        {"create": {"_index": "notes", "_id": "1"}}, {"n": 0},
        {"update": {"_index": "notes", "_id": "2"}}, {"doc": {"n": -2}},
        {"delete": {"_index": "notes", "_id": "3"}}, {"delete": {"_index": "notes", "_id": "nothing"}},
        {"index": {"_index": "notes", "_id": "4"}}, {"n": "many"},
        {"index": {"_index": "products", "_id": "1"}}, {}])
    statuses = [list(item.values())[0]["status"] for item in answer["items"]]
    assert answer["errors"] and statuses == [409, 200, 200, 404, 400, 403], statuses
    streamed = list(helpers.streaming_bulk(
        client, ({"_op_type": "delete", "_index": "notes", "_id": str(n)} for n in range(1_400, 1_501))))
    assert all(ok for ok, _ in streamed)
    assert refused("illegal_argument_exception", lambda: next(helpers.scan(client, index="notes"))) == 400
    assert refused("illegal_argument_exception",
                   lambda: client.open_point_in_time(index="notes", keep_alive="1m")) == 400


def asked(client):
    """The same before and after the server was started anew."""
    assert client.count(index="notes")["count"] == 1_398
    assert client.count(index="notes,shoes")["count"] == 1_401
    assert client.get(index="notes", id="2")["_source"]["n"] == -2
    assert client.get(index="notes", id="4")["_source"]["n"] == 4
    found = client.search(
        index="notes", query={"bool": {"must": [{"match": {"word": "w3"}}], "filter": [
            {"range": {"n": {"gte": 100, "lt": 200}}}]}}, sort=[{"n": "desc"}], size=3,
        aggs={"n": {"stats": {"field": "n"}}, "w": {"terms": {"field": "word.keyword"}},
              "days": {"date_histogram": {"field": "at", "calendar_interval": "day", "min_doc_count": 1}}})
    assert [hit["_id"] for hit in found["hits"]["hits"]] == ["193", "183", "173"]
    assert found["aggregations"]["n"]["count"] == 10 and found["aggregations"]["n"]["min"] == 103
    assert found["aggregations"]["w"]["buckets"] == [{"key": "w3 common", "doc_count": 10}]
    assert sum(day["doc_count"] for day in found["aggregations"]["days"]["buckets"]) == 10
    after, seen = None, []
    while True:
        page = client.search(index="notes", sort=[{"n": "asc"}], size=500, search_after=after)["hits"]["hits"]
        if not page:
            break
        seen += [hit["_source"]["n"] for hit in page]
        after = page[-1]["sort"]
    assert seen == sorted(seen) and len(seen) == 1_398
    shoes = client.search(
        index="shoes", query={"match": {"title": "shoe"}}, highlight={"fields": {"title": {}}},
        suggest={"c": {"prefix": "runn", "completion": {"field": "complete"}}}, seq_no_primary_term=True)
    assert {hit["_id"] for hit in shoes["hits"]["hits"]} == {"1", "2"}
    assert all("<em>" in hit["highlight"]["title"][0] and "_seq_no" in hit for hit in shoes["hits"]["hits"])
    assert shoes["suggest"]["c"][0]["options"][0]["_score"] == 7
    for query in ({"term": {"maker.name": "Ada"}}, {"term": {"sizes": "42"}}, {"term": {"on": True}},
                  {"range": {"price": {"gte": 49.9, "lte": 49.9}}}, {"range": {"made": {"lte": "2024-05-01"}}},
                  {"geo_distance": {"distance": "1km", "location": [-72.5, 44.2]}}):
        assert [hit["_id"] for hit in client.search(index="shoes", query=query)["hits"]["hits"]] == ["1"], query
    several = client.msearch(searches=[
        {"index": "notes"}, {"size": 0}, {"index": "shoes"}, {"size": 0}, {"index": "no"}, {}])["responses"]
    assert [one["status"] for one in several] == [200, 200, 404]
    got = client.mget(docs=[{"_index": "notes", "_id": "1"}, {"_index": "shoes", "_id": "1"}])["docs"]
    assert all(one["found"] for one in got)
    rows = {row["index"]: row for row in client.cat.indices(format="json")}
    assert rows["notes"]["docs.count"] == "1398" and rows["shoes"]["docs.count"] == "3"
    assert refused("illegal_argument_exception", lambda: client.search(index="notes,shoes")) == 400


def keys(client, address):
    key = client.security.create_api_key(name="check", expiration="1d")
    mine = Elasticsearch(address, api_key=key["encoded"], headers=KEY)
    assert mine.get(index="notes", id="1")["found"]
    mine = Elasticsearch(address, api_key=(key["id"], key["api_key"]), headers=KEY)
    assert mine.count(index="notes")["count"] == 1_398
    assert client.security.get_api_key(owner=True)["api_keys"]
    client.security.invalidate_api_key(ids=[key["id"]])
    assert refused("security_exception", lambda: mine.count(index="notes")) == 401


EMAIL = "elastic-check@example.com"
KEY = {"X-Api-Key": "elastic-check"}


def main():
    address, step = sys.argv[1:3]
    client = Elasticsearch(
        address, request_timeout=30, headers=KEY,
        basic_auth=(EMAIL, os.environ["SOUK_SUPERUSER_PASSWORD"]))
    if step == "write":
        everybody = Elasticsearch(address, request_timeout=30, headers=KEY)
        handshake(everybody)
        sample = everybody.search(
            index="products", size=1, query={"bool": {"filter": [
                {"term": {"inStock": True}}, {"exists": {"field": "location"}},
                {"exists": {"field": "category.name"}}]}})["hits"]["hits"][0]
        documents(everybody, sample)
        queries(everybody, sample)
        platform(everybody, sample)
        aggregations(everybody)
        shown(everybody, sample)
        refusals(client)
        strangers(address)
        made(client)
        documents_of_ones_own(client)
        bulk(client)
        keys(client, address)
    asked(client)
    if step == "end":
        for name in ("notes", "shoes"):
            assert client.indices.delete(index=name)["acknowledged"]
            assert not client.indices.exists(index=name)
        assert refused("index_not_found_exception", lambda: client.count(index="notes")) == 404
        version = ".".join(str(part) for part in elasticsearch.__version__)
        print(f"elastic-check: the Python client {version} is content")


main()
