// oidc-provider on a port of the system's choosing, with the device flow and a public client "device".
import { createServer } from "node:http";
console.warn = console.info = () => {}; // that it is for development only
const { Provider } = await import(`${process.env.OIDC_PROVIDER}/node_modules/oidc-provider/lib/index.js`);
let handle;
const server = createServer((request, response) => handle(request, response));
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  const grant = "urn:ietf:params:oauth:grant-type:device_code";
  const usual = { grant_types: [grant, "refresh_token"], redirect_uris: [], response_types: [] };
  const provider = new Provider(`http://localhost:${port}`, {
    clients: [
      { ...usual, client_id: "device", token_endpoint_auth_method: "none" },
      { ...usual, client_id: "secret", client_secret: "right-secret", token_endpoint_auth_method: "client_secret_basic" },
    ],
    features: { deviceFlow: { enabled: true } },
    ttl: { DeviceCode: 600, AccessToken: 600, Session: 600, Grant: 600, Interaction: 600, IdToken: 600, RefreshToken: 600 },
    cookies: { keys: ["only for tests"] },
  });
  handle = provider.callback();
  console.log(port);
});
process.stdin.on("end", () => process.exit(0)).resume();
