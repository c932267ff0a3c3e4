"""Numbers as R's ``as.character`` writes them."""

from __future__ import annotations

import math

__all__ = ["number_text"]


def number_text(number: float, scipen: int = 0) -> str:
    """A double with as many digits as it needs, 15 at most; fixed where that is not longer than scientific.

    Args:
        number: any double but NA.
        scipen: by how many characters fixed may be longer, R's option of that name.
    """
    if number != number:
        return "NaN"
    if math.isinf(number):
        return "Inf" if number > 0 else "-Inf"
    if number == 0:
        return "0"
    whole = float(f"{number:.14e}")
    digits = next((n for n in range(1, 15) if float(f"{number:.{n - 1}e}") == whole), 15)
    mantissa, _, exponent = f"{number:.{digits - 1}e}".partition("e")
    scientific = f"{mantissa}e{int(exponent):+03d}"
    fixed = f"{whole:.{max(0, digits - 1 - int(exponent))}f}"
    return fixed if len(fixed) <= len(scientific) + scipen else scientific
