import { describe, expect, test } from "vitest";
import { decide, doorOf, isLoopback, knownTarget, mayPass, passwordIn, isPlainTarget, sameSecret, tokenIn, type Door, type Question } from "../../server/guard.mjs";

const DOOR: Door = { bind: "127.0.0.1", port: 3030, hosts: ["127.0.0.1:3030", "localhost:3030", "[::1]:3030"], token: "" };
const LOCKED: Door = { ...DOOR, token: "a-secret-of-24-characters" };
const asked = (changes: Partial<Question> = {}): Question =>
  ({ method: "GET", target: "/desk", host: "127.0.0.1:3030", cookie: undefined, authorization: undefined, ...changes });
const noFile = (): never => { throw new Error("no file was expected to be read"); };

describe("who is answered", () => {
  test.each(["127.0.0.1:3030", "localhost:3030", "LOCALHOST:3030", "[::1]:3030"])("the own name %s is", (host) => {
    expect(decide(asked({ host }), DOOR)).toEqual({ ok: true });
  });
  test.each(["evil.example:3030", "127.0.0.1:3031", "127.0.0.1", "", undefined, "127.0.0.1:3030.evil.example", "evil@127.0.0.1:3030"])("the name %s is not", (host) => {
    expect(decide(asked({ host }), DOOR)).toMatchObject({ ok: false, status: 421 });
  });
  test("the name is judged before anything else, so that a foreign page learns nothing", () => {
    expect(decide(asked({ host: "evil.example", method: "POST", target: "//" }), LOCKED)).toMatchObject({ status: 421 });
  });
  test.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", ""])("the method %s is refused", (method) => {
    expect(decide(asked({ method }), DOOR)).toMatchObject({ ok: false, status: 405 });
  });
  test("HEAD reads too", () => expect(decide(asked({ method: "HEAD" }), DOOR)).toEqual({ ok: true }));
  test("an address over 2,048 characters is refused", () => {
    expect(decide(asked({ target: `/${"a".repeat(2047)}` }), DOOR)).toEqual({ ok: true });
    expect(decide(asked({ target: `/${"a".repeat(2048)}` }), DOOR)).toMatchObject({ ok: false, status: 414 });
  });
});

describe("a path", () => {
  test.each(["/", "/desk/orders?symbol=SPY", "/desk/csv/orders", "/_next/static/chunks/a.js", "/desk?x=../.."])("%s is plain", (target) => {
    expect(isPlainTarget(target)).toBe(true);
  });
  test.each([
    "/../etc/passwd", "/desk/../../x", "/%2e%2e/x", "/desk/%2e%2e%2fx", "/%252e%252e/x", "//evil.example", "/desk//orders", "/desk%2f%2fx",
    "/desk\\x", "/desk%5cx", "/desk%00", "/desk%0d%0aSet-Cookie:x", "/%", "/%zz", "http://evil.example/", "desk", "*", "",
  ])("%s is not", (target) => expect(isPlainTarget(target)).toBe(false));
});

describe("the token", () => {
  test("is asked for where one is set", () => {
    expect(decide(asked(), LOCKED)).toMatchObject({ ok: false, status: 401 });
    expect(decide(asked({ authorization: "Bearer wrong" }), LOCKED)).toMatchObject({ status: 401 });
    expect(decide(asked({ cookie: "escapement_token=wrong" }), LOCKED)).toMatchObject({ status: 401 });
  });
  test("opens as a header and as a cookie", () => {
    expect(decide(asked({ authorization: `Bearer ${LOCKED.token}` }), LOCKED)).toEqual({ ok: true });
    expect(decide(asked({ cookie: `theme=dark; escapement_token=${LOCKED.token}` }), LOCKED)).toEqual({ ok: true });
  });
  test("opens as the password a browser asks its person for, under any name", () => {
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
    expect(decide(asked({ authorization: basic(`owner:${LOCKED.token}`) }), LOCKED)).toEqual({ ok: true });
    expect(decide(asked({ authorization: basic(`:${LOCKED.token}`) }), LOCKED)).toEqual({ ok: true });
    expect(decide(asked({ authorization: basic(`${LOCKED.token}:`) }), LOCKED)).toMatchObject({ status: 401 });
    expect(decide(asked({ authorization: basic(LOCKED.token) }), LOCKED)).toMatchObject({ status: 401 });
    expect([passwordIn(basic("a:b:c")), passwordIn("Basic !!"), passwordIn(undefined)]).toEqual(["b:c", "", ""]);
  });
  test("is compared by digest, whatever its length", () => {
    expect(sameSecret("a", "a")).toBe(true);
    expect(sameSecret("a", "a much longer one")).toBe(false);
    expect(sameSecret("", LOCKED.token)).toBe(false);
  });
  test("is found among other cookies only under its own name", () => {
    expect(tokenIn("xescapement_token=1; escapement_token=a=b")).toBe("a=b");
    expect(tokenIn(undefined)).toBe("");
  });
});

