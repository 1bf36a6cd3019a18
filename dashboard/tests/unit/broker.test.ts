import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { accountOf, forgetBroker, readBroker, textNumbers } from "../../lib/broker";

const root = mkdtempSync(join(tmpdir(), "broker-"));
const KEY = "PKTESTKEY123456789";
const SECRET = "verysecretsecretsecretsecret";
const ACCOUNT = '{"account_number":"PA3XYZ981234","status":"ACTIVE","equity":"10000.10","cash":9000.000000000001,"last_equity":"9990"}';
writeFileSync(join(root, "key"), `${KEY}\n`, { mode: 0o600 });
writeFileSync(join(root, "secret"), `${SECRET}\n`, { mode: 0o600 });
afterAll(() => rmSync(root, { recursive: true, force: true }));

let server: Server;
let asked: { method: string; url: string; key: unknown }[] = [];
let answer: (asked: IncomingMessage, given: ServerResponse) => void;
let env: Record<string, string>;

beforeEach(async () => {
  asked = [];
  answer = (_asked, given) => void given.end(ACCOUNT);
  server = createServer((one, given) => {
    asked.push({ method: one.method ?? "", url: one.url ?? "", key: one.headers["apca-api-key-id"] });
    answer(one, given);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  env = {
    DASHBOARD_BROKER: "alpaca", DASHBOARD_ALPACA_KEY_FILE: join(root, "key"), DASHBOARD_ALPACA_SECRET_FILE: join(root, "secret"),
    DASHBOARD_BROKER_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  };
  forgetBroker();
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const QUICK = { waitMs: 200, keptMs: 30_000 };
const ask = (now = () => 0) => readBroker(env, now, QUICK);

describe("a broker that is asked", () => {
  test("gives equity and cash as the text they came as, the account masked, with one GET to one path", async () => {
    const got = await ask(() => Date.parse("2026-11-20T18:00:00Z"));
    expect(got).toEqual({ ok: true, account: {
      at: "2026-11-20T18:00:00.000Z", account: "…1234", equity: "10000.10", cash: "9000.000000000001", equityBefore: "9990", status: "ACTIVE",
    } });
    expect(asked).toEqual([{ method: "GET", url: "/v2/account", key: KEY }]);
  });
  test("is asked once in half a minute, however many pages want it at once", async () => {
    let at = 0;
    await Promise.all(Array.from({ length: 8 }, () => ask(() => at)));
    at = 29_999;
    await ask(() => at);
    expect(asked).toHaveLength(1);
    at = 30_000;
    await ask(() => at);
    expect(asked).toHaveLength(2);
    expect(new Set(asked.map((one) => one.method))).toEqual(new Set(["GET"]));
  });
  test("is not asked at all without the owner's word", async () => {
    expect(await readBroker({ ...env, DASHBOARD_BROKER: "" })).toBeNull();
    expect(await readBroker({})).toBeNull();
    expect(asked).toEqual([]);
  });
});

const FAULTS: Readonly<Record<string, readonly [(asked: IncomingMessage, given: ServerResponse) => void, RegExp]>> = {
  "that is silent": [() => undefined, /did not answer within 0\.2 s/],
  "that begins and stops": [(_asked, given) => void given.write('{"equity":'), /did not answer within/],
  "that breaks off": [(_asked, given) => { given.writeHead(200, { "content-length": "100" }); given.write("{"); setTimeout(() => given.destroy(), 20); }, /broke off|cannot be reached/],
  "that hangs up": [(asked) => void asked.socket.destroy(), /cannot be reached/],
  "that says too much": [(_asked, given) => void given.end(`{"equity":"1","cash":"1","x":"${"a".repeat(70_000)}"}`), /too large/],
  "that sends elsewhere": [(_asked, given) => { given.writeHead(302, { location: "http://127.0.0.1:1/v2/account" }); given.end(); }, /answered 302/],
  "that refuses the keys": [(_asked, given) => { given.writeHead(401); given.end(`{"message":"${SECRET}"}`); }, /refused the keys \(401\)/],
  "that is broken": [(_asked, given) => { given.writeHead(503); given.end(); }, /answered 503/],
  "that says nonsense": [(_asked, given) => void given.end("<html>"), /no account/],
  "that says a list": [(_asked, given) => void given.end("[1]"), /no account/],
  "that says NaN": [(_asked, given) => void given.end('{"equity":NaN,"cash":1}'), /no account/],
  "that leaves cash out": [(_asked, given) => void given.end('{"equity":"1"}'), /no account/],
  "whose amount is no amount": [(_asked, given) => void given.end('{"equity":"1e9","cash":"1"}'), /no account/],
};

describe("a broker", () => {
  test.each(Object.keys(FAULTS))("%s gives words and no key", async (name) => {
    const [fault, words] = FAULTS[name] ?? [() => undefined, /never/];
    answer = fault;
    const got = await ask();
    expect(got).toMatchObject({ ok: false });
    expect(got !== null && !got.ok ? got.why : "").toMatch(words);
    expect(JSON.stringify(got)).not.toContain(KEY);
    expect(JSON.stringify(got)).not.toContain(SECRET);
    expect(asked.map((one) => one.method)).toEqual(["GET"]);
  });
});

describe("what opts in", () => {
  const why = async (changes: Record<string, string>): Promise<string> => {
    const got = await readBroker({ ...env, ...changes }, () => 0, QUICK);
    return got !== null && !got.ok ? got.why : "it was asked";
  };
  test("names one broker and one environment", async () => {
    expect(await why({ DASHBOARD_BROKER: "other" })).toMatch(/expected alpaca/);
    expect(await why({ ALPACA_ENV: "production" })).toMatch(/expected paper or live/);
  });
  test.each(["https://evil.example", "http://127.0.0.1:80@evil.example", "http://127.0.0.1.evil.example:80", "http://localhost:80", "http://127.0.0.1:80/v2", "http://10.0.0.1:80"])(
    "never sends a key to %s", async (url) => {
      expect(await why({ DASHBOARD_BROKER_URL: url })).toMatch(/expected http:\/\/127\.0\.0\.1:port/);
    });
  test("keeps its keys in files that nobody else may read, and says nothing of what they hold", async () => {
    expect(await why({ DASHBOARD_ALPACA_KEY_FILE: "" })).toMatch(/DASHBOARD_ALPACA_KEY_FILE: expected the path/);
    expect(await why({ DASHBOARD_ALPACA_SECRET_FILE: join(root, "none") })).toMatch(/cannot be read/);
    const open = join(root, "open");
    writeFileSync(open, SECRET);
    chmodSync(open, 0o644);
    expect(await why({ DASHBOARD_ALPACA_SECRET_FILE: open })).toMatch(/chmod 600/);
    const lines = join(root, "lines");
    writeFileSync(lines, `${SECRET}\r\nx-evil: 1`, { mode: 0o600 });
    const said = await why({ DASHBOARD_ALPACA_SECRET_FILE: lines });
    expect(said).toMatch(/one line/);
    expect(said).not.toContain(SECRET);
    expect(asked).toEqual([]);
  });
});

test("no number passes through a float, and strings stay as they are", () => {
  expect(JSON.parse(textNumbers('{"a":-12345678901234567.89,"b":"1 \\"2\\" 3","c":[1e5,true,null]}'))).toEqual({ a: "-12345678901234567.89", b: '1 "2" 3', c: ["1e5", true, null] });
  expect(accountOf('{"account_number":"12","equity":12345678901234567.01,"cash":-1}', "now")).toMatchObject({ equity: "12345678901234567.01", cash: "-1", account: "…" });
});
