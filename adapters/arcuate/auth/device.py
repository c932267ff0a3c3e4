"""A person agrees on another device: they type a short code there (RFC 8628)."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from arcuate.connector import (
    AuthenticationError,
    DataError,
    IntegrationError,
    IntegrationTimeout,
    reveal,
)
from arcuate.values.record import record

if TYPE_CHECKING:
    from arcuate.auth.oauth2 import OAuth2Authenticator

__all__ = ["DeviceCode", "login"]

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@record(frozen=True)
class DeviceCode:
    """What a person needs.

    Attributes:
        code: what they type.
        url: where.
        complete: the same with the code in it, for a link or a QR code; "" if the server gives none.
        seconds: as long as it is good.
    """

    code: str
    url: str
    complete: str
    seconds: float


def login(
    auth: OAuth2Authenticator,
    show: Callable[[DeviceCode], object] | None,
    wait: float | None,
    interval: float,
) -> dict[str, Any]:
    """The token. See :meth:`OAuth2Authenticator.login_device`."""
    answer = _asked(auth)
    try:
        shown = DeviceCode(
            str(answer["user_code"]),
            str(answer["verification_uri"]),
            str(answer.get("verification_uri_complete") or ""),
            float(answer["expires_in"]),
        )
        secret, interval = str(answer["device_code"]), float(answer.get("interval") or interval)
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"{auth.name}: the answer of the device endpoint lacks a code, its address or its end",
            service=auth.name,
        ) from None
    end = time.monotonic() + min(shown.seconds, wait if wait is not None else shown.seconds)
    (show or _say)(shown)
    pause = threading.Event()
    while time.monotonic() + interval < end:
        pause.wait(interval)
        try:
            return auth._fetched(grant_type=GRANT, device_code=secret)
        except AuthenticationError as error:
            if error.detail == "slow_down":
                interval += 5.0
            elif error.detail == "expired_token":
                break
            elif error.detail != "authorization_pending":
                raise
        except IntegrationError as error:
            if not error.recoverable:
                raise
            interval *= 2  # RFC 8628, 3.5
    raise IntegrationTimeout(
        f"{auth.name}: nobody agreed as long as the code was good, or waited for",
        service=auth.name,
        recoverable=False,
    )


def _asked(auth: OAuth2Authenticator) -> Mapping[str, Any]:
    config = auth.config
    secret = reveal(config.client_secret, "the client's secret")
    data = {"client_id": config.client_id, **({"scope": config.scope} if config.scope else {})}
    posted = config.client_auth == "client_secret_post"
    if secret and posted:
        data["client_secret"] = secret

    def attempt() -> Any:
        with auth._faults():
            answer = auth._client().post(
                auth._endpoint("device_authorization"),
                data={**data, **config.parameters},
                auth=(config.client_id, secret) if secret and not posted else None,
            )
            if answer.status_code in (400, 401):
                said = answer.json()
                why = auth.conceal(said.get("error_description") or said.get("error"))
                raise AuthenticationError(
                    f"{auth.name}: the authorization server refuses: {why}; look at 'client_id', "
                    "'client_secret' and 'scope'",
                    service=auth.name,
                    status=answer.status_code,
                    detail=said.get("error"),
                )
            answer.raise_for_status()
            return answer.json()

    found = auth.resilience.run(attempt, name="device", repeatable=True, fallback=False).value
    return found if isinstance(found, Mapping) else {}


def _say(shown: DeviceCode) -> None:
    sys.stderr.write(f"To log in, open {shown.complete or shown.url} and enter the code {shown.code}\n")
    sys.stderr.flush()
