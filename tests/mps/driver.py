"""Runs in .venv-oracle, with MathWorks' package: evaluates expressions with its clients.

One line of JSON in, one out. ``c`` is the synchronous client, ``a`` the asynchronous one.
"""

import json
import sys

import matlab
from matlab.production_server import mpsexceptions
from production_server import async_client, client

CLASSES = (
    "double",
    "single",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "logical",
)


def told(value):
    """A value as JSON: the class that Python sees, and all that is in it."""
    kind = type(value).__name__
    if kind in CLASSES and type(value).__module__.startswith("matlab"):
        parts = [list(value._real), list(value._imag)] if value._is_complex else [list(value._data)]
        return {"class": kind, "size": list(value.size), "parts": parts}
    if isinstance(value, (list, tuple)):
        return {"class": kind, "items": [told(one) for one in value]}
    if isinstance(value, dict):
        return {"class": kind, "fields": [[name, told(one)] for name, one in value.items()]}
    if isinstance(value, complex):
        return {"class": kind, "value": [value.real, value.imag]}
    return {"class": kind, "value": value if isinstance(value, (bool, int, float, str)) else repr(value)}


def failed(error):
    """An exception as JSON."""
    said = {"error": type(error).__name__, "message": str(error)}
    if isinstance(error, mpsexceptions.MATLABException):
        said["message"] = error.ml_error_message
        said["identifier"] = error.ml_error_identifier
        said["stack"] = [[one.file, one.name, one.line] for one in error.ml_error_stack]
    return said


def fetch(future):
    """What a future comes to; its own wait looks once a second."""
    future.wait(interval=0.02)
    return future.fetch_outputs()


def main():
    space = {"matlab": matlab, "nan": float("nan"), "inf": float("inf"), "mpsexceptions": mpsexceptions}
    url = sys.argv[1]
    space["new"] = lambda where=url, **options: client.MWHttpClient(where, **options)
    space["c"] = client.MWHttpClient(url)
    space["a"] = async_client.MWHttpAsyncClient(url)
    space["fetch"] = fetch
    for line in sys.stdin:
        code = json.loads(line)
        try:
            try:
                answer = {"value": told(eval(code, space))}
            except SyntaxError:
                exec(code, space)
                answer = {"value": None}
        except Exception as error:
            answer = failed(error)
        print(json.dumps(answer), flush=True)
    space["c"].close()


main()
