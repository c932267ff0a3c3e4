"""Writes recorded.json: what oct2py itself makes of the values of observe.py.

Run it with the Python of `.venv-bench`, which `python3 tools/setup.py bench` makes:

    .venv-bench/bin/python tests/compat/oct2py/record.py
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import observe
import oct2py

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    found = {"oct2py": oct2py.__version__, "values": dict(observe.observe(oct2py))}
    text = json.dumps(found, indent=1, ensure_ascii=False)
    (Path(__file__).parent / "recorded.json").write_text(text + "\n", encoding="utf-8")
