/** What somebody who wants in, or out with something, would try: each over real HTTP against the built board. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync, chmodSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PAGES, pathOf } from "../../lib/pages";
import { tableNames } from "../../lib/registry";
import { VIEWS, type ViewName } from "../../lib/schema";
import { chromiumPath, freePort, startBoard, startBrowser, type Board } from "../support/browser";
import { workshop } from "../support/homes";
import { ask, sendRaw } from "../support/raw";
import type { Overrides } from "../support/sample";

const ROOT = join(import.meta.dirname, "../..");
const SECRET_LINE = "a-line-no-answer-may-ever-hold";
const TOKEN = "a-token-of-thirty-two-characters";
const shop = workshop();
const { root } = shop;
let board: Board;

beforeAll(async () => {
  writeFileSync(join(root, "secret.txt"), `${SECRET_LINE}\n`);
  const home = shop.sample("home");
  mkdirSync(join(home, "logs"));
  symlinkSync(join(root, "secret.txt"), join(home, "orders.csv"));
  writeFileSync(join(home, ".env"), `ALPACA_SECRET=${SECRET_LINE}\n`);
  board = await startBoard({ BOT_HOME: home });
});
afterAll(async () => {
  await board?.stop();
  shop.clear();
});

/** An answer that gives nothing away: no stack, no path of ours, no secret. */
function expectQuiet(body: string, what: string): void {
  expect(body, what).not.toContain(SECRET_LINE);
  expect(body, what).not.toMatch(/\n\s+at \S+ \(|node_modules|\.next\/server|SqliteError|root:x:0/);
  expect(body, what).not.toContain(ROOT);
}

const CLIMBS = [
  "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "%252e%252e%252fetc%252fpasswd", "..%5c..%5cetc", "....//....//etc/passwd",
  "%00", "orders%00.csv", "/etc/passwd", "%2fetc%2fpasswd", "orders.csv", ".env", "..;/secret.txt", "%c0%ae%c0%ae/secret.txt", "secret.txt", "orders%0d%0aSet-Cookie:%20a=b",
];

describe("1. a path that climbs", () => {
  const places = ["/", "/desk/", "/desk/csv/", "/desk/ticks/", "/_next/static/", "/_next/static/chunks/", "/api/", "/desk/reports/", "/desk/csv/orders/"];
  test.each(places)("leads nowhere from %s", async (place) => {
    for (const climb of CLIMBS) {
      const said = await ask(board.port, place + climb);
      // The page of a tick that is none says so in words of its own.
      const fine = place === "/desk/ticks/" && said.body.includes("There is no such tick") ? [200] : [400, 404];
      expect(fine, `${place}${climb} gave ${said.status}`).toContain(said.status);
      expectQuiet(said.head + said.body, place + climb);
    }
  });
  test("counts as not asked in every parameter of every page", async () => {
    const names = ["symbol", "day", "gate", "since", "kind", "section", "span", "cycle", "desk", "before-orders", "before-ticks", "file", "path"];
    for (const [page] of PAGES) {
      const query = names.map((name, index) => `${name}=${encodeURIComponent(decodeURI(CLIMBS[index] ?? "../x").replaceAll("\0", ""))}`).join("&");
      const said = await ask(board.port, `${pathOf("desk", page)}?${query}`);
      expect(said.status, page).toBe(200);
      expectQuiet(said.body, page);
    }
  });
});

describe("2. SQL in what is asked", () => {
  const hostile = ["' OR 1=1 --", "'; DROP TABLE ticks; --", "SPY' UNION SELECT hash FROM dashboard_events --", "1 OR 1=1", "\u0000", "-1", " 1", "1; --", "%27", "*", "?"];
  test("a filter that fits no shape changes no row of any table", async () => {
    for (const table of tableNames()) {
      const plain = await ask(board.port, `/desk/csv/${table}`);
      expect(plain.status, table).toBe(200);
      for (const value of hostile) {
        const query = ["symbol", "day", "gate", "since", "kind", "section", `before-${table}`].map((name) => `${name}=${encodeURIComponent(value)}`).join("&");
        const said = await ask(board.port, `/desk/csv/${table}?${query}`);
        expect(said.body, `${table} ${value}`).toBe(plain.body);
      }
    }
  });
  test("neither a column, an order, a limit nor a view can be asked for", async () => {
    const plain = await ask(board.port, "/desk/csv/orders");
    for (const query of ["before-orders=99999999999999999999", "before-orders=0x31", "before-orders=1e9", "before-orders=NaN", "order=qty", "sort=1;DROP", "limit=1", "offset=5", "columns=hash", "view=sqlite_master", "symbol[]=SPY", "symbol=SPY&symbol=KO", "__proto__=x", "constructor=x"])
      expect((await ask(board.port, `/desk/csv/orders?${query}`)).body, query).toBe(plain.body);
    for (const name of ["sqlite_master", "dashboard_orders", "constructor", "__proto__", "toString", "ORDERS"])
      expect((await ask(board.port, `/desk/csv/${name}`)).status, name).toBe(404);
  });
  test("a tick that is no number is not there", async () => {
    for (const id of ["0", "-1", "1%20OR%201=1", "1'--", "9999999999999999", "1e1", "abc"]) {
      const said = await ask(board.port, `/desk/ticks/${id}`);
      expect([200, 404], id).toContain(said.status);
      expectQuiet(said.body, id);
    }
  });
});

describe("4. another name for this machine", () => {
  const targets = ["/", "/desk", "/desk/csv/orders", "/api/health", "/icon.svg", "/nowhere", `/_next/static/chunks/${staticFiles()[0] ?? "x.js"}`];
  test.each(["evil.example", "evil.example:PORT", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:PORT", "127.0.0.1:PORT@evil.example", "0.0.0.0:PORT", ""])("%s is not answered on any route", async (written) => {
    for (const target of targets) {
      const said = await ask(board.port, target, { host: written.replace("PORT", String(board.port)) });
      expect([400, 421], target).toContain(said.status);
      expect(said.body.length, target).toBeLessThan(200);
    }
  });
  test("a forwarded name counts for nothing", async () => {
    const said = await ask(board.port, "/desk", { headers: { "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", Forwarded: "host=evil.example" } });
    expect(said.status).toBe(200);
    expect(said.head + said.body).not.toContain("evil.example");
    const foreign = await ask(board.port, "/desk", { host: "evil.example", headers: { "X-Forwarded-Host": `127.0.0.1:${board.port}` } });
    expect(foreign.status).toBe(421);
  });
  test("an absolute target, two names and none at all are refused", async () => {
    expect((await ask(board.port, "http://evil.example/desk")).status).toBe(400);
    expect((await sendRaw(board.port, `GET /desk HTTP/1.1\r\nHost: evil.example\r\nHost: 127.0.0.1:${board.port}\r\nConnection: close\r\n\r\n`)).status).toBe(421);
    expect((await sendRaw(board.port, "GET /desk HTTP/1.0\r\n\r\n")).status).toBe(421);
  });
  test("no socket is upgraded, under any name and on any path", async () => {
    for (const target of ["/", "/_next/webpack-hmr", "/desk"])
      for (const host of [`127.0.0.1:${board.port}`, "evil.example"]) {
        const said = await ask(board.port, target, { host, headers: { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" } });
        expect(said.status, `${target} ${host}`).not.toBe(101);
        expect(said.body, `${target} ${host}`).not.toContain("SIMULATED");
      }
  });
});

describe("5. asking for a change", () => {
  test.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])("%s is refused everywhere", async (method) => {
    for (const target of ["/", "/desk", "/desk/csv/orders", "/api/health", "/_next/static/x", "/_next/image"]) {
      const said = await ask(board.port, target, { method, body: method === "TRACE" ? "" : "a=b" });
      expect([400, 405], target).toContain(said.status);
      if (said.status === 405) expect(said.headers["allow"]).toBe("GET, HEAD");
    }
  });
  test("an action of a page, by whatever header or body, runs nothing", async () => {
    for (const headers of [{ "Next-Action": "a".repeat(40) }, { "Next-Action": "x", "Content-Type": "text/x-component" }, { "X-HTTP-Method-Override": "POST" }]) {
      expect((await ask(board.port, "/desk", { method: "POST", headers, body: "[]" })).status).toBe(405);
      const got = await ask(board.port, "/desk", { headers });
      expect(got.status).toBe(200);
    }
  });
  test("no look at the board changes a byte of the ledger", async () => {
    const file = join(root, "home", "ledger.sqlite");
    const before = readFileSync(file);
    for (const [page] of PAGES) await ask(board.port, pathOf("desk", page));
    expect(readFileSync(file).equals(before)).toBe(true);
  });
});

describe("6. past the door", () => {
  let locked: Board;
  const file = join(root, "token");
  beforeAll(async () => {
    writeFileSync(file, `${TOKEN}\n`, { mode: 0o600 });
    locked = await startBoard({ BOT_HOME: join(root, "home"), DASHBOARD_TOKEN_FILE: file });
  });
  afterAll(() => locked?.stop());
  const targets = ["/", "/desk", "/desk/orders", "/desk/csv/orders", "/api/health", "/icon.svg", "/nowhere", `/_next/static/chunks/${staticFiles()[0] ?? "x.js"}`];
  test("nothing is answered without the token, whatever header, case or spelling asks for it", async () => {
    const tricks: Readonly<Record<string, string>>[] = [
      {}, { "x-middleware-subrequest": "proxy:proxy:proxy:proxy:proxy" }, { "x-middleware-subrequest": "middleware:middleware:middleware:middleware:middleware" },
      { "x-middleware-subrequest": "src/middleware" }, { "x-middleware-next": "1" }, { "x-middleware-rewrite": "/desk" }, { RSC: "1" }, { RSC: "1", "Next-Router-Prefetch": "1" }, { "x-nextjs-data": "1" },
      { Authorization: "Bearer " }, { Authorization: "Bearer undefined" }, { Authorization: `Bearer ${TOKEN.slice(0, -1)}` }, { Authorization: `Bearer ${TOKEN}x` }, { Authorization: TOKEN },
      { Authorization: `Basic ${Buffer.from(TOKEN).toString("base64")}` }, { Cookie: "escapement_token=" }, { Cookie: `Escapement_Token=${TOKEN}` }, { "X-Forwarded-For": "127.0.0.1" },
    ];
    for (const headers of tricks)
      for (const target of targets) {
        const said = await ask(locked.port, target, { headers });
        expect(said.status, `${target} ${JSON.stringify(headers)}`).toBe(401);
        expect(said.headers["www-authenticate"]).toMatch(/^Basic /);
        expectQuiet(said.body, target);
      }
    for (const target of ["/desk/", "/DESK", "/desk?_rsc=1", "/_next/data/x/desk.json", "/index", "/desk.rsc", "/desk.txt", "/?", "/_next/image?url=/icon.svg&w=64&q=75"])
      expect((await ask(locked.port, target)).status, target).toBe(401);
    for (const target of ["//desk", "/%2fdesk", "/./desk", "/desk/..%2fdesk"]) expect((await ask(locked.port, target)).status, target).toBe(400);
  });
  test("everything is, with it: as a bearer's, as a password, as a cookie", async () => {
    const ways = [{ Authorization: `Bearer ${TOKEN}` }, { Authorization: `Basic ${Buffer.from(`owner:${TOKEN}`).toString("base64")}` }, { Cookie: `theme=dark; escapement_token=${TOKEN}` }];
    for (const headers of ways)
      for (const target of targets.filter((one) => one !== "/nowhere" && one !== "/")) expect((await ask(locked.port, target, { headers })).status, target).toBe(200);
  });
  test("the token is in no answer", async () => {
    for (const target of ["/desk", "/desk/config", "/desk/csv/settings"]) {
      const said = await ask(locked.port, target, { headers: { Cookie: `escapement_token=${TOKEN}` } });
      expect(said.head + said.body, target).not.toContain(TOKEN);
    }
  });
});

describe("7. what frames, keeps or sends on", () => {
  test("every route forbids framing and guessing at types, and no page or file of data is kept", async () => {
    const data = [...PAGES.map(([page]) => pathOf("desk", page)), "/desk/ticks/5", "/desk/csv/orders", "/api/health", "/nowhere", "/desk/nowhere", "/other", "/", "/desk/csv/nowhere"];
    for (const target of [...data, "/icon.svg", ...staticFiles().slice(0, 2).map((name) => `/_next/static/chunks/${name}`), "/_next/static/nowhere.js"]) {
      const said = await ask(board.port, target);
      expect(said.headers["x-frame-options"], target).toBe("DENY");
      expect(said.headers["x-content-type-options"], target).toBe("nosniff");
      expect(said.headers["content-security-policy"], target).toMatch(/frame-ancestors 'none'/);
      expect(said.headers["referrer-policy"], target).toBe("no-referrer");
      expect(said.headers["x-powered-by"], target).toBeUndefined();
      expect(said.headers["access-control-allow-origin"], target).toBeUndefined();
      if (data.includes(target)) expect(said.headers["cache-control"], target).toMatch(/no-store/);
    }
  });
  test("the policy of a page names one nonce, anew each time, and no unsafe script", async () => {
    const nonces = new Set<string>();
    for (let time = 0; time < 3; time++) {
      const said = await ask(board.port, "/desk");
      const policy = said.headers["content-security-policy"] ?? "";
      const scripts = policy.split("; ").find((part) => part.startsWith("script-src ")) ?? "";
      expect(scripts).not.toMatch(/unsafe|http|\*/);
      nonces.add(/'nonce-([^']+)'/.exec(scripts)?.[1] ?? "");
      expect(said.head.match(/content-security-policy:/gi)?.length).toBe(1);
    }
    expect(nonces.size).toBe(3);
    expect(nonces.has("")).toBe(false);
  });
  test("nothing leads elsewhere", async () => {
    for (const target of ["/?next=//evil.example", "/?url=https://evil.example", "/evil.example", "/https:evil.example", "/desk?return=//evil.example"]) {
      const said = await ask(board.port, target);
      expect(said.headers["location"] ?? "/desk", target).toMatch(/^(http:\/\/127\.0\.0\.1:\d+)?\/desk/);
      expect(said.headers["set-cookie"], target).toBeUndefined();
    }
  });
});

test("8. the image route fetches nothing, from here or elsewhere", async () => {
  let asked = 0;
  const inside = createServer((_question, answer) => {
    asked += 1;
    answer.end("inside");
  });
  const port = await freePort();
  await new Promise<void>((resolve) => inside.listen(port, "127.0.0.1", () => resolve()));
  try {
    for (const url of [`http://127.0.0.1:${port}/x.png`, "https://evil.example/x.png", "/icon.svg", "//evil.example/x.png", "file:///etc/passwd"]) {
      const said = await ask(board.port, `/_next/image?url=${encodeURIComponent(url)}&w=64&q=75`);
      expect([400, 404], url).toContain(said.status);
      expectQuiet(said.body, url);
    }
    expect(asked).toBe(0);
  } finally {
    inside.close();
  }
});

describe("9. where it listens", () => {
  const start = (env: Readonly<Record<string, string>>) => spawnSync(process.execPath, ["server/start.mjs"], {
    cwd: ROOT, encoding: "utf8", timeout: 20_000,
    env: { PATH: process.env["PATH"] ?? "", NODE_ENV: "production", BOT_HOME: join(root, "home"), DASHBOARD_PORT: String(board.port), ...env },
  });
  test.each(["0.0.0.0", "::", "192.168.1.5"])("on %s without a token it does not start", (bind) => {
    const done = start({ DASHBOARD_BIND: bind });
    expect(done.status).toBe(78);
    expect(done.stderr).toMatch(/DASHBOARD_TOKEN_FILE/);
    expect(done.stderr).not.toMatch(/\n\s+at /);
  });
  test("a token others may read, one that is not there, and a home that is not named end it with words", () => {
    const open = join(root, "open-token");
    writeFileSync(open, TOKEN);
    chmodSync(open, 0o644);
    for (const [env, words] of [[{ DASHBOARD_TOKEN_FILE: open }, /chmod 600/], [{ DASHBOARD_TOKEN_FILE: join(root, "none") }, /none/],
      [{ BOT_HOME: "" }, /BOT_HOME/], [{ DASHBOARD_HOMES: "no equals sign" }, /name=path/], [{ DASHBOARD_HOMES: "a=/x,a=/y" }, /name of its own/]] as const) {
      const done = start(env);
      expect(done.status, JSON.stringify(env)).toBe(78);
      expect(done.stderr).toMatch(words);
      expect(done.stderr).not.toMatch(/\n\s+at /);
    }
  });
  test("a port that is taken ends it with 75 and words", () => {
    const done = start({});
    expect(done.status).toBe(75);
    expect(done.stderr).toMatch(/is taken/);
  });
  test("it listens on loopback alone", async () => {
    const hex = board.port.toString(16).toUpperCase().padStart(4, "0");
    if (!existsSync("/proc/net/tcp")) return;
    const listening = readFileSync("/proc/net/tcp", "utf8").split("\n").map((line) => line.trim().split(/\s+/)).filter((parts) => parts[3] === "0A" && parts[1]?.endsWith(`:${hex}`));
    expect(listening.map((parts) => parts[1])).toEqual([`0100007F:${hex}`]);
  });
});

describe("10. too much", () => {
  test("an address, headers and a list without end are refused", async () => {
    expect((await ask(board.port, `/desk?symbol=${"A".repeat(5_000)}`)).status).toBe(414);
    expect((await ask(board.port, "/desk", { headers: { Cookie: "a=".padEnd(40_000, "b") } })).status).toBe(431);
    expect((await ask(board.port, `/desk/orders?${"symbol=SPY&".repeat(150)}`)).status).toBe(200);
    expect((await ask(board.port, `/desk?${"a[".repeat(500)}`)).status).toBe(200);
  });
  test("a router state that is nonsense or deep is no more than an error without words", async () => {
    for (const state of ["nonsense", "%5B%5D", "[".repeat(7_000), encodeURIComponent(JSON.stringify(["", {}, null, null, true])), "%00", "null"]) {
      const said = await ask(board.port, "/desk", { headers: { RSC: "1", "Next-Router-State-Tree": state } });
      expect(said.status, state.slice(0, 20)).toBeLessThan(600);
      expectQuiet(said.body, state.slice(0, 20));
    }
    expect((await ask(board.port, "/desk")).status).toBe(200);
  });
  test("line ends in an address or a header go nowhere, the log included", async () => {
    await ask(board.port, "/desk%0d%0aInjected:%20yes");
    await ask(board.port, "/desk?symbol=%0d%0aInjected:%20yes");
    const said = await ask(board.port, "/desk/csv/orders?symbol=%0d%0aInjected:%20yes");
    expect(said.head).not.toMatch(/^Injected/m);
    expect(board.said()).not.toMatch(/^Injected/m);
  });
  test("a client that does not finish its question is let go, and others are answered meanwhile", async () => {
    const began = Date.now();
    const slow = sendRaw(board.port, "GET /desk HTTP/1.1\r\nHost: 127.0.0.1", 30_000);
    expect((await ask(board.port, "/desk")).status).toBe(200);
    const said = await slow;
    expect([0, 408]).toContain(said.status);
    expect(Date.now() - began).toBeLessThan(12_000);
  });
  test("a cell that a spreadsheet would run is defused, in every table", async () => {
    const formulas = ["=cmd|' /C calc'!A0", "+1+cmd|x", "-2+3+cmd|x", "@SUM(1+1)", "\t=1+1", "\r=1+1", '=HYPERLINK("http://evil.example","x")', "|calc"];
    const home = shop.sample("formulas", everywhere((row) => formulas[row % formulas.length] ?? ""));
    const other = await startBoard({ BOT_HOME: home });
    try {
      for (const table of tableNames()) {
        const said = await ask(other.port, `/desk/csv/${table}`);
        expect(said.status, table).toBe(200);
        for (const cell of cellsOf(said.body)) expect(cell, table).not.toMatch(/^[=+@\t\r|]|^-(?!\d+(\.\d+)?$)/);
      }
    } finally {
      await other.stop();
    }
  });
});

describe("11. what is given away", () => {
  test("no error tells where it happened", async () => {
    for (const target of ["/nowhere", "/desk/nowhere", "/other", "/desk/csv/nowhere", "/api/nowhere", "/_next/nowhere", "/favicon.ico", "/robots.txt", "/.env", "/package.json", "/server/start.mjs", "/schema.json"]) {
      const said = await ask(board.port, target);
      expect(said.status, target).toBe(404);
      expectQuiet(said.body, target);
    }
  });
  test("what browsers are sent holds no key, no setting and no map of the source", () => {
    const files = everyFile(join(ROOT, ".next", "static"));
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) {
      expect(file).not.toMatch(/\.map$/);
      if (!/\.(js|css|json)$/.test(file)) continue;
      const code = readFileSync(file, "utf8");
      expect(code, file).not.toMatch(/BOT_HOME|BOT_MODE|ALPACA|DASHBOARD_|TOKEN_FILE|sourceMappingURL|libsql|dashboard_orders|ledger\.sqlite/);
    }
  });
  test("the files that SQLite makes beside the ledger have the ledger's own mode", async () => {
    for (const mode of [0o600, 0o660]) {
      const home = shop.sample(`mode-${mode.toString(8)}`);
      chmodSync(join(home, "ledger.sqlite"), mode);
      const other = await startBoard({ BOT_HOME: home });
      try {
        expect((await ask(other.port, "/desk")).status).toBe(200);
        const made = readdirSync(home).filter((name) => name.startsWith("ledger.sqlite"));
        expect(made.length).toBeGreaterThan(1);
        for (const name of made) expect(statSync(join(home, name)).mode & 0o777, name).toBe(mode);
      } finally {
        await other.stop();
      }
    }
  });
  test("it ends within three seconds of being told to, an open connection or not", async () => {
    const other = await startBoard({ BOT_HOME: join(root, "home") });
    const hanging = sendRaw(other.port, `GET /desk HTTP/1.1\r\nHost: 127.0.0.1:${other.port}\r\n\r\n`, 20_000);
    await ask(other.port, "/desk");
    const began = Date.now();
    await other.stop();
    expect(Date.now() - began).toBeLessThan(3_000);
    await hanging;
  });
});

