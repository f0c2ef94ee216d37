"""Idempotency-Key: what makes a request happen once, however often it is sent.

The rule: a key means one thing, asked by one client of one route for one path with one body; under
it the stored answer is given again, and anything else is refused.
"""

import re
from hashlib import sha256

import orjson
from aiohttp import web

from yabot.api.problems import Problem
from yabot.api.route import AnyRoute, Input
from yabot.services.gateway import Once

HEADER = "Idempotency-Key"
PATTERN = "^[!-~]{1,128}$"

_KEY = re.compile(r"[!-~]{1,128}")


def once_of(route: AnyRoute, request: web.Request, client: str, given: Input) -> Once | None:
    """The key of a request, and a fingerprint of what it asks. Raises Problem."""
    if route.idempotency == "none":
        return None
    keys = request.headers.getall(HEADER, ())
    if not keys and route.idempotency == "optional":
        return None
    if not keys:
        raise Problem("idempotency_key_missing")
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise Problem("idempotency_key_invalid")
    body = orjson.dumps(given.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    fingerprint = sha256(b"%s\n%s" % (request.path.encode(), body)).hexdigest()
    return Once(key=f"api:{client}:{route.name}:{keys[0]}", fingerprint=fingerprint)
