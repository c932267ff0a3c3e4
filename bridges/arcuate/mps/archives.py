"""Which functions an archive serves: those that its configuration lists, and those of its folders' files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from arcuate.hub.archives import name_of
from arcuate.hub.config import ArchiveConfig, Config
from arcuate.values.record import record

__all__ = ["Archive", "archives"]

_IDENTIFIER = re.compile(r"[A-Za-z]\w*", re.ASCII)
_R_FUNCTION = re.compile(r"^([A-Za-z][\w.]*)\s*(?:<-|=)\s*(?:function\b|\\\()", re.MULTILINE)


@record(frozen=True)
class Archive:
    """One archive.

    Attributes:
        name: its name in addresses.
        environment: the environment of the hub in which its functions run.
        language: the language of that.
        functions: what each function is called there.
        uuid: changes when the archive does.
    """

    name: str
    environment: str
    language: str
    functions: Mapping[str, str]
    uuid: str


def archives(config: Config, languages: Mapping[str, str]) -> dict[str, Archive]:
    """The archives of a configuration, their folders read now.

    Args:
        config: the configuration.
        languages: the language of each environment.
    """
    found = {}
    for name, one in config.archives.items():
        language = languages[name_of(name)]
        functions = dict(_functions(one, language))
        known = repr((one.environment, sorted(functions.items()))).encode()
        uuid = f"{name}_{hashlib.sha256(known).hexdigest()[:32].upper()}"
        found[name] = Archive(name, name_of(name), language, functions, uuid)
    return found


def _functions(archive: ArchiveConfig, language: str) -> Iterator[tuple[str, str]]:
    for folder in archive.directories:
        for name in _in_folder(folder, language):
            yield name, name
    for text in archive.functions:
        name, equals, target = text.partition("=")
        if not equals:
            target = name
            name = re.split(r"::+|\.", name)[-1] if language != "r" else re.split("::+", name)[-1]
        yield name.strip(), target.strip()


def _in_folder(folder: Path, language: str) -> list[str]:
    """The functions of a folder: in Octave one per file, in R those that are defined at the left margin."""
    if language in ("octave", "matlab"):
        names = (path.stem for path in sorted(folder.glob("*.m")))
        return [name for name in names if _IDENTIFIER.fullmatch(name) and name != "Contents"]
    if language == "r":
        files = sorted([*folder.glob("*.R"), *folder.glob("*.r")])
        texts = (path.read_text(encoding="utf-8", errors="replace") for path in files)
        return [name for text in texts for name in _R_FUNCTION.findall(text)]
    return []
