"""Time limits, interrupts, crashes and output."""

import os
import signal

from arcuate.client import connect
from arcuate.errors import CallCancelled, EnvironmentCrashed, RemoteError

with connect("octave") as octave, connect("r") as r:
    octave["kept"] = 42.0
    try:
        octave.call("pause", 60, timeout=0.2)
    except TimeoutError:
        print("time is up; kept =", octave["kept"])

    future = octave.submit("pause", 60)
    while not octave.interrupt():  # as soon as it runs
        pass
    try:
        future.result()
    except CallCancelled:
        print("interrupted; kept =", octave["kept"])

    try:
        r.call("log", "no number")
    except RemoteError as error:
        print(error.classes[0], "-", error.message)

    try:
        octave.run(f"kill({octave.info['pid']}, {int(signal.SIGSEGV)}); pause(60)")
    except EnvironmentCrashed as error:
        print(str(error).splitlines()[0])
    print("R goes on:", r.eval("1 + 1"), "and Octave starts afresh:", "kept" in octave)

    lines = []
    r.run("for (i in 1:3) cat(i, '\n')", on_output=lambda stream, text: lines.append(text))
    print("".join(lines).split())
    print(os.getpid() != r.info["pid"])
