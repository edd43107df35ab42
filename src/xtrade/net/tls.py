"""TLS: the system's certificates, or those of a file. There is no way to turn the checks off."""

from __future__ import annotations

import ssl

from xtrade.model.errors import ConfigError

__all__ = ["tls_context"]


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """Return a context that verifies certificate and host name, against `ca_file` where one is named."""
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"ca_file = {ca_file!r}: {error}: name a file with certificates in PEM") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
