"""What attributes and pointers of a session are: functions, variables, packages, objects of user classes."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from arcuate.client import Remote
from arcuate.compat.oct2py.utils import Oct2PyError

if TYPE_CHECKING:
    from arcuate.compat.oct2py.core import Oct2Py

__all__ = [
    "OctaveFunctionPtr",
    "OctaveNamespaceProxy",
    "OctavePtr",
    "OctaveUserClass",
    "OctaveUserClassAttr",
    "OctaveUserClassMethod",
    "OctaveVariablePtr",
]

SessionRef = weakref.ReferenceType["Oct2Py"]


def _alive(ref: SessionRef) -> Oct2Py:
    session = ref()
    if session is None:
        raise Oct2PyError("Session is closed: its Oct2Py object is gone")
    return session


class _Doc:
    """A ``__doc__`` that is asked for when it is read, of a class as well as of its objects."""

    def __init__(self, ref: SessionRef, name: str) -> None:
        self._ref = ref
        self._name = name

    def __get__(self, instance: object, owner: type | None = None) -> str:
        return _alive(self._ref)._get_doc(self._name)


class OctavePtr:
    """Something in Octave, by its name.

    Attributes:
        name: its name.
        address: how Octave's code refers to it.
    """

    def __init__(self, session_weakref: SessionRef, name: str, address: str) -> None:
        self._ref = session_weakref
        self._name = name
        self._address = address

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def address(self) -> str:
        """How Octave's code refers to it."""
        return self._address


class OctaveVariablePtr(OctavePtr):  # noqa: D101  (its docstring names the variable)
    @property
    def __doc__(self) -> str:  # type: ignore[override]
        return f"{self.name} is a variable"

    @property
    def value(self) -> Any:
        """Its value, fetched each time."""
        return _alive(self._ref).pull(self._address)

    @value.setter
    def value(self, value: Any) -> None:
        _alive(self._ref).push(self._address, value)


class OctaveFunctionPtr(OctavePtr):
    """A function. Each has a class of its own, whose docstring is the function's help."""

    def __init__(self, session_weakref: SessionRef, name: str) -> None:
        super().__init__(session_weakref, name, f"@{name}")

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """Calls it; keywords that are no options of a call are sent as pairs of a name and a value."""
        return _alive(self._ref)._call_dynamic(self._name, inputs, kwargs)

    def __repr__(self) -> str:
        return f'"{self.name}" Octave function'

    @classmethod
    def of(cls, session_weakref: SessionRef, name: str) -> OctaveFunctionPtr:
        """The function of that name."""
        body = {"__doc__": _Doc(session_weakref, name), "__module__": cls.__module__}
        kind: type[OctaveFunctionPtr] = type(name, (cls,), body)
        return kind(session_weakref, name)


class OctaveNamespaceProxy:
    """A name that is no function and no variable: perhaps a package, whose functions are its attributes."""

    def __init__(self, session_weakref: SessionRef | None, prefix: str) -> None:
        self._ref = session_weakref
        self._prefix = prefix

    def __getattr__(self, name: str) -> OctaveNamespaceProxy:
        if name.startswith("_"):
            raise AttributeError(name)
        return OctaveNamespaceProxy(self._ref, f"{self._prefix}.{name}")

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """Calls the function of that dotted name."""
        if self._ref is None:
            raise Oct2PyError("Session is closed")
        return _alive(self._ref)._call_dynamic(self._prefix, inputs, kwargs)

    def __repr__(self) -> str:
        return f'Octave namespace proxy for "{self._prefix}"'


class OctaveUserClassAttr(OctavePtr):
    """A property of a user class."""

    def __get__(self, instance: OctaveUserClass | None, owner: type | None = None) -> Any:
        if instance is None:
            return "dynamic attribute"
        return _alive(self._ref)._get_property(instance, self._name)

    def __set__(self, instance: OctaveUserClass, value: Any) -> None:
        _alive(self._ref)._set_property(instance, self._name, value)


class OctaveUserClassMethod(OctaveFunctionPtr):
    """A method of a user class; read from an object, it is called with that object first."""

    _instance: OctaveUserClass | None = None

    def __get__(self, instance: OctaveUserClass | None, owner: type | None = None) -> OctaveUserClassMethod:
        if instance is None:
            return self
        bound = type(self)(self._ref, self._name)
        bound._instance = instance
        return bound

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """Calls it."""
        first = () if self._instance is None else (self._instance,)
        return super().__call__(*first, *inputs, **kwargs)

    def __repr__(self) -> str:
        return f'"{self.name}" Octave method'


class OctaveUserClass:
    """An object of a user class. It stays in Octave; its class here has its properties and methods."""

    _name: str = ""
    _ref: SessionRef
    _by_get: bool = False  # its properties are read by its methods `get` and `set`
    _remote: Remote

    def __init__(self, *inputs: Any, **kwargs: Any) -> None:
        self._remote = _alive(self._ref)._construct(self._name, inputs, kwargs)

    @classmethod
    def of(cls, remote: Remote) -> OctaveUserClass:
        """The object for one that is in Octave already."""
        made = cls.__new__(cls)
        made._remote = remote
        return made


def make_user_class(ref: SessionRef, about: dict[str, Any]) -> type[OctaveUserClass]:
    """The class for a class of Octave.

    Args:
        ref: the session.
        about: its ``class``, ``fields`` and ``methods``, and whether it has a method ``get``.
    """
    name: str = about["class"]
    body: dict[str, Any] = {
        "__doc__": _Doc(ref, name),
        "__module__": OctaveUserClass.__module__,
        "_name": name,
        "_ref": ref,
        "_by_get": about["get"],
    }
    for method in about["methods"]:
        kind = type(
            method,
            (OctaveUserClassMethod,),
            {"__doc__": _Doc(ref, f"@{name}/{method}"), "__module__": OctaveUserClass.__module__},
        )
        body[method] = kind(ref, method)
    body.update({field: OctaveUserClassAttr(ref, field, field) for field in about["fields"]})
    return type(name, (OctaveUserClass,), body)
