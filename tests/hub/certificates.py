"""Certificates of authorities that trustme makes up, in files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import trustme


class Files:
    """An authority with its certificate in a file."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.authority = trustme.CA(organization_name=name)
        self.ca = folder / f"{name}-ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca))

    def issue(self, name: str, *identities: str, common_name: str | None = None) -> tuple[Path, Path]:
        """A certificate and its key in two files."""
        issued = self.authority.issue_cert(*identities, common_name=common_name)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(key))
        return certificate, key

    @staticmethod
    def subject(certificate: Path) -> str:
        """Whose a certificate is, as OpenSSL says it."""
        command = ["openssl", "x509", "-in", str(certificate), "-noout", "-subject", "-nameopt", "RFC2253"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip().removeprefix("subject=")