describe("3. a script in the data", () => {
  let browser: Browser | undefined;
  let other: Board | undefined;
  const evil = (row: number, column: string): string =>
    [`<script>window.__ran="${column}"</script>`, `<img src=x onerror="window.__ran='${column}'">`, `javascript:window.__ran="${column}"`, `"><svg onload=window.__ran=1>`,
      `</script><script>window.__ran=2</script>`, `{{constructor.constructor('window.__ran=3')()}}`, "[x](javascript:window.__ran=4)"][row % 7] ?? "";
  afterAll(async () => {
    await browser?.close();
    await other?.stop();
  });
  test("is shown as text on every page, and never runs", async ({ skip }) => {
    if (chromiumPath() === null) skip("no Chromium here");
    other = await startBoard({ BOT_HOME: shop.sample("evil", everywhere(evil)) });
    browser = await startBrowser();
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
    page.on("dialog", (dialog) => { complaints.push(dialog.message()); void dialog.dismiss(); });
    let shown = 0;
    for (const path of [...PAGES.map(([name]) => pathOf("desk", name)), "/desk/ticks/5", "/desk/orders?symbol=%3Cscript%3Ewindow.__ran=9%3C/script%3E", "/%3Cscript%3Ewindow.__ran=8%3C%2Fscript%3E"]) {
      await page.goto(other.url + path, { waitUntil: "load" });
      await page.waitForTimeout(100);
      const found = await page.evaluate(() => ({
        ran: (window as unknown as { __ran?: unknown }).__ran ?? null,
        images: document.querySelectorAll("main img, main svg[onload]").length,
        links: [...document.querySelectorAll("a")].map((link) => link.getAttribute("href") ?? "").filter((href) => !/^([/#?](?!\/)|https:\/\/www\.tradingview\.com\/)/.test(href)),
        inline: [...document.querySelectorAll("*")].filter((one) => [...one.attributes].some((attribute) => attribute.name.startsWith("on"))).length,
        text: document.body.innerText,
      }));
      expect(found, path).toMatchObject({ ran: null, images: 0, links: [], inline: 0 });
      if (found.text.includes("onerror=") || found.text.includes("<script>")) shown += 1;
    }
    expect(shown, "pages that show it as text").toBeGreaterThan(8);
    expect(complaints.filter((said) => !said.includes("404"))).toEqual([]);
  });
});

/** Put a value into every column of text of every view. */
function everywhere(value: (row: number, column: string) => string): Overrides {
  const words = new Set(["text", "symbol", "id", "json"]);
  return Object.fromEntries((Object.keys(VIEWS) as ViewName[]).map((view) => [view, Array.from({ length: view === "dashboard_desk" ? 1 : 12 }, (_, row) =>
    Object.fromEntries(Object.entries(VIEWS[view]).filter(([, kind]) => words.has(kind)).map(([column]) => [column, value(row, column)])))]));
}

function cellsOf(csv: string): string[] {
  return [...csv.matchAll(/(?:^|,|\r\n)(?:"((?:[^"]|"")*)"|([^",\r\n]*))/g)].map((match) => (match[1] ?? match[2] ?? "").replaceAll('""', '"'));
}

function staticFiles(): string[] {
  const folder = join(ROOT, ".next", "static", "chunks");
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".js")) : [];
}

function everyFile(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? everyFile(join(folder, one.name)) : [join(folder, one.name)]));
}
