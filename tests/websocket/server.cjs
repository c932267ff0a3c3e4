// ws on a port of the system's choosing. What a connection does is in its path; 'state' is of the whole server.
const path = require("path");
const { WebSocketServer } = require(path.join(process.env.WS, "node_modules/ws"));
const http = require("http");
const crypto = require("crypto");
const state = { handshakes: 0, said: [], tokens: {}, sent: 0, pings: 0 };
const server = http.createServer((request, response) => {
  if (request.url.startsWith("/redirect")) return response.writeHead(302, { Location: "/echo" }).end();
  if (request.url === "/state") return response.end(JSON.stringify(state));
  response.end("hello");
});
const sockets = new WebSocketServer({ noServer: true, maxPayload: 1 << 20, perMessageDeflate: true,
  handleProtocols: (offered) => (offered.has("b") ? "b" : false) });
server.on("upgrade", (request, socket, head) => {
  const url = new URL(request.url, "http://localhost");
  state.handshakes += 1;
  const refuse = (status, ...more) =>
    socket.end([`HTTP/1.1 ${status} X`, "Connection: close", "Content-Length: 4", ...more, "", "nono"].join("\r\n"));
  const status = url.searchParams.get("refuse");
  if (status && state.handshakes <= Number(url.searchParams.get("until") ?? Infinity))
    return refuse(status, ...(url.searchParams.has("after") ? [`Retry-After: ${url.searchParams.get("after")}`] : []),
      "Location: /echo");
  const token = (request.headers.authorization ?? "").slice(7);
  if (url.pathname === "/private" && !state.tokens[token] && token !== "good" && token !== "new")
    return refuse(401);
  sockets.handleUpgrade(request, socket, head, (one) => {
    one.on("error", () => {});
    ways[url.pathname.slice(1)](one, url.searchParams, token);
  });
});
const range = (first, last) => Array.from({ length: last - first + 1 }, (_, n) => first + n);
const ways = {
  echo: (one) => one.on("message", (data, binary) => one.send(data, { binary })),
  listen: (one) => one.on("message", (data) => state.said.push(String(data))),
  // {"after": n}: numbers from n + 1 to 'last', but each connection ends after 'each' by the code 'code'
  ticks: (one, query) =>
    one.on("message", (data) => {
      const after = JSON.parse(data).after ?? 0;
      const [last, code] = [Number(query.get("last")), Number(query.get("code"))];
      const upto = Math.min(last, after + Number(query.get("each")));
      const cut = () => one._socket.end(); // no closing handshake
      for (const id of range(after + 1, upto)) one.send(JSON.stringify({ id }), id === upto && upto < last && !code ? cut : () => {});
      if (upto === last) return one.close(1000, "that is all");
      if (code) one.close(code);
    }),
  close: (one, query) => one.close(Number(query.get("code")), query.get("reason") ?? ""),
  many: async (one, query) => {
    const data = crypto.randomBytes(Number(query.get("size")));
    for (let n = 0; n < Number(query.get("count")); n++) {
      await new Promise((done) => one.send(data, done));
      state.sent = n + 1;
    }
    one.close(1000);
  },
  text: (one, query) => {
    for (const text of query.getAll("text")) one.send(text);
    if (query.has("end")) one.close(1000);
  },
  deaf: (one) => one.pause(),
  quiet: (one) => one.on("ping", () => (state.pings += 1)),
  // says one thing, then finds that the token has ended; "new" has no end
  private: (one, _, token) => {
    one.send(JSON.stringify({ id: 1, token }));
    if (token !== "new") one.close(4401, "Unauthorized");
    else one.close(1000);
  },
};
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
