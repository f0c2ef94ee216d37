"""What a database says of gifts: whether besitos were made or lost, and what is still open.

The rule: it reads ledgers and documents only, which is where the besitos are.
"""

from contextlib import closing
from pathlib import Path

from tests.faults.audit import opened

OPEN = """
    SELECT json_extract(value, '$.gift_id') AS gift_id, json_extract(value, '$.amount') AS amount
    FROM user_documents, json_each(document, '$.gifts_given')"""

TAKEN = "SELECT 1 FROM ledger WHERE reason = 'gift:' || gift_id AND amount > 0"

BESITOS = f"""
    SELECT (SELECT coalesce(sum(balance), 0) FROM wallets),
        (SELECT coalesce(sum(amount), 0) FROM ({OPEN}) WHERE NOT EXISTS ({TAKEN})),
        (SELECT coalesce(sum(amount), 0) FROM ledger WHERE reason NOT LIKE 'gift:%')"""

GIVEN = "SELECT count(*) FROM ledger WHERE reason LIKE 'gift:%' AND amount < 0"

ENDS = """
    SELECT id, sum(way = 'out'), sum(way = 'in'), sum(way = 'back'), sum(amount) FROM (
        SELECT amount, replace(substr(reason, 6), ':back', '') AS id,
            CASE WHEN amount < 0 THEN 'out' WHEN reason LIKE '%:back' THEN 'back' ELSE 'in' END
                AS way
        FROM ledger WHERE reason LIKE 'gift:%')
    GROUP BY id"""


def conserved(database: Path) -> list[str]:
    """What is wrong with the sum of all besitos at this very moment, also of a running bot."""
    with closing(opened(database)) as db:
        purses, held, come_in = db.execute(BESITOS).fetchone()
    if purses + held == come_in:
        return []
    return [f"{purses} besitos in purses and {held} in gifts, of {come_in} that ever came in"]


def at_rest(database: Path) -> bool:
    """Whether every message is handled and every gift has ended."""
    with closing(opened(database)) as db:
        waiting = db.execute("SELECT count(*) FROM inbox WHERE processed_at IS NULL").fetchone()[0]
    return waiting == 0 and open_gifts(database) == 0


def open_gifts(database: Path) -> int:
    """How many gifts have not come to their end."""
    with closing(opened(database)) as db:
        return int(db.execute(f"SELECT count(*) FROM ({OPEN})").fetchone()[0])


def given(database: Path) -> int:
    """How many gifts there ever were."""
    with closing(opened(database)) as db:
        return int(db.execute(GIVEN).fetchone()[0])


def ended_badly(database: Path) -> list[str]:
    """Gifts that were not paid once and then either taken once or sent back once."""
    return [
        f"gift {gift_id}: paid {out} times, taken {taken} times, sent back {back} times"
        for gift_id, out, taken, back, rest in _ends(database)
        if (out, taken + back, rest) != (1, 1, 0)
    ]


def _ends(database: Path) -> list[tuple[str, int, int, int, int]]:
    with closing(opened(database)) as db:
        return db.execute(ENDS).fetchall()
