"""Moto's server of S3 in a process of its own: prints its port, ends when its stdin is closed.

The bucket ``many`` has more objects than one answer of S3 lists.
"""

import logging
import sys

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
backend.create_bucket("many", "us-east-1")
for number in range(1203):
    backend.put_object("many", f"objects/{number:04d}", b"x" * (number % 3))
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
