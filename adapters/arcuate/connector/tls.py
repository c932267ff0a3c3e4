"""Whom connections trust, and what they show."""

from __future__ import annotations

import ssl

from arcuate.connector.authorization import Certificate
from arcuate.errors import InvalidArgument

__all__ = ["context"]


def context(ca_file: str | None, certificate: Certificate | None) -> ssl.SSLContext:
    """The settings of a connection with TLS.

    Raises:
        InvalidArgument: a file cannot be read.
    """
    try:
        found = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise InvalidArgument(f"ca_file {ca_file!r} cannot be used: {error}") from None
    if certificate is not None:
        try:
            found.load_cert_chain(
                certificate.certificate, certificate.key, password=certificate.password or ""
            )
        except (OSError, ssl.SSLError) as error:
            raise InvalidArgument(
                f"the client certificate {certificate.certificate!r} or its key cannot be used: {error}"
            ) from None
    return found
