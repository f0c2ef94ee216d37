"""Writes the description of the API into docs/openapi.json, or into the file that is named."""

import sys
from pathlib import Path

from yabot.api.openapi.document import describe, to_text
from yabot.api.table import declared


def main() -> None:
    """Write the document."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/openapi.json")
    path.write_bytes(to_text(describe(declared())))


if __name__ == "__main__":
    main()
