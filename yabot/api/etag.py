"""Entity tags (RFC 9110, 8.8.3): what a caller has seen, so that nobody overwrites unseen changes.

The rule: a tag is a hash of the representation itself. It survives restarts and needs no column,
and a change that the resource does not show makes no tag stale.
"""

import re
from collections.abc import Callable
from hashlib import blake2b

from pydantic import BaseModel

from yabot.api.problems import Problem
from yabot.domain.decision import Precondition
from yabot.domain.user import User

ANY = "*"
_OPAQUE = r'"[\x21\x23-\x7e]*"'
_STRONG_LIST = re.compile(rf"\s*{_OPAQUE}(\s*,\s*{_OPAQUE})*\s*")
_TAG = re.compile(_OPAQUE)


def to_json(body: BaseModel) -> bytes:
    """The representation of a model."""
    return body.__pydantic_serializer__.to_json(body)


def tag_of(representation: bytes) -> str:
    """The strong tag of a representation, quotes included."""
    return f'"{blake2b(representation, digest_size=12).hexdigest()}"'


def seen(if_none_match: str, tag: str) -> bool:
    """Whether the caller has this representation already; a header that is no list has nothing."""
    return if_none_match.strip() == ANY or tag in _TAG.findall(if_none_match)


def check_if_match(header: str) -> None:
    """Refuse an `If-Match` that no tag can ever match by its form. Raises Problem."""
    if header.strip() != ANY and not _STRONG_LIST.fullmatch(header):
        raise Problem("precondition_invalid")


def unchanged(if_match: str, view: Callable[[User], BaseModel]) -> Precondition:
    """True of a user whose `view` is one that the header names."""
    if if_match.strip() == ANY:
        return lambda _: True
    tags = frozenset(_TAG.findall(if_match))
    return lambda user: tag_of(to_json(view(user))) in tags
