"""TLS of the HTTP bridge: certificates, read again when their files change, and whose a client's is."""

from __future__ import annotations

import ssl
from typing import Any

from arcuate.hub.certificates import CertificateFiles

__all__ = ["Certificates", "subject"]

_SHORT = {
    "commonName": "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "givenName": "GN",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
    "streetAddress": "street",
    "surname": "SN",
    "userId": "UID",
}
"""The names that OpenSSL writes in a subject; Python gives the long ones."""


class Certificates(CertificateFiles[ssl.SSLContext]):
    """The context that the server listens with.

    Connections made after a change see the new files: the hub's certificate and the authorities of clients.

    Args:
        tls: has ``certificate``, ``key`` and ``client_ca``, as attributes or keys.

    Attributes:
        context: what the server listens with; each connection is given what was read last.

    Raises:
        InvalidArgument: they cannot be read, or do not belong together.
    """

    def __init__(self, tls: Any) -> None:
        super().__init__(tls)
        self.context = self.current
        self.context.sni_callback = self._choose

    def load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self.certificate, self.key)
        if self.client is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.client)
            # no session is taken up again: a certificate is looked at each time
            context.options |= ssl.OP_NO_TICKET
            context.num_tickets = 0
        return context

    def _choose(self, connection: ssl.SSLObject, *_: Any) -> None:
        """Asked at the beginning of each connection, whether the client names a server or not."""
        connection.context = self.current


def subject(connection: Any) -> str | None:
    """The subject of the certificate that a client has shown, as RFC 2253 and OpenSSL write it.

    Args:
        connection: its ``SSLObject``, or ``None`` without TLS.
    """
    shown = connection.getpeercert() if connection is not None else None
    if not shown:
        return None
    groups = [
        "+".join(f"{_SHORT.get(name, name)}={_escaped(value)}" for name, value in reversed(group))
        for group in reversed(shown.get("subject", ()))
    ]
    return ",".join(groups) or None


def _escaped(text: str) -> str:
    """A value so that nothing in it can be taken for the beginning of another part."""
    data = text.encode("utf-8", "surrogatepass")
    found = []
    for at, byte in enumerate(data):
        char = chr(byte)
        if not 0x20 <= byte < 0x7F:
            found.append(f"\\{byte:02X}")
        elif char in ',+"\\<>;' or (char == " " and at in (0, len(data) - 1)) or (char == "#" and not at):
            found.append(f"\\{char}")
        else:
            found.append(char)
    return "".join(found)
