"""Writes the documents of events into a folder, `docs` unless another one is named."""

import sys
from pathlib import Path

from yabot.events.document import documents


def main() -> None:
    """Write every document."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    for name, text in documents().items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
