"""The API's address and gate, as the settings have them, and the services behind it."""

from supervision import Reports
from yabot.api.gate import Gate
from yabot.api.keyring import Keyring
from yabot.api.limits import quotas
from yabot.api.probes import Probes
from yabot.api.server import APIAddress
from yabot.api.table import APIServices
from yabot.api.tls import tls_context
from yabot.config import ApiConfig
from yabot.ops.metrics import Metrics
from yabot.services.all import Services
from yabot.stores.database import DatabaseManager
from yabot.users.directory import UserDirectory
from yabot.users.ports import Clock
from yabot.wiring.history import StoredHistory
from yabot.wiring.ledger import StoredLedger
from yabot.wiring.letters import StoredLetters


def api_address(config: ApiConfig) -> APIAddress:
    """Where to listen, with TLS if it is set. Raises ConfigError."""
    tls = tls_context(*config.tls) if config.tls is not None else None
    return APIAddress(config.host, config.port, tls)


def api_gate(
    config: ApiConfig, database: DatabaseManager, clock: Clock, metrics: Metrics, reports: Reports
) -> Gate:
    """Who may come in; what fails shows in the metrics and the reports. Raises ConfigError."""
    gate = Gate.over(
        Keyring(config.private_key, clock=clock),
        database.identity,
        clock=clock,
        report=reports.add,
        quotas=quotas(read_rate=config.read_rate, write_rate=config.write_rate),
        proxies=config.proxies,
    )
    failures = gate.failures.counts
    metrics.watch("api_refusals", "Attempts to get in", failures, label="kind", kind="counter")
    return gate


def api_services(
    services: Services, database: DatabaseManager, directory: UserDirectory, probes: Probes
) -> APIServices:
    """What the routes ask."""
    return APIServices(
        users=services.users,
        coordinator=services.coordinator,
        subscriptions=services.subscriptions,
        narrative=services.narrative,
        external=services.external,
        ledger=StoredLedger(database.users),
        history=StoredHistory(database.events),
        dead_letters=StoredLetters(database.replays, directory.deliver),
        probes=probes,
    )
