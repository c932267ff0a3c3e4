// graphql-yoga with graphql-ws, on a port of the system's choosing. /state says what it saw; "stop" on stdin's lines
// does nothing: it ends with its stdin.
import { createRequire } from "node:module";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
const require = createRequire(`${process.env.GRAPHQL_YOGA}/node_modules/x.js`);
const { createSchema, createYoga } = require("graphql-yoga");
const { GraphQLError } = require("graphql");
const { useServer } = require("graphql-ws/use/ws");
const { WebSocketServer } = require("ws");
const stations = Array.from({ length: 23 }, (_, n) => ({ id: `${n + 1}`, name: `station ${n + 1}`, height: (n + 1) * 1.5 }));
const state = { posts: 0, bodies: [], notes: [], handshakes: 0, inits: [], ended: 0 };
const tokens = new Set(["good", "new"]);
const who = (headers) => (headers?.authorization ?? headers?.Authorization ?? "").slice(7);
const refused = () => new GraphQLError("who are you?", { extensions: { code: "UNAUTHENTICATED" } });
const sockets = new Set();
const schema = createSchema({
  typeDefs: /* GraphQL */ `
    type Station { id: ID! name: String! height: Float broken: String }
    type PageInfo { hasNextPage: Boolean! endCursor: String hasPreviousPage: Boolean! startCursor: String }
    type Edge { cursor: String! node: Station! }
    type Stations { nodes: [Station!]! edges: [Edge!]! pageInfo: PageInfo! }
    type Marked { items: [Station!]! next: String }
    type Tick { id: Int! token: String at: String }
    input NoteInput { text: String! tags: [String!] }
    type Note { id: ID! text: String! tags: [String!]! }
    type Query {
      station(id: ID!): Station
      stations(first: Int = 10, after: String, last: Int, before: String): Stations!
      marked(mark: String): Marked!
      circle(after: String): Stations!
      echo(text: String, number: Float, ids: [ID!]): String!
      secret: String!
      slowdown: String
      big(size: Int!): String!
    }
    scalar File
    type Kept { name: String! type: String! size: Int! sha256: String! }
    type Mutation { note(input: NoteInput!): Note! fail(text: String): Note
      keep(files: [File!]!, text: String, token: Boolean): [Kept!]! }
    type Subscription { ticks(after: Int = 0, last: Int!, each: Int, code: Int): Tick!  burst(size: Int!): String!
      wrong: Tick  half: Tick  quiet: Tick }
  `,
  resolvers: {
    Station: { broken: () => { throw new GraphQLError("it is broken", { extensions: { code: "BROKEN" } }); } },
    Query: {
      station: (_, { id }) => stations.find((one) => one.id === id) ?? null,
      stations: (_, { first, after, last, before }) => {
        const upto = before ? Number(before) - 1 : stations.length;
        const begin = last ? Math.max(0, upto - last) : after ? Number(after) : 0;
        const nodes = stations.slice(begin, last ? upto : begin + first);
        const end = begin + nodes.length;
        return { nodes, edges: nodes.map((node) => ({ node, cursor: node.id })), pageInfo: { hasNextPage: end < stations.length,
          endCursor: `${end}`, hasPreviousPage: begin > 0, startCursor: `${begin + 1}` } };
      },
      marked: (_, { mark }) => {
        const begin = Number(mark ?? 0);
        return { items: stations.slice(begin, begin + 9), next: begin + 9 < stations.length ? `${begin + 9}` : null };
      },
      circle: () => ({ nodes: stations.slice(0, 2), edges: [], pageInfo: { hasNextPage: true, endCursor: "2" } }),
      echo: (_, args) => JSON.stringify(args),
      secret: (_, __, { request }) => {
        if (!tokens.has(who(Object.fromEntries(request.headers)))) throw refused();
        return "the secret";
      },
      slowdown: () => { throw new GraphQLError("slow down", { extensions: { code: "RATE_LIMITED" } }); },
      big: (_, { size }) => "x".repeat(size),
    },
    Mutation: {
      note: (_, { input }) => {
        state.notes.push(input.text);
        return { id: `${state.notes.length}`, tags: [], ...input };
      },
      keep: (_, { files, text, token }, { request }) => {
        if (text) state.notes.push(text);
        if (token && !tokens.has(who(Object.fromEntries(request.headers)))) throw refused();
        return files.map(async (file) => {
          const data = Buffer.from(await file.arrayBuffer());
          return { name: file.name, type: file.type, size: data.length, sha256: createHash("sha256").update(data).digest("hex") };
        });
      },
      fail: (_, { text }) => {
        state.notes.push(text);
        throw new GraphQLError("it failed half way");
      },
    },
    Subscription: {
      ticks: {
        subscribe: async function* (_, { after, last, each, code }, context) {
          const upto = Math.min(last, after + (each ?? last));
          for (let id = after + 1; id <= upto; id++) yield { ticks: { id, token: context.token } };
          if (upto < last) {
            await new Promise((done) => setTimeout(done, 20)); // the events are on their way
            code ? context.socket.close(code, "so it is") : context.socket._socket.end();
            await new Promise(() => {});
          }
        },
      },
      burst: { subscribe: async function* (_, { size }) { while (true) { await new Promise((done) => setTimeout(done, 5));
        yield { burst: require("crypto").randomBytes(size).toString("base64") }; } } },
      wrong: { subscribe: () => { throw new GraphQLError("there is none", { extensions: { code: "NOT_FOUND" } }); } },
      half: { subscribe: async function* () { yield { half: { id: 1 } }; yield { half: { at: "no id" } }; yield { half: { id: 3 } }; } },
      quiet: { subscribe: () => {
        let first = true;
        return {
          [Symbol.asyncIterator]() { return this; },
          next: () => first ? ((first = false), Promise.resolve({ value: { quiet: { id: 1 } } })) : new Promise(() => {}),
          return: () => { state.ended += 1; return Promise.resolve({ done: true }); },
        };
      } },
    },
  },
});
const yoga = createYoga({ schema, logging: false, graphiql: false, maskedErrors: true });
const server = createServer((request, response) => {
  if (request.url === "/state") return response.end(JSON.stringify(state));
  if (request.url.startsWith("/revoke")) return response.end(String(tokens.delete(request.url.split("=")[1])));
  if (request.url.startsWith("/grant")) return response.end(String(Boolean(tokens.add(request.url.split("=")[1]))));
  if (request.method === "POST") state.posts += 1;
  return yoga(request, response);
});
const listening = new WebSocketServer({ server, path: yoga.graphqlEndpoint });
useServer({
  schema,
  connectionInitWaitTimeout: 3000,
  onConnect: ({ connectionParams, extra }) => {
    state.handshakes += 1;
    state.inits.push(connectionParams);
    extra.token = who(connectionParams);
    return !connectionParams?.strict || tokens.has(extra.token);
  },
  context: ({ extra }) => ({ token: extra.token, socket: extra.socket }),
}, listening);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
