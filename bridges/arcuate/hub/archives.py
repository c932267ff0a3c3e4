"""Archives: functions under a name, as the Production Server bridge serves them.

For rights, logs and pools the archive ``tools`` is an environment of its own, ``archive.tools``: that which
stands behind it, with the archive's folders.
"""

from __future__ import annotations

from collections.abc import Mapping

from arcuate.errors import InvalidArgument
from arcuate.hub.config import ArchiveConfig, EnvironmentConfig

__all__ = ["environments", "name_of"]

_FOLDERS = {"octave": "path", "matlab": "path", "python": "path", "r": "source"}
"""The option by which an environment is told of folders with code."""


def name_of(archive: str) -> str:
    """The name of an archive's environment."""
    return f"archive.{archive}"


def environments(
    archives: Mapping[str, ArchiveConfig], offered: Mapping[str, EnvironmentConfig]
) -> dict[str, EnvironmentConfig]:
    """The environments of archives.

    Args:
        archives: the archives.
        offered: the environments that stand behind them.

    Raises:
        InvalidArgument: an archive names an environment that is not there, or a folder that is not.
    """
    found = {}
    for name, archive in archives.items():
        base = offered.get(archive.environment)
        if base is None:
            known = ", ".join(sorted(offered)) or "none"
            raise InvalidArgument(
                f"the archive {name!r} names the environment {archive.environment[:80]!r}, which this hub "
                f"does not offer; it offers: {known}"
            )
        options = dict(base.options)
        folders = [str(folder) for folder in archive.directories]
        for folder in archive.directories:
            if not folder.is_dir():
                raise InvalidArgument(f"the archive {name!r} names {str(folder)!r}, which is no folder")
        if folders:
            option = _FOLDERS.get(base.language)
            if option is None:
                raise InvalidArgument(
                    f"the archive {name!r} has directories, but {base.language!r} takes none; list its "
                    "functions"
                )
            before = options.get(option) or []
            options[option] = folders + ([before] if isinstance(before, str) else list(before))
        doc = base.doc or f"archive {name} of the Production Server bridge"
        found[name_of(name)] = EnvironmentConfig(
            language=base.language, options=options, warm=base.warm, doc=doc
        )
    return found
