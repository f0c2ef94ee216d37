"""A way to the API that carries requests and loses some of the answers."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Cutting:
    """A way to the server that loses the answers to the first requests that change something."""

    port: int
    losses: int
    lost: list[bytes] = field(default_factory=list)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"(?i)content-length: (\d+)", head)
                body = await reader.readexactly(int(length[1])) if length else b""
                back.write(head + body)
                answer = await _message(there)
                if head.startswith(b"POST") and len(self.lost) < self.losses:
                    self.lost.append(head)
                    return
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            back.close()
            writer.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


@asynccontextmanager
async def cutting(port: int, losses: int) -> AsyncIterator[tuple[Cutting, str]]:
    way = Cutting(port, losses)
    server = await asyncio.start_server(way.carry, "127.0.0.1", 0)
    try:
        yield way, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
