"""The commands `yabot dead-letters` and `yabot events`: what went wrong with events and updates,
and what is going on.

Each is a few lines here and does its work elsewhere.
"""

import json
import sys
from typing import Annotated

import typer

from yabot.commands.settings import problems_told, quiet_config

dead_letters = typer.Typer(help="What could not be handled.", no_args_is_help=True)
events = typer.Typer(help="What the bot tells.", no_args_is_help=True)

LetterId = Annotated[str, typer.Argument(help="The number that `list` shows.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print whole values.")]
OfDemo = Annotated[bool, typer.Option("--demo", help="Of the demo.")]


@dead_letters.command("list")
def list_(
    kind: Annotated[
        str | None, typer.Option(help="update, command, reply, event or document.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 100,
    as_json: AsJson = False,
    demo: OfDemo = False,
) -> None:
    """Show the oldest dead letters, a line each."""
    with problems_told():
        from yabot.commands.dead_letters import list_letters, listed

        found = list_letters(quiet_config(demo=demo), kind, limit)
        told = json.dumps([one.value() for one in found], indent=2) if as_json else listed(found)
        typer.echo(told)


@dead_letters.command()
def show(letter_id: LetterId, as_json: AsJson = False, demo: OfDemo = False) -> None:
    """Show all of a dead letter: its error, and what it was."""
    with problems_told():
        from yabot.commands.dead_letters import find_letter

        found = find_letter(quiet_config(demo=demo), letter_id)
        typer.echo(json.dumps(found.value(), indent=2) if as_json else found.text())


@dead_letters.command()
def replay(letter_id: LetterId, demo: OfDemo = False) -> None:
    """Try a dead letter again: it goes back to where it came from."""
    with problems_told():
        from yabot.commands.dead_letters import replay_letter

        replay_letter(quiet_config(demo=demo), letter_id)
        typer.echo(f"{letter_id} went back and is tried again")


@dead_letters.command()
def discard(
    letter_id: LetterId,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    demo: OfDemo = False,
) -> None:
    """Remove a dead letter for good."""
    with problems_told():
        from yabot.commands.dead_letters import discard_letter, find_letter

        config = quiet_config(demo=demo)
        if not yes:
            typer.echo(find_letter(config, letter_id).line())
            typer.confirm("Remove it for good?", abort=True)
        discard_letter(config, letter_id)
        typer.echo(f"{letter_id} is gone")


@events.command()
def tail(
    type_: Annotated[
        str | None, typer.Option("--type", help="Only of this name, such as besitos_added.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Only of this user id.")] = None,
    as_json: AsJson = False,
    demo: OfDemo = False,
) -> None:
    """Show events as they come, until Ctrl-C."""
    with problems_told():
        from yabot.commands.tailing import Wanted
        from yabot.commands.tailing import tail as follow

        wanted = Wanted(type_, user, as_json)

        def say(line: str) -> None:
            typer.echo(line)
            sys.stdout.flush()

        follow(quiet_config(demo=demo), wanted, say, lambda line: typer.echo(line, err=True))
