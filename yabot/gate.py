"""The API's address and gate, as the settings have them."""

from supervision import Reports
from yabot.api.gate import Gate
from yabot.api.keyring import Keyring
from yabot.api.limits import quotas
from yabot.api.server import APIAddress
from yabot.api.tls import tls_context
from yabot.config import ApiConfig
from yabot.ops.metrics import Metrics
from yabot.stores.database import DatabaseManager
from yabot.users.ports import Clock


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
