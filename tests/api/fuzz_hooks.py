"""What schemathesis is told beyond the document: most requests are about somebody who exists."""

import random
from typing import Any

import schemathesis

LASTING = 10
"""The first users, whom no request deletes."""


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: Any) -> Any:
    """A registered user, three times of four; those who are deleted come behind the others."""
    if not path_parameters or "user_id" not in path_parameters or not random.randrange(4):
        return path_parameters
    deletes = context.operation.method.upper() == "DELETE"
    known = range(LASTING + 1, LASTING + 31) if deletes else range(1, LASTING + 1)
    return {**path_parameters, "user_id": str(random.choice(known))}


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: Any) -> None:
    """No deadlines: a short one may really pass, which is no finding."""
    for methods in raw_schema["paths"].values():
        for operation in methods.values():
            operation["parameters"] = [
                each for each in operation["parameters"] if "Timeout" not in each.get("$ref", "")
            ]
