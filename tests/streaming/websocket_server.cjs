// ws on a port of the system's choosing. What a connection does is in its path.
const path = require("path");
const { WebSocketServer } = require(path.join(process.env.WS, "node_modules/ws"));
const http = require("http");
const https = require("https");
const fs = require("fs");
const state = { said: [], begun: [], pings: 0, sent: 0, idle: 0 };
const pem = process.argv[2] && fs.readFileSync(process.argv[2]);
const answer = (request, response) => response.end(JSON.stringify(state));
const server = pem ? https.createServer({ key: pem, cert: pem }, answer) : http.createServer(answer);
const sockets = new WebSocketServer({ noServer: true });
server.on("upgrade", (request, socket, head) => {
  const url = new URL(request.url, "http://localhost");
  const status = url.searchParams.get("refuse");
  if (status) return socket.end(`HTTP/1.1 ${status} X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  if (url.pathname === "/private" && request.headers.authorization !== "Bearer good")
    return socket.end("HTTP/1.1 401 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  sockets.handleUpgrade(request, socket, head, (one) => {
    one.on("error", () => {});
    one.on("ping", () => (state.pings += 1));
    ways[url.pathname.slice(1)](one, url.searchParams);
  });
});
const ways = {
  listen: (one) => one.on("message", (data, binary) => state.said.push([binary, data.toString("base64")])),
  echo: (one) => one.on("message", (data, binary) => one.send(data, { binary })),
  all: (one) =>
    one.on("message", (data, binary) => sockets.clients.forEach((other) => other.send(data, { binary }))),
  private: (one) => one.close(1000),
  quiet: () => {},
  deaf: (one) => one.pause(),
  close: (one, query) => one.close(Number(query.get("code")), "because"),
  once: (one, query) => {
    for (let n = 0; n < Number(query.get("times")); n++) one.send(String(n));
    one.close();
  },
  idle: (one, query) => {
    state.idle += 1;
    setTimeout(() => one._socket.end(), Number(query.get("for")));
  },
  text: (one, query) => {
    for (const text of query.getAll("text")) one.send(text);
    one.send(Buffer.from([255, 0]));
    one.close(1000);
  },
  // numbers after the last that the reader says it has; each connection is cut after some of them
  ticks: (one, query) =>
    one.on("message", (data) => {
      const asked = JSON.parse(data);
      state.begun.push(asked);
      const last = Number(query.get("last"));
      const first = (asked.after ?? 0) + 1;
      const upto = Math.min(last, first - 1 + Number(query.get("each")));
      for (let id = first; id <= upto; id++)
        one.send(JSON.stringify({ id, topic: asked.topic }), () => {
          if (id === upto && upto < last) one._socket.end();
        });
      if (upto === last) one.close(1000);
    }),
  many: async (one, query) => {
    const data = Buffer.alloc(Number(query.get("size")));
    for (let n = 0; n < Number(query.get("count")); n++) {
      await new Promise((done) => one.send(data, done));
      state.sent = n + 1;
    }
    one.close(1000);
  },
};
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
