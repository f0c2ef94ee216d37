"""From an HTTP request to a route's function and back, the same for every route.

The rule: who calls is settled first, then what they sent is checked, and only then is it done.
"""

import re
from collections import Counter
from collections.abc import Mapping

from aiohttp import web
from pydantic import BaseModel
from structlog.contextvars import bind_contextvars

from actors import origin
from yabot.api.caller import ANONYMOUS, Caller
from yabot.api.deadline import Deadline, granted
from yabot.api.etag import check_if_match, seen, tag_of, to_json
from yabot.api.gate import Gate
from yabot.api.idempotency import once_of
from yabot.api.language import preferred
from yabot.api.limits import too_many
from yabot.api.problems import Problem, Refusal
from yabot.api.reading import read
from yabot.api.route import USER_UNKNOWN, AnyAsked, AnyRoute, Asked, Reply
from yabot.api.tracing import traceparent
from yabot.domain.decision import Rejected
from yabot.domain.user import Language
from yabot.errors import DeadlinePassed
from yabot.services.gateway import Once

REQUEST_ID = web.RequestKey("request_id", str)
"""What the log and the caller both know a request by."""

ADDRESS = web.RequestKey("address", str)
"""Where the request comes from, beyond the proxies that are trusted."""

QUOTA = web.RequestKey("quota", Mapping[str, str])
"""The headers that tell what is left of the caller's quota."""

ROUTE = web.RequestKey("route", str)
"""The path of the route that answers, as declared."""

AGAIN = 1
"""Seconds after which a request that is still under way may be repeated."""

_USER_ID = re.compile(r"[1-9][0-9]{0,18}")


class Dispatch:
    """Answers the requests of one route."""

    def __init__(self, route: AnyRoute, gate: Gate, default_language: Language) -> None:
        self._route = route
        self._gate = gate
        self._default_language = default_language
        self._under_way: Counter[str] = Counter()

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request. Raises Problem, and whatever the route raises."""
        route, headers = self._route, request.headers
        request[ROUTE] = route.path
        caller = self._admit(request)
        path = request.match_info
        if "user_id" in path and not _USER_ID.fullmatch(path["user_id"]):
            raise Refusal(USER_UNKNOWN)
        ends = granted(headers)
        if_match = self._condition(request)
        given = await read(route, request, ends)
        asked = Asked(
            given,
            path,
            preferred(headers.get("Accept-Language"), self._default_language),
            caller,
            once_of(route, request, caller.client, given),
            if_match,
            headers.get("Accept", ""),
        )
        with origin(correlation_id=request[REQUEST_ID], traceparent=traceparent(headers)):
            outcome = await self._handle(asked, ends)
        if isinstance(outcome, Rejected):
            raise Refusal(outcome)
        return self._respond(outcome, headers.get("If-None-Match"))

    def _admit(self, request: web.Request) -> Caller:
        """Who calls. Raises Problem for somebody who may not, or not now."""
        route, address = self._route, request[ADDRESS]
        if route.scope is not None:
            client = self._gate.auth.authorize(request.headers, route.scope, address).client
            bind_contextvars(client=client)
            caller = Caller(address, client)
        else:
            caller = Caller(address, ANONYMOUS, request.headers.getall("Authorization", ()))
        allowance = self._gate.admit(route.rate_class, caller)
        request[QUOTA] = allowance.headers()
        if not allowance.granted:
            raise too_many(allowance)
        return caller

    async def _handle(self, asked: AnyAsked, ends: float) -> Reply | Rejected:
        once = asked.once
        if once is None:
            async with Deadline(ends):
                return await self._route.handle(asked)
        return await self._handle_once(asked, once, ends)

    async def _handle_once(self, asked: AnyAsked, once: Once, ends: float) -> Reply | Rejected:
        """A repetition waits behind the first in the user's mailbox, and is told if it can't."""
        repeated = once.key in self._under_way
        self._under_way[once.key] += 1
        try:
            async with Deadline(ends):
                return await self._route.handle(asked)
        except (DeadlinePassed, TimeoutError) as error:
            if not repeated:
                raise
            headers = {"Retry-After": str(AGAIN)}
            raise Problem("in_progress", headers=headers, seconds=AGAIN) from error
        finally:
            self._under_way[once.key] -= 1
            if not self._under_way[once.key]:
                del self._under_way[once.key]

    def _condition(self, request: web.Request) -> str:
        """What the caller has seen of what this request replaces. Raises Problem."""
        if not self._route.conditional:
            return "*"
        if_match = ", ".join(request.headers.getall("If-Match", ()))
        if not if_match:
            raise Problem("precondition_missing")
        check_if_match(if_match)
        return if_match

    def _respond(self, reply: Reply, if_none_match: str | None) -> web.Response:
        body, status = reply.body, reply.status or self._route.status
        if body is None:
            return web.Response(status=status, headers=reply.headers)
        headers = {"Content-Type": reply.content_type, **reply.headers}
        if isinstance(body, BaseModel):
            body = to_json(body)
            if self._route.tagged and status == 200:
                tag = headers["ETag"] = tag_of(body)
                if if_none_match and self._route.method == "GET" and seen(if_none_match, tag):
                    return web.Response(status=304, headers={"ETag": tag})
        elif isinstance(body, str):
            body = body.encode()
        return web.Response(body=body, status=status, headers=headers)
