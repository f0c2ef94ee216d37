"""Another service gives a user besitos, once, however often it has to ask."""

import asyncio
import os
import sys

from yabot.client import Client, FixedToken, Movement


async def main(url: str, token: str, user_id: str, invoice: str) -> None:
    async with Client(url, FixedToken(token)) as api:
        movement = Movement(amount=25, reason=f"invoice {invoice}")
        moved = await api.create_transaction(user_id, movement, key=f"invoice-{invoice}")
        print(f"{'again' if moved.replayed else 'done'}: balance {moved.body.balance}")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(os.environ["YABOT_URL"], os.environ["YABOT_TOKEN"], *sys.argv[1:3]))
