"""The golden vectors of ``protos/vectors/cases.jsonl``, loaded and guarded against a corpus that shrank."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from arcuate.errors import InvalidArgument
from arcuate.matrix.recipes import make
from arcuate.matrix.reference import encode
from arcuate.matrix.rendering import render

__all__ = ["ENCODINGS", "MINIMUM", "Case", "guard", "load", "root"]

CASES = Path("protos/vectors/cases.jsonl")
ENCODINGS = ("frame", "protobuf")
MINIMUM = {
    "null": 1, "bool": 3, "int": 20, "float": 28, "complex": 7, "text": 28, "bytes": 6, "missing": 19,
    "list": 28, "mapping": 24, "array": 215, "labelled": 38, "dataset": 8, "table": 32, "categorical": 18,
    "datetime": 28, "date": 7, "duration": 15, "sparse": 20, "function": 3, "handle": 2, "error": 80,
}  # fmt: skip
"""How many cases of each kind there are at least; ``error`` counts the error cases."""


@dataclass(frozen=True, eq=False)
class Case:
    """One golden vector.

    Attributes:
        name: unique; the kind, then what it is: ``array/f8/cube``.
        kind: the kind of the value at the root; of an error case, of the value that it distorts.
        doc: why the case is there, and where its numbers come from.
        error: the code with which a reader must refuse it; "" for a value.
        recipe: how a large value is made; ``None`` for all others.
    """

    name: str
    kind: str
    doc: str
    error: str = ""
    recipe: dict[str, Any] | None = None
    _given: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def large(self) -> bool:
        """Whether it is made by a recipe: its bytes and its rendering take time and memory."""
        return self.recipe is not None

    @property
    def value(self) -> dict[str, Any] | None:
        """The rendering; ``None`` for an error case.

        A large one is made anew each time, and its arrays may hold :class:`arcuate.matrix.elements.Elements`
        instead of lists.
        """
        if self.recipe is not None:
            return render(self.expanded["frame"], "frame")
        return self._given.get("value")

    @cached_property
    def frame(self) -> bytes | None:
        """The frame; ``None`` where an error has no such form."""
        return self.encoded("frame")

    @cached_property
    def protobuf(self) -> bytes | None:
        """The serialised message; ``None`` where an error has no such form."""
        return self.encoded("protobuf")

    def encoded(self, encoding: str) -> bytes | None:
        """The bytes in one of the two encodings."""
        if self.recipe is not None:
            return self.expanded[encoding]
        text = self._given.get(encoding)
        return None if text is None else base64.b64decode(text, validate=True)

    @cached_property
    def expanded(self) -> dict[str, bytes]:
        """Both encodings of a large value, compared with the lengths and digests in the file."""
        if self.recipe is None:
            raise ValueError(f"{self.name} has no recipe")
        value = make(self.recipe)
        made = {}
        for encoding in ENCODINGS:
            data = encode(value, encoding)
            found, wanted = digest(data), self.recipe[encoding]
            if found != wanted:
                raise ValueError(f"{self.name}: the recipe makes {found}, not {wanted}; run make generate")
            made[encoding] = data
        return made


def digest(data: bytes) -> dict[str, Any]:
    """Return the length and SHA-256 of bytes, as a case with a recipe states them."""
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def root() -> Path:
    """Return the folder of the checkout.

    Raises:
        InvalidArgument: this is an installed package without the vectors.
    """
    for folder in Path(__file__).resolve().parents:
        if (folder / CASES).is_file():
            return folder
    raise InvalidArgument(
        f"no {CASES} above {Path(__file__).parent}: golden vectors are part of the repository, not of the "
        "package. Clone it, type `make setup` there, and run this from its .venv"
    )


def load(*, file: Path | None = None, names: Collection[str] = (), large: bool = True) -> list[Case]:
    """Return the cases, in the order of the file.

    Args:
        file: another file than the checkout's.
        names: only these cases, and those whose names begin with one of them and a ``/``; all by default.
        large: whether to include the cases of a recipe; their bytes are made when they are used.

    Raises:
        InvalidArgument: there is no checkout, a name fits no case, or the corpus is smaller than it must be.
    """
    path = file or root() / CASES
    cases = [_case(json.loads(line)) for line in path.read_text(encoding="ascii").splitlines()]
    guard(cases)
    for name in names:
        if not any(_fits(case, name) for case in cases):
            raise InvalidArgument(
                f"no case {name!r}; a kind, such as 'array', or the start of a name is allowed"
            )
    chosen = [case for case in cases if not names or any(_fits(case, name) for name in names)]
    return [case for case in chosen if large or not case.large]


def _fits(case: Case, name: str) -> bool:
    return case.name == name or case.name.startswith(name.rstrip("/") + "/")


def _case(line: dict[str, Any]) -> Case:
    given = {key: line[key] for key in ("value", *ENCODINGS) if key in line}
    return Case(line["name"], line["kind"], line["doc"], line.get("error", ""), line.get("recipe"), given)


def guard(cases: list[Case]) -> None:
    """Refuse a corpus that is empty, has a name twice, or less of a kind than :data:`MINIMUM`.

    Raises:
        InvalidArgument: says what is missing.
    """
    twice = [name for name, count in Counter(case.name for case in cases).items() if count > 1]
    found = Counter("error" if case.error else case.kind for case in cases)
    short = [
        f"{found[kind]} of {kind} instead of {least}"
        for kind, least in MINIMUM.items()
        if found[kind] < least
    ]
    if twice or short:
        problems = [*(f"{name} twice" for name in twice), *short]
        raise InvalidArgument(f"the golden vectors are incomplete: {', '.join(problems)}. Run: make generate")
