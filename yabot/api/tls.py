"""TLS for the API. The rule: files that can't be used end the start with one line about each."""

import ssl
from pathlib import Path

from yabot.errors import ConfigError


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A server's context, TLS 1.2 or newer, for PEM files. Raises ConfigError."""
    problems = [
        f"{name}: can't read {path}; give a readable PEM file"
        for name, path in (("API_TLS_CERT", certificate), ("API_TLS_KEY", key))
        if not _readable(path)
    ]
    if problems:
        raise ConfigError(problems)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError, OSError) as error:
        reason = getattr(error, "reason", None) or str(error) or "unusable"
        told = str(reason).lower().replace("_", " ")
        raise ConfigError(
            [
                f"API_TLS_CERT: {certificate} and API_TLS_KEY {key} can't be used ({told}); "
                "give a certificate and its unencrypted key as PEM"
            ]
        ) from error
    return context


def _readable(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False


def _no_password() -> str:
    """Without it OpenSSL would ask on the terminal."""
    raise ValueError("the key is encrypted")
