"""Functions and packages of an environment in attribute form: ``r.stats.quantile(x, probs=[.1, .9])``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from arcuate.client.remote import Remote
from arcuate.errors import ArcuateError, InvalidArgument, NameNotFound

if TYPE_CHECKING:
    import inspect
    from concurrent.futures import Future

    from arcuate.client.session import Session

__all__ = ["Function", "Namespace", "resolve"]

CONTROLS = ("nargout", "keep", "timeout", "on_output")


class _Source:
    """A default value that is shown as the other language writes it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


class Function:  # noqa: D101  (its docstring is the foreign function's own)
    # No class docstring: __doc__ is the foreign function's own.

    def __init__(
        self, session: Session, target: str | Remote, controls: Mapping[str, Any] | None = None
    ) -> None:
        self._session = session
        self._target = target
        self._controls: dict[str, Any] = dict(controls or {})
        self._described: dict[str, Any] | None = None

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Calls the function; every keyword is an argument of its own."""
        return self._session._call(self._target, args, keywords, **self._controls)

    def options(self, **controls: Any) -> Function:
        """The same function with controls of the call.

        Args:
            controls: ``nargout``, ``keep``, ``timeout``, ``on_output``, as for :meth:`Session.call`.
        """
        unknown = sorted(set(controls) - set(CONTROLS))
        if unknown:
            raise InvalidArgument(f"options() does not know {unknown[0]!r}; it takes {', '.join(CONTROLS)}")
        return Function(self._session, self._target, {**self._controls, **controls})

    def submit(self, *args: Any, **keywords: Any) -> Future[Any]:
        """Calls it on the session's own thread; returns a future."""
        return self._session._submit(lambda: self(*args, **keywords))

    def _about(self) -> dict[str, Any]:
        if self._described is None:
            if isinstance(self._target, str):
                self._described = self._session.describe(self._target)
            else:
                found = self._session._request("describe", {}, target=self._target)
                self._described = dict(found) if isinstance(found, Mapping) else {}
        return self._described

    @property
    def __name__(self) -> str:
        return self._target if isinstance(self._target, str) else "function"

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        try:
            return self._about().get("doc") or None
        except ArcuateError:
            return None

    @property
    def __signature__(self) -> inspect.Signature:
        import inspect

        kinds = {
            "positional": inspect.Parameter.POSITIONAL_OR_KEYWORD,
            "var": inspect.Parameter.VAR_POSITIONAL,
            "keyword": inspect.Parameter.KEYWORD_ONLY,
            "var-keyword": inspect.Parameter.VAR_KEYWORD,
        }
        parameters: list[inspect.Parameter] = []
        seen: set[str] = set()
        for given in self._about().get("parameters") or ():
            kind = kinds.get(str(given.get("kind")), inspect.Parameter.POSITIONAL_OR_KEYWORD)
            raw = str(given.get("name"))
            name = {"...": "args", "varargin": "args"}.get(raw, raw.replace(".", "_"))
            if not name.isidentifier() or name in seen:
                continue
            seen.add(name)
            default = given.get("default")
            shown = inspect.Parameter.empty if default is None else _Source(str(default))
            if kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
                shown = inspect.Parameter.empty
            elif any(other.kind is inspect.Parameter.VAR_POSITIONAL for other in parameters):
                kind = inspect.Parameter.KEYWORD_ONLY
            elif shown is inspect.Parameter.empty and any(
                other.default is not inspect.Parameter.empty for other in parameters
            ):
                kind = inspect.Parameter.KEYWORD_ONLY  # R may have a default before an argument without one
            parameters.append(inspect.Parameter(name, kind, default=shown))
        parameters.sort(key=lambda item: int(item.kind))
        return inspect.Signature(parameters)

    def _remote(self) -> Remote:
        """The function as an object that can be passed as an argument."""
        if isinstance(self._target, Remote):
            return self._target
        found = self._session._request("get", {"name": self._target, "keep": True, "function": True})
        assert isinstance(found, Remote)
        return found

    def __repr__(self) -> str:
        language = self._session.info["language"]
        try:
            signature = self._about().get("signature") or self.__name__
        except ArcuateError:
            signature = self.__name__
        return f"<{language} function {signature}>"


class Namespace:
    """A package of the environment: its functions and objects as attributes."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return resolve(self._session, name, self._name)

    def __dir__(self) -> list[str]:
        names = self._session.names(self._name)
        return sorted(
            {name if name.isidentifier() else name.replace(".", "_") for name in names} & _identifiers(names)
        )

    def __repr__(self) -> str:
        return f"<{self._session.info['language']} package {self._name}>"


def _identifiers(names: list[str]) -> set[str]:
    return {form for name in names for form in (name, name.replace(".", "_")) if form.isidentifier()}


def resolve(session: Session, name: str, package: str = "") -> Any:
    """What an attribute of a session or a package stands for: a function, a package, or the value of a
    variable.

    An underscore also stands for a dot where there is no such name with an underscore (``is_na`` finds
    ``is.na``).

    Raises:
        AttributeError: nothing of that name.
    """
    cache = session._resolved
    separator = session._transport.greeting.features.get("separator", ".")
    for candidate in dict.fromkeys((name, name.replace("_", "."))):
        full = f"{package}{separator}{candidate}" if package else candidate
        known = cache.get(full)
        if known is None:
            found = session._request("describe", {"name": full, "brief": True})
            known = (str(found.get("kind", "")), str(found.get("name") or full))
            if known[0] in ("function", "package"):
                cache[full] = known
        kind, settled = known  # the environment may know the name in another spelling
        if kind == "function":
            return Function(session, settled)
        if kind == "package":
            return Namespace(session, settled)
        if kind == "variable" and package:
            return session._request("attr", {"name": package, "attribute": candidate})
        if kind == "variable":
            return session[settled]
    where = f"package {package!r}" if package else session.info["language"]
    raise AttributeError(f"{where} has no function, package or variable {name!r}") from NameNotFound(name)
