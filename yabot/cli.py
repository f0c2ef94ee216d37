"""The commands. Each is a few lines here and does its work elsewhere.

Wrong settings end a command with one clear line for each problem and exit code 2.
"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from yabot.commands.mending import dead_letters, events
from yabot.commands.settings import demo_config, load_config, problems_told, quiet_config
from yabot.errors import ConfigError

cli = typer.Typer(
    name="yabot",
    help="A Telegram bot back end in which every user is an actor.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

keys = typer.Typer(help="The keys that sign the API's tokens.", no_args_is_help=True)
clients = typer.Typer(help="The services that may log in.", no_args_is_help=True)

SANDBOX_DATABASE = Path("data/sandbox.db")

TAKEOVER = 60.0
"""Seconds that --takeover waits for the former process, whose stop takes 20 at most."""


def main() -> None:
    """The entry point of `yabot` and of `python -m yabot`."""
    cli.add_typer(keys, name="keys")
    cli.add_typer(clients, name="clients")
    cli.add_typer(dead_letters, name="dead-letters")
    cli.add_typer(events, name="events")
    cli()


@cli.command()
def demo() -> None:
    """Run everything on this machine: the bot and a local Telegram to chat with."""
    with problems_told():
        from yabot.running import run_demo

        run_demo(demo_config(), SANDBOX_DATABASE, say=typer.echo)


@cli.command()
def run(
    takeover: Annotated[
        bool, typer.Option("--takeover", help="Wait for the process that uses the database to end.")
    ] = False,
) -> None:
    """Run the bot against Telegram."""
    with problems_told():
        config = load_config()
        if config.settings.bot_token is None:
            raise ConfigError(
                [
                    "BOT_TOKEN is not set: put BOT_TOKEN=123456:ABC... (from @BotFather) into .env;"
                    " to try the bot without a token, run `yabot demo`"
                ]
            )
        from yabot.app import BotApplication
        from yabot.running import run_application

        patience = TAKEOVER if takeover else 0.0
        run_application(BotApplication(config, takeover=patience), say=typer.echo)


@cli.command()
def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Port; SANDBOX_PORT when left out.")] = None,
    database: Annotated[Path, typer.Option(help="The file of its world.")] = SANDBOX_DATABASE,
) -> None:
    """Run only the local Telegram."""
    with problems_told():
        from yabot.sandbox.__main__ import main as sandbox_main

        chosen = load_config().settings.sandbox_port if port is None else port
        arguments = ["--host", host, "--port", str(chosen), "--database", str(database)]
        sys.exit(sandbox_main(arguments))


@cli.command()
def doctor() -> None:
    """Check settings, key, database and limits, and say what to do."""
    with problems_told():
        from yabot.commands.doctor import examine

        findings = examine(load_config())
        for finding in findings:
            typer.echo(finding.line())
        if any(not finding.well for finding in findings):
            raise typer.Exit(2)


@cli.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A new file.")],
) -> None:
    """Write a checked backup of the database; the bot may run meanwhile."""
    with problems_told():
        from yabot.commands.backups import back_up

        typer.echo(back_up(quiet_config(), file))


@cli.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
) -> None:
    """Put a backup in the place of the database; the bot must be stopped."""
    with problems_told():
        from yabot.commands.backups import restore_from

        typer.echo(restore_from(quiet_config(), file))


@cli.command()
def encrypt() -> None:
    """Encrypt the database with SQLITE_KEY; the bot must be stopped."""
    with problems_told():
        from yabot.commands.backups import encrypt as encrypt_database

        typer.echo(encrypt_database(quiet_config()))


@cli.command()
def migrate(
    back: Annotated[bool, typer.Option("--back", help="Undo the last migration.")] = False,
) -> None:
    """Bring the database to the shape of this version; the bot must be stopped."""
    with problems_told():
        from yabot.commands.backups import migrate as migrate_database

        typer.echo(migrate_database(quiet_config(), back=back))


@cli.command()
def token(
    service: Annotated[str, typer.Argument(help="The service that will use it.")],
    scope: Annotated[list[str] | None, typer.Option(help="What it may do; repeatable.")] = None,
    demo: Annotated[bool, typer.Option(help="For the demo's API.")] = False,
) -> None:
    """Mint a service token for the internal API; it is good for 15 minutes."""
    with problems_told():
        from yabot.commands.identities import mint_token

        typer.echo(mint_token(demo_config() if demo else load_config(), service, scope))


@keys.command("init")
def keys_init() -> None:
    """Make the key folder, with a key that signs and the one that will be next."""
    with problems_told():
        from yabot.commands.identities import init_keys, key_lines

        typer.echo(key_lines(init_keys(quiet_config())))


@keys.command("rotate")
def keys_rotate() -> None:
    """Let the next key sign; a running bot notices by itself."""
    with problems_told():
        from yabot.commands.identities import key_lines, rotate_keys

        typer.echo(key_lines(rotate_keys(quiet_config())))


@keys.command("list")
def keys_list() -> None:
    """Show the keys and their states."""
    with problems_told():
        from yabot.commands.identities import key_lines, list_keys

        typer.echo(key_lines(list_keys(quiet_config())))


@clients.command("add")
def clients_add(
    name: Annotated[str, typer.Argument(help="The service.")],
    scope: Annotated[list[str] | None, typer.Option(help="What it may do; repeatable.")] = None,
) -> None:
    """Let a service log in, and print its secret, which is not shown again."""
    with problems_told():
        from yabot.commands.identities import add_client

        made = add_client(quiet_config(), name, scope)
        typer.echo(f"client_id={made.client_id}\nclient_secret={made.client_secret}")


@clients.command("list")
def clients_list() -> None:
    """Show the services that may log in, and those that no longer may."""
    with problems_told():
        from yabot.commands.identities import client_lines, list_clients

        typer.echo(client_lines(list_clients(quiet_config())))


@clients.command("revoke")
def clients_revoke(name: Annotated[str, typer.Argument(help="The service.")]) -> None:
    """Refuse a service and all its tokens, at once."""
    with problems_told():
        from yabot.commands.identities import client_lines, revoke_client

        typer.echo(client_lines([revoke_client(quiet_config(), name)]))


@cli.command()
def tree(
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole value.")] = False,
) -> None:
    """Print the supervision tree of the running bot."""
    with problems_told():
        from yabot.commands.identities import remote_of
        from yabot.commands.remote import fetch_tree

        answer = fetch_tree(remote_of(load_config()), as_json=as_json)
        typer.echo(json.dumps(json.loads(answer), indent=2) if as_json else answer)
