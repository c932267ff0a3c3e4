// json-server on a port of the system's choosing: node server.cjs DATA.json FILES
// Lists come wrapped, with a cursor, where the query asks for that: json-server itself has no cursors.
const path = require("path");
const jsonServer = require(path.join(process.env.JSON_SERVER, "node_modules/json-server"));
const [data, files] = process.argv.slice(2);
const server = jsonServer.create();
server.use(jsonServer.defaults({ static: files, logger: false }));
server.use((request, _, next) => {
  const { cursor, ...others } = request.query;
  if (cursor) request.query = { ...others, id_gte: cursor };
  next();
});
const router = jsonServer.router(data);
router.render = (request, response) => {
  const found = response.locals.data;
  const asked = new URL(request.originalUrl, "http://localhost").searchParams;
  if (!asked.has("cursor")) return response.jsonp(found);
  const size = Number(asked.get("_limit"));
  const last = found.length ? found[found.length - 1].id : 0;
  response.jsonp({ data: found, next_cursor: found.length < size ? null : last + 1 });
};
server.use(router);
const listening = server.listen(0, "127.0.0.1", () => console.log(listening.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
