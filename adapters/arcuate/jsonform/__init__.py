"""Values as JSON without loss, for people and programs that have JSON only: the command line and plain HTTP.

:func:`plain` and :func:`restore` turn values into what ``json`` writes and back, :func:`dumps` is the text,
:func:`arrange` makes matrices of lists of rows for languages that have them.
"""

from __future__ import annotations

from arcuate.jsonform.arrange import arrange
from arcuate.jsonform.form import dumps, plain, restore
from arcuate.jsonform.reference import FunctionReference, HandleReference

__all__ = ["FunctionReference", "HandleReference", "arrange", "dumps", "plain", "restore"]
