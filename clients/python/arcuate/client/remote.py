"""Objects that stay in their environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from arcuate.errors import ArcuateError, NameNotFound, SessionClosed, StaleHandle

if TYPE_CHECKING:
    from arcuate.client.session import Session

__all__ = ["Remote", "is_remote"]


class Remote:
    """An object that lives in its environment: a model fit, a function, an environment, a class instance.

    It prints as it would there, can be passed back as an argument, called, indexed and asked for its
    elements, and is released when it is collected. Indexing follows the
    environment's own convention (R and Octave count from 1).
    """

    __slots__ = ("__weakref__", "_arcuate", "_info")

    _arcuate: tuple[Session, str]
    _info: Mapping[str, Any]

    def __init__(self, session: Session, number: str, info: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_arcuate", (session, number))
        object.__setattr__(self, "_info", info)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self._arcuate[0]._call(self, args, keywords)

    def options(self, **controls: Any) -> Any:
        """The object as a function with controls: ``nargout``, ``keep``, ``timeout``, ``on_output``."""
        from arcuate.client.function import Function

        return Function(self._arcuate[0], self, controls)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_ipython_canary_method_should_not_exist_", "_repr_mimebundle_"):
            raise AttributeError(name)
        session = self._arcuate[0]
        last: NameNotFound | None = None
        for candidate in dict.fromkeys((name, name.replace("_", "."))):
            try:
                return session._request("attr", {"attribute": candidate}, target=self)
            except NameNotFound as error:
                last = error
        raise AttributeError(f"{self._class} has no element or attribute {name!r}") from last

    def __setattr__(self, name: str, value: Any) -> None:
        self._arcuate[0]._request("setattr", {"attribute": name}, target=self, values={"value": value})

    def __getitem__(self, key: Any) -> Any:
        args = key if isinstance(key, tuple) else (key,)
        return self._arcuate[0]._request("index", {}, target=self, args=args)

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(
            "a Remote is not iterated, since languages count differently; index it, or fetch it as a value"
        )

    def __dir__(self) -> list[str]:
        own = ["options"]
        try:
            found = self._arcuate[0]._request("names", {"prefix": ""}, target=self)
        except ArcuateError:
            return own
        names = [found] if isinstance(found, str) else list(found)
        return own + [str(name) for name in names if str(name).isidentifier()]

    @property
    def _class(self) -> str:
        classes = self._info.get("class") or "object"
        return classes if isinstance(classes, str) else ", ".join(str(item) for item in classes)

    def __repr__(self) -> str:
        session = self._arcuate[0]
        head = f"<{self._info.get('language') or session.info['language']} {self._class}>"
        try:
            shown = str(session._request("show", {}, target=self))
        except StaleHandle:
            return f"{head} (gone: its interpreter was restarted)"
        except (SessionClosed, ArcuateError):
            return f"{head} {self._info.get('summary', '')} (not reachable)".rstrip()
        return f"{head}\n{shown.rstrip()}"

    def __str__(self) -> str:
        return str(self._arcuate[0]._request("show", {}, target=self)).rstrip("\n")

    def __reduce__(self) -> Any:
        raise TypeError(
            "an object that lives in another language cannot be pickled; fetch what you need of it as a value"
        )


def is_remote(value: object) -> bool:
    """Whether it is a :class:`Remote`; costs no attribute access on the other side."""
    return isinstance(value, Remote)
