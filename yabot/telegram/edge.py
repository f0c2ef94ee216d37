"""TelegramEdge: everything between Telegram and the users' side, wired.

It owns the bot's connections; `close` gives them up. The rule: the token and the addresses are read
here and nowhere else in this folder.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal
from urllib.parse import urlsplit

import structlog
from aiogram import Router

from supervision import Breaker, BreakerPolicy, Reports, TimeWindow
from yabot.config import Settings
from yabot.errors import ConfigError, TelegramRefused, TelegramUnavailable
from yabot.services.all import Services
from yabot.telegram.bot import direct_bot
from yabot.telegram.client import TelegramClient
from yabot.telegram.delivery import Delivery
from yabot.telegram.dispatch import TurnHandler, allowed_updates, build_dispatcher
from yabot.telegram.greeting import introduce
from yabot.telegram.handlers.commands import COMMANDS
from yabot.telegram.ingress import Ingress
from yabot.telegram.polling import Poller
from yabot.telegram.replies import ReplySender, SendingMeter
from yabot.telegram.webhook import WebhookHandler, WebhookServer, choose_mode
from yabot.users.ports import Clock, Inbox, Mail, ReplyOutbox

Mode = Literal["polling", "webhook"]

BREAKER = BreakerPolicy(
    window=TimeWindow(30), failure_rate=0.5, minimum_calls=10, open_for=1.0, longest_open=15.0
)


SEND_NOW_TIMEOUT = 5.0
"""Seconds for a call on which nothing depends."""

log = structlog.get_logger(__name__)


class TelegramEdge:
    """One bot: its handlers, as `handle`, and the actors for updates in and calls out."""

    def __init__(
        self,
        settings: Settings,
        services: Services,
        routers: Iterable[Router],
        reports: Reports,
        others: Mapping[str, object],
    ) -> None:
        """`others` is what handlers may ask for by name beside the services.

        Raises ConfigError for a missing token.
        """
        if settings.bot_token is None:
            raise ConfigError(["BOT_TOKEN is not set; put it into .env, or run `yabot demo`"])
        token, url = settings.bot_token.get_secret_value(), settings.telegram_api_url
        self._settings = settings
        self._bot = direct_bot(token, url)
        self._client = TelegramClient(token, url)
        self._polling_client = TelegramClient(token, url, connections=2)
        dispatcher = build_dispatcher(
            routers,
            default_language=settings.default_language,
            data={**_by_name(services), **others},
        )
        self._allowed = allowed_updates(dispatcher)
        self.handle = TurnHandler(self._bot, dispatcher)
        self.sending = SendingMeter()
        self.breaker = Breaker("telegram", BREAKER, report=reports.add)

    async def introduce(self) -> Mode:
        """Tell Telegram who we are and how updates shall come. Raises ConfigError."""
        settings = self._settings
        await introduce(self._bot, COMMANDS, default_language=settings.default_language)
        if settings.updates_mode == "polling":
            return "polling"
        return await choose_mode(
            self._client, url=settings.webhook_url or "", secret=self._secret, allowed=self._allowed
        )

    def ingress(self, inbox: Inbox, deliver: Callable[[Mail], None]) -> Ingress:
        """The door for updates; it outlives the actors that bring them."""
        return Ingress(inbox, deliver, bot_id=self._bot.id)

    def intake(self, mode: Mode, ingress: Ingress) -> Callable[[], Poller | WebhookServer]:
        """The factory of the actor that takes updates in."""
        if mode == "polling":
            return lambda: Poller(self._polling_client, ingress, self._allowed)
        settings = self._settings
        handler = WebhookHandler(ingress, self._secret)
        path = urlsplit(settings.webhook_url or "").path or "/"
        return lambda: WebhookServer(
            handler, host=settings.webhook_host, port=settings.webhook_port, path=path
        )

    def sender(self, outbox: ReplyOutbox, clock: Clock) -> ReplySender:
        """The actor that sends what commits left."""
        delivery = Delivery(self._client, self.breaker, outbox, clock)
        return ReplySender(outbox, delivery, self.sending)

    async def send_now(self, method: str, params: bytes) -> None:
        """Call a method outside of any commit, once; what comes of it is logged and no more."""
        try:
            await self._client.call(method, params, SEND_NOW_TIMEOUT)
        except (TelegramRefused, TelegramUnavailable) as error:
            log.warning("telegram.not_told", method=method, error=str(error))

    async def close(self) -> None:
        """Close all connections."""
        await self._bot.session.close()
        await self._client.close()
        await self._polling_client.close()

    @property
    def _secret(self) -> str:
        secret = self._settings.webhook_secret
        return secret.get_secret_value() if secret is not None else ""


def _by_name(services: Services) -> Mapping[str, object]:
    """The services under the names by which handlers ask for them."""
    return {
        "users": services.users,
        "narrative": services.narrative,
        "subscriptions": services.subscriptions,
        "coordinator": services.coordinator,
        "gifts": services.gifts,
    }
