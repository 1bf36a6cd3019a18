// Starts the board: one server on one address. Requests are judged here, before Next sees a byte of them.
import { createServer } from "node:http";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import next from "next";
import { decide, doorOf, HEADERS, knownTarget, mayPass } from "./guard.mjs";
import { homesOf } from "./homes.mjs";
import { readSecret } from "./secret.mjs";

process.env.NEXT_TELEMETRY_DISABLED = "1";
process.umask(0o077);

let door;
/** @type {string[]} */
let desks = [];
try {
  door = doorOf(process.env, readSecret);
  desks = homesOf(process.env).map((home) => home.name);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(78);
}
const guarded = door;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const app = next({ dev: false, dir: root, hostname: guarded.bind, port: guarded.port });
const handle = app.getRequestHandler();
await app.prepare();

// A client that is slow with its question is let go: Node looks for such only as often as it is told to.
const LIMITS = { maxHeaderSize: 16_384, requestTimeout: 15_000, headersTimeout: 5_000, connectionsCheckingInterval: 1_000 };
const server = createServer(LIMITS, (asked, answer) => {
  for (const [name, value] of Object.entries(HEADERS)) answer.setHeader(name, value);
  const verdict = decide(
    {
      method: asked.method ?? "",
      target: asked.url ?? "",
      host: asked.headers.host,
      cookie: asked.headers.cookie,
      authorization: asked.headers.authorization,
    },
    guarded,
  );
  if (!verdict.ok) {
    answer.writeHead(verdict.status, {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      connection: "close",
      ...(verdict.status === 405 ? { allow: "GET, HEAD" } : {}),
      ...(verdict.status === 401 ? { "www-authenticate": 'Basic realm="Escapement", charset="UTF-8"' } : {}),
    });
    answer.end(`${verdict.words}\n`);
    return;
  }
  for (const name of Object.keys(asked.headers)) if (!mayPass(name)) delete asked.headers[name];
  asked.url = knownTarget(asked.url ?? "", desks);
  void handle(asked, answer);
});
server.on("upgrade", (_asked, socket) => socket.destroy());
server.on("error", (error) => {
  const taken = "code" in error && error.code === "EADDRINUSE";
  console.error(
    taken
      ? `Port ${guarded.port} on ${guarded.bind} is taken: stop what listens there, or set DASHBOARD_PORT.`
      : `The board could not listen: ${error.message}`,
  );
  process.exit(taken ? 75 : 1);
});
server.listen(guarded.port, guarded.bind, () => {
  const shown = guarded.bind.includes(":") ? `[${guarded.bind}]` : guarded.bind;
  console.log(`The board reads ${process.env.DASHBOARD_HOMES ?? process.env.BOT_HOME} and is at http://${shown}:${guarded.port}`);
});
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"]))
  process.once(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
