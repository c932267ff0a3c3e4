// oauth2-mock-server on a port of the system's choosing, with a client whose secret is "right" or "right-and-secret", refresh
// tokens that are good for one use, and /userinfo as a protected thing that says how many tokens there were.
const { OAuth2Server } = await import(
  `${process.env.OAUTH2_MOCK_SERVER}/node_modules/oauth2-mock-server/dist/index.mjs`
);
const server = new OAuth2Server();
await server.issuer.keys.generate("RS256");
const revoked = new Set();
const known = new Set();
let issued = 0;
let signed = 0;
server.service.on("beforeTokenSigning", (token) => {
  token.payload.jti = `token-${++signed}`;
});
server.service.on("beforeResponse", (response, request) => {
  const [, secret] = Buffer.from((request.headers.authorization ?? "").slice(6), "base64").toString().split(":");
  const body = request.body;
  if (!["right", "right-and-secret"].includes(secret ?? body.client_secret) && body.client_id !== "public") {
    response.statusCode = 401;
    response.body = { error: "invalid_client", error_description: "wrong secret" };
  } else if (body.grant_type === "refresh_token" && !known.delete(body.refresh_token)) {
    response.statusCode = 400;
    response.body = { error: "invalid_grant" };
  } else if (body.fault === "500") {
    response.statusCode = 500;
    response.body = {};
  } else if (body.fault === "mac") {
    response.body.token_type = "mac";
  } else if (response.body.refresh_token) {
    known.add(response.body.refresh_token);
  }
  if (response.statusCode === 200) issued += 1;
  if (body.lifetime) response.body.expires_in = Number(body.lifetime);
});
server.service.on("beforeUserinfo", (response, request) => {
  const token = (request.headers.authorization ?? "").slice(7);
  response.body = { issued };
  if (!token || revoked.has(token)) response.statusCode = 401;
});
server.service.on("beforeRevoke", (_, request) => {
  revoked.add(request.query.token);
});
server.service.on("beforeAuthorizeRedirect", (redirect, request) => {
  if (request.query.scope === "forbidden") {
    redirect.url.searchParams.delete("code");
    redirect.url.searchParams.set("error", "access_denied");
  }
});
await server.start(0, "127.0.0.1");
console.log(server.address().port);
process.stdin.on("end", () => process.exit(0)).resume();
