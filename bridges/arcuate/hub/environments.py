"""The environments that a hub offers: names of its configuration, each with a language behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arcuate.client.connecting import environments
from arcuate.client.transport import Transport
from arcuate.errors import EnvironmentNotFound, InvalidArgument, PermissionDenied
from arcuate.hub import archives
from arcuate.hub.config import Config, EnvironmentConfig
from arcuate.hub.delegation import Delegation
from arcuate.hub.principal import Principal
from arcuate.values.limits import Limits
from arcuate.worker.confine import Restrictions, unavailable

__all__ = ["Environments"]


class Environments:
    """What a hub offers, by name."""

    def __init__(self, config: Config) -> None:
        self._installed = environments()
        self._memory = config.limits.memory
        self._unconfined = config.allow_unconfined
        files = (config.tokens, config.audit, config.tls.key, config.curve.key, config.curve.authorised_keys)
        self._secret = [str(path) for path in files if path is not None]
        offered = dict(config.environments)
        if not offered:
            offered = {name: EnvironmentConfig(language=name) for name in self._installed}
        for name, one in offered.items():
            if one.language not in self._installed:
                known = ", ".join(sorted(self._installed))
                raise EnvironmentNotFound(
                    f"the environment {name!r} has the language {one.language!r}, which is not installed "
                    f"here; there are: {known}"
                )
        offered |= archives.environments(config.archives, offered)
        self.offered: Mapping[str, EnvironmentConfig] = offered

    def find(self, name: str) -> EnvironmentConfig:
        """The environment of that name.

        Raises:
            EnvironmentNotFound: the hub does not offer it.
        """
        found = self.offered.get(name)
        if found is None:
            known = ", ".join(sorted(self.offered)) or "none"
            raise EnvironmentNotFound(f"this hub offers no environment {name[:80]!r}; it offers: {known}")
        return found

    def open(
        self,
        name: str,
        options: Mapping[str, Any],
        principal: Principal,
        limits: Limits,
        grace: float,
        delegation: Delegation,
    ) -> Transport:
        """Starts an interpreter.

        Args:
            name: the environment.
            options: what the client wants of it.
            principal: who the client is.
            limits: what the interpreter's channel accepts.
            grace: seconds that it has to stop when interrupted.
            delegation: what its code may do in the hub.

        Raises:
            PermissionDenied: an option that this client may not set.
        """
        config = self.find(name)
        adapter: Any = self._installed[config.language].load()
        for option in options:
            if option not in adapter.options:
                own = ", ".join(self._options(config, adapter, principal)) or "none"
                raise InvalidArgument(
                    f"the environment {name!r} does not know the option {str(option)[:80]!r}; "
                    f"clients may set: {own}"
                )
            if not principal.eval or (principal.kind != "local" and option not in config.client_options):
                raise PermissionDenied(
                    f"the option {option!r} of {name!r} is the hub's to set; the operator can allow it with "
                    f"client_options = [{option!r}]"
                )
        environment = adapter(**{**config.options, **options})
        transport: Transport = environment.open(limits, grace, self._restrictions(principal, delegation))
        return transport

    def _restrictions(self, principal: Principal, delegation: Delegation) -> Restrictions:
        """What an interpreter for a principal is kept from."""
        found = [one for one in (self._memory, principal.limits.get("memory")) if one is not None]
        confined = not principal.eval and not (self._unconfined and unavailable())
        return Restrictions(
            confined,
            memory=min(found, default=None),
            secret=self._secret,
            variables=lambda: delegation.variables(confined),
            port=delegation.port,
        )

    def listing(self, principal: Principal) -> list[dict[str, Any]]:
        """What clients are told of the environments that they may use."""
        found = []
        for name, one in sorted(self.offered.items()):
            adapter: Any = self._installed[one.language].load()
            found.append(
                {
                    "name": name,
                    "language": adapter.language,
                    "doc": one.doc,
                    "options": self._options(one, adapter, principal),
                    "eval": principal.eval,
                }
            )
        return found

    def _options(self, config: EnvironmentConfig, adapter: Any, principal: Principal) -> list[str]:
        """The options that a client may set itself: any on this machine, else what the operator names."""
        if not principal.eval:
            return []
        return sorted(adapter.options if principal.kind == "local" else config.client_options)
