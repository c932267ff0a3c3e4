"""The connector of own_connector/instrument.py: used, asked for its health, and tested by the kit."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).with_name("own_connector")
sys.path.insert(0, str(FOLDER))
from instrument import Instrument  # noqa: E402
from simulator import simulator  # noqa: E402

from arcuate.integrations import IntegrationError  # noqa: E402

with simulator() as url, Instrument(url=url, access_code="open-sesame-17") as meter:
    print(float(meter.ask("MEAS:VOLT?")), "V")
    health = meter.health()
    print(health.status, health.facts)
    try:
        meter.ask("MEAS:LUCK?")
    except IntegrationError as error:
        print(type(error).__name__, error)

command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", str(FOLDER)]
tested = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
print("the kit finds nothing" if tested.returncode == 0 else tested.stdout)
