"""Many interpreters of one language."""

from arcuate.client import pool
from arcuate.errors import RemoteError

with pool("r", size=2) as p:
    p.each("half <- function(x) { if (x == 13) stop('unlucky'); x / 2 }")
    print(p.map("half", [2.0, 4.0, 6.0]))
    print(p.starmap("paste", [("a", "b"), ("c", "d")]))
    kept = p.map("half", [1.0, 13.0, 3.0], errors="keep")
    print([item.message if isinstance(item, RemoteError) else item for item in kept])
    print(sorted(p.imap_unordered("half", [8.0, 10.0])))
