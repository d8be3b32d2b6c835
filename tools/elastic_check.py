"""Asks a server with demo data what docs/search.md promises of Elasticsearch's subset, through the
official client. Ends with an exception at the first thing that is not so."""

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


def main():
    client = Elasticsearch(
        sys.argv[1], request_timeout=30, headers={"X-Api-Key": "elastic-check"})
    handshake(client)
    sample = client.search(
        index="products", size=1, query={"bool": {"filter": [
            {"term": {"inStock": True}}, {"exists": {"field": "location"}},
            {"exists": {"field": "category.name"}}]}})["hits"]["hits"][0]
    documents(client, sample)
    queries(client, sample)
    platform(client, sample)
    aggregations(client)
    refusals(client)
    version = ".".join(str(part) for part in elasticsearch.__version__)
    print(f"elastic-check: the Python client {version} is content")


main()
