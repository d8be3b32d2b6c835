"""What schemathesis must know of a running souk: who is asking, and which things there are.

Requests are an administrator's; where sessions end and passwords are guessed they are a buyer's, who is
followed by another one. Half of the identifiers in paths name something.
"""

import json
import os
import random
import urllib.request

import schemathesis

ADDRESS = os.environ["SOUK_ADDRESS"]
KEY = {"X-Api-Key": "api-check", "Content-Type": "application/json"}


def ask(path, body=None, token=None):
    headers = dict(KEY)
    if token:
        headers["Authorization"] = "Bearer " + token
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ADDRESS + "/api/v1" + path, data, headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


class Administrator:
    token = None
    user = None

    @classmethod
    def current(cls):
        if cls.token is None:
            answer = ask(
                "/auth/login",
                {"email": "root@example.com", "password": os.environ["SOUK_SUPERUSER_PASSWORD"]},
            )
            cls.token = answer["accessToken"]
            cls.user = answer["user"]["id"]
        return cls.token


class Buyer:
    """Asks where sessions end and passwords are guessed; a new one comes when he is locked out."""

    token = None
    count = 0

    @classmethod
    def current(cls):
        if cls.token is None:
            cls.count += 1
            answer = ask(
                "/auth/register",
                {"email": f"buyer{cls.count}@example.com", "password": "a long password", "role": "buyer"},
            )
            cls.token = answer["accessToken"]
        return cls.token


def caller(case):
    return Buyer if case.operation.path.startswith("/auth/") else Administrator


@schemathesis.auth(refresh_interval=None)
class Callers:
    def get(self, case, context):
        return "callers"

    def set(self, case, data, context):
        case.headers["Authorization"] = "Bearer " + caller(case).current()


@schemathesis.hook
def after_call(context, case, response):
    who = caller(case)
    sent = response.request.headers.get("Authorization", "")
    sent = sent[0] if isinstance(sent, list) and sent else sent
    if who.token and str(sent).endswith(who.token) and response.status_code in (401, 429):
        who.token = None


class Things:
    """Names of what the demo has, by the word before a capture or by the capture's own name."""

    known = None

    @classmethod
    def find(cls):
        if cls.known is None:
            token = Administrator.current()
            products = ask("/products?limit=20")["data"]
            ids = [product["id"] for product in products]
            sellers = [product["sellerId"] for product in products if "sellerId" in product]
            cls.known = {
                "products": ids,
                "productId": ids,
                "sellerId": sellers or ids,
                "userId": ["me", Administrator.user],
                "users": sellers or ids,
            }
            try:
                stock = ask("/inventory/product/" + ids[0], token=token)
                cls.known["locationId"] = [
                    line["locationId"] for line in stock.get("locations", []) if "locationId" in line
                ]
            except Exception:
                pass
        return cls.known


chance = random.Random(7)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if not path_parameters:
        return path_parameters
    words = [word for word in context.operation.path.split("/") if word]
    for name in list(path_parameters):
        before = words[max(0, words.index("{" + name + "}") - 1)] if "{" + name + "}" in words else ""
        names = Things.find().get(before if name == "id" else name) or Things.find().get(before)
        # Nobody who is needed later is to be disabled or lose a role.
        if names and "admin" not in words and chance.random() < 0.5:
            path_parameters[name] = chance.choice(names)
    return path_parameters