describe("the door", () => {
  test("is loopback without a word", () => {
    expect(doorOf({}, noFile)).toEqual(DOOR);
  });
  test.each(["0.0.0.0", "::", "192.168.1.5", "10.0.0.1"])("on %s needs a token", (bind) => {
    expect(() => doorOf({ DASHBOARD_BIND: bind }, noFile)).toThrow(/DASHBOARD_TOKEN_FILE/);
  });
  test("on another address with a token answers to that address", () => {
    const door = doorOf({ DASHBOARD_BIND: "192.168.1.5", DASHBOARD_TOKEN_FILE: "f" }, () => ({ text: `${LOCKED.token}\n`, open: false }));
    expect(door.token).toBe(LOCKED.token);
    expect(door.hosts).toContain("192.168.1.5:3030");
    expect(doorOf({ DASHBOARD_BIND: "0.0.0.0", DASHBOARD_TOKEN_FILE: "f" }, () => ({ text: LOCKED.token, open: false })).hosts).toEqual(DOOR.hosts);
  });
  test("refuses a token that others may read, and one that is short", () => {
    expect(() => doorOf({ DASHBOARD_TOKEN_FILE: "f" }, () => ({ text: LOCKED.token, open: true }))).toThrow(/chmod 600/);
    expect(() => doorOf({ DASHBOARD_TOKEN_FILE: "f" }, () => ({ text: "short", open: false }))).toThrow(/24 characters/);
    expect(() => doorOf({ DASHBOARD_TOKEN_FILE: "f" }, () => { throw new Error("ENOENT"); })).toThrow(/^DASHBOARD_TOKEN_FILE: f cannot be read/);
  });
  test.each(["0", "65536", "http", "30 30", "-1", "1e3"])("refuses the port %s", (port) => {
    expect(() => doorOf({ DASHBOARD_PORT: port }, noFile)).toThrow(/DASHBOARD_PORT/);
  });
  test("takes further names, and refuses what is none", () => {
    expect(doorOf({ DASHBOARD_HOSTS: "Board.example:3030, other" }, noFile).hosts).toEqual(expect.arrayContaining(["board.example:3030", "other"]));
    expect(() => doorOf({ DASHBOARD_HOSTS: "a b" }, noFile)).toThrow(/DASHBOARD_HOSTS/);
  });
  test.each([["127.0.0.1", true], ["127.9.9.9", true], ["::1", true], ["localhost", true], ["127.evil.example", false], ["0.0.0.0", false]])("%s is this machine: %s", (address, own) => {
    expect(isLoopback(address)).toBe(own);
  });
});

test("headers that talk to Next from outside do not pass; those of its own pages do", () => {
  for (const name of ["x-middleware-subrequest", "x-forwarded-host", "x-nextjs-data", "x-invoke-path", "x-now-route-matches", "x-prerender-revalidate", "next-action", "forwarded"])
    expect(mayPass(name), name).toBe(false);
  for (const name of ["rsc", "next-router-state-tree", "next-router-prefetch", "next-url", "cookie", "authorization", "accept", "host"])
    expect(mayPass(name), name).toBe(true);
});

test.each([["/", "/"], ["/desk", "/desk"], ["/desk/orders?x=/../y", "/desk/orders?x=/../y"], ["/api/health", "/api/health"], ["/_next/static/a.js", "/_next/static/a.js"],
  ["/nobody", "/-/-"], ["/nobody?desk", "/-/-"], ["/Desk", "/-/-"], ["/.env", "/-/-"], ["/favicon.ico", "/-/-"]])("%s is answered as %s", (target, answered) => {
  expect(knownTarget(target, ["desk"])).toBe(answered);
});
