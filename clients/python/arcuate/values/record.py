"""Records: what is used here of :mod:`dataclasses`, without the time that importing it takes.

``dataclasses`` imports ``inspect`` and compiles half a dozen methods for every class: a third of the time of
``import arcuate.client``, and of the start of every Python worker. Type checkers see dataclasses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["field", "record"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
    from dataclasses import field
else:

    class field:
        """A default that is made anew for each record."""

        def __init__(self, *, default_factory: Any) -> None:
            self.make = default_factory

    def record(cls: type | None = None, *, frozen: bool = False, eq: bool = True) -> Any:
        """Gives a class ``__init__``, ``__repr__`` and ``__eq__`` by its annotations.

        Args:
            cls: the class.
            frozen: its attributes cannot be set, and it has a hash.
            eq: records of equal fields are equal.
        """
        if cls is None:
            return lambda cls: record(cls, frozen=frozen, eq=eq)
        names = tuple(cls.__annotations__)
        given = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
        cls.__init__ = _initialiser(cls, names, given, frozen)
        cls.__match_args__ = names
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = _repr
        if eq:
            cls.__eq__ = _equal
            cls.__hash__ = _hash if frozen else None
        if frozen:
            cls.__setattr__ = _frozen
            cls.__delattr__ = _frozen
        return cls

    def _initialiser(cls: type, names: tuple[str, ...], given: dict[str, Any], frozen: bool) -> Any:
        head, body = [], []
        for name in names:
            value = name
            if isinstance(given.get(name), field):
                delattr(cls, name)
                value = f"_given[{name!r}].make() if {name} is _given else {name}"
                head.append(f"{name}=_given")
            else:
                head.append(f"{name}=_given[{name!r}]" if name in given else name)
            body.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
        space: dict[str, Any] = {"_given": given, "_set": object.__setattr__}
        exec(f"def __init__(self, {', '.join(head)}):\n " + "\n ".join(body), space)  # noqa: S102
        initialiser = space["__init__"]
        initialiser.__qualname__ = f"{cls.__qualname__}.__init__"
        return initialiser

    def _values(self: Any) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)

    def _repr(self: Any) -> str:
        pairs = zip(self.__match_args__, _values(self), strict=True)
        return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"

    def _equal(self: Any, other: object) -> Any:
        return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented

    def _hash(self: Any) -> int:
        return hash(_values(self))

    def _frozen(self: Any, name: str, value: object = None) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed: make another, with another {name!r}")
