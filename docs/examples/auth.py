"""Who we are: keys, a token of our own that is renewed, and a store for tokens."""

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from arcuate.integrations import (
    APIKeyAuthenticator,
    BaseAuthenticator,
    BasicAuthenticator,
    EncryptedStore,
    RESTAPIClient,
)

os.environ["STATION_KEY"] = "k-123456"
key = APIKeyAuthenticator("env:STATION_KEY")
print(key, key.authenticate())
print(BasicAuthenticator("Aladdin").authenticate({"password": "open sesame"}))

store = EncryptedStore("tokens", "a long passphrase")
store.save("ours", {"access_token": "t-1"})
print(store.load("ours"), store.load("theirs"))


class Guarded(BaseHTTPRequestHandler):
    """Takes the second token only."""

    def do_GET(self):
        good = self.headers["Authorization"] == "Bearer second"
        self.send_response(200 if good else 401)
        self.end_headers()
        self.wfile.write(b'{"level": 3}' if good else b"")

    def log_message(self, *_):
        pass


class Renewed(BaseAuthenticator):
    """A token, and another one when the server refuses the first."""

    def authenticate(self, credentials=None):
        return {"Authorization": "Bearer first"}

    def refresh_token(self, refresh_token=None):
        print("the server refuses the first token")
        return {"Authorization": "Bearer second"}


server = ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
threading.Thread(target=server.serve_forever, daemon=True).start()
with RESTAPIClient(url=f"http://127.0.0.1:{server.server_port}", auth=Renewed()) as client:
    print(client.get("level"))
    print(client.get("level"))
server.shutdown()
