"""The documents of events, made from their models: `python -m yabot.events.document [folder]`.

    sample      one event in its envelope, the same in both documents
    asyncapi    docs/asyncapi.yaml, for programs
    markdown    docs/events.md, for people
    yaml        writes YAML

The rule: the same models make the same bytes, so a test tells when the documents are out of date.
"""

from collections.abc import Mapping

from yabot.events.document.asyncapi import asyncapi
from yabot.events.document.markdown import markdown
from yabot.events.document.yaml import to_yaml

NOTE = "made by python -m yabot.events.document; change the models instead"


def documents() -> Mapping[str, str]:
    """The text of each document, by the name of its file."""
    return {
        "asyncapi.yaml": f"# {NOTE}\n{to_yaml(asyncapi())}",
        "events.md": f"<!-- {NOTE} -->\n{markdown()}",
    }
