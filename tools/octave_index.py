"""Writes the table of what Octave packages provide, from the INDEX files that the packages themselves bring.

    python tools/octave_index.py FOLDER     # where packages of Debian were unpacked (dpkg-deb -x), or /usr

Run by hand when there is a newer set of packages; `arcuate mcheck` reads the table.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / "adapters/arcuate/octave/mfiles/packages.txt"
HEAD = """\
# What the packages of Octave provide: facts from the file INDEX of each, as Debian 12 has them.
# Written by tools/octave_index.py. A package and its version, then the names of its functions.
"""


def functions(index: str) -> list[str]:
    """Return the functions that an INDEX lists; of methods (`@class/name`) the name."""
    names: set[str] = set()
    for line in index.splitlines():
        if line[:1].isspace() and "=" not in line:
            words = line.split("#")[0].split()
            words = [re.sub(r"^@\w+/", "", word) for word in words]
            names.update(word for word in words if re.fullmatch(r"[A-Za-z]\w*(\.\w+)*", word))
    return sorted(names)


def main(arguments: list[str]) -> int:
    """Write the table."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    found = {}
    for index in Path(arguments[0]).rglob("packinfo/INDEX"):
        name, _, version = index.parent.parent.name.rpartition("-")
        found[name] = (version, functions(index.read_text(encoding="utf-8", errors="replace")))
    lines = []
    for name, (version, names) in sorted(found.items()):
        lines.append(f"{name} {version}")
        lines.append(textwrap.fill(" ".join(names), 118, initial_indent="  ", subsequent_indent="  "))
    TABLE.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{TABLE.name}: {len(found)} packages, {sum(len(names) for _, names in found.values())} functions")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
