"""Who we are, for systems outside: keys, tokens, passwords, certificates and OAuth 2.0 (Authlib).

An authenticator is given to a connector (``RESTAPIClient(..., auth=...)``), or asked for headers by
:meth:`BaseAuthenticator.authenticate`.
"""

from __future__ import annotations

from arcuate.auth.base import BaseAuthenticator
from arcuate.auth.device import DeviceCode
from arcuate.auth.oauth2 import OAuth2Authenticator, OAuth2Config
from arcuate.auth.static import (
    APIKeyAuthenticator,
    BasicAuthenticator,
    BearerAuthenticator,
    CertificateAuthenticator,
)
from arcuate.auth.store import EncryptedStore, KeyringStore, TokenStore

__all__ = [
    "APIKeyAuthenticator",
    "BaseAuthenticator",
    "BasicAuthenticator",
    "BearerAuthenticator",
    "CertificateAuthenticator",
    "DeviceCode",
    "EncryptedStore",
    "KeyringStore",
    "OAuth2Authenticator",
    "OAuth2Config",
    "TokenStore",
]
