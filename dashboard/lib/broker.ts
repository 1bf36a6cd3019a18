import "server-only";

/** The broker's own word on the account, only where the owner opts in: one GET to one fixed address, timed out, bounded, kept for
 * half a minute. Every page is whole without it. Keys stay on the server and are in no message. */

import { get as getPlain, type IncomingMessage } from "node:http";
import { get as getSecure } from "node:https";
import { readSecret } from "../server/secret.mjs";

export type BrokerAccount = Readonly<{ at: string; account: string; equity: string; cash: string; equityBefore: string | null; status: string }>;
export type BrokerRead = Readonly<{ ok: true; account: BrokerAccount } | { ok: false; why: string }>;
type Env = Readonly<Record<string, string | undefined>>;

const HOSTS = { paper: "https://paper-api.alpaca.markets", live: "https://api.alpaca.markets" } as const;
const PATH = "/v2/account";
const LOOPBACK = /^http:\/\/127\.0\.0\.1:\d{1,5}$/;
const KEY = /^[\x21-\x7e]{8,256}$/;
const DECIMAL = /^-?\d{1,18}(\.\d{1,12})?$/;
const BYTES_MAX = 64 * 1024;

/** How long an answer is waited for, and how long one is kept, good or bad. */
export const LIMITS = { waitMs: 3_000, keptMs: 30_000 } as const;

type Limits = Readonly<{ waitMs: number; keptMs: number }>;

let kept: Readonly<{ key: string; at: number; read: Promise<BrokerRead> }> | null = null;

/** Ask the broker for the account, or give the kept answer; null where the owner has not opted in. Never throws, never says a key. */
export async function readBroker(env: Env = process.env, now: () => number = Date.now, limits: Limits = LIMITS): Promise<BrokerRead | null> {
  const chosen = (env["DASHBOARD_BROKER"] ?? "").trim();
  if (chosen === "") return null;
  const door = doorTo(chosen, env);
  if ("why" in door) return { ok: false, why: door.why };
  const key = `${door.address} ${door.id} ${door.secret}`;
  if (kept === null || kept.key !== key || now() - kept.at >= limits.keptMs)
    kept = { key, at: now(), read: ask(door, now, limits.waitMs) };
  return kept.read;
}

/** Forget the kept answer. For the tests. */
export function forgetBroker(): void {
  kept = null;
}

type Door = Readonly<{ address: string; id: string; secret: string }>;

function doorTo(chosen: string, env: Env): Door | Readonly<{ why: string }> {
  if (chosen !== "alpaca") return { why: `DASHBOARD_BROKER: expected alpaca, or nothing to ask no broker, got "${chosen.slice(0, 32)}".` };
  const environment = (env["ALPACA_ENV"] ?? "").trim() || "paper";
  if (environment !== "paper" && environment !== "live") return { why: "ALPACA_ENV: expected paper or live." };
  const other = (env["DASHBOARD_BROKER_URL"] ?? "").trim();
  if (other !== "" && !LOOPBACK.test(other)) return { why: "DASHBOARD_BROKER_URL: expected http://127.0.0.1:port; the broker's own address needs no key." };
  try {
    const id = secretOf("DASHBOARD_ALPACA_KEY_FILE", env);
    const secret = secretOf("DASHBOARD_ALPACA_SECRET_FILE", env);
    return { address: `${other === "" ? HOSTS[environment] : other}${PATH}`, id, secret };
  } catch (error) {
    return { why: error instanceof Error ? error.message : "the keys cannot be read" };
  }
}

/** Read one secret's file; what it holds is in no message. */
function secretOf(name: string, env: Env): string {
  const path = (env[name] ?? "").trim();
  if (path === "") throw new Error(`${name}: expected the path of a file that holds it.`);
  let held: Readonly<{ text: string; open: boolean }>;
  try {
    held = readSecret(path);
  } catch {
    throw new Error(`${name}: the file cannot be read.`);
  }
  if (held.open) throw new Error(`${name}: others may read the file; run: chmod 600 on it.`);
  const secret = held.text.trim();
  if (!KEY.test(secret)) throw new Error(`${name}: expected one line of 8 to 256 characters.`);
  return secret;
}

async function ask(door: Door, now: () => number, waitMs: number): Promise<BrokerRead> {
  try {
    const body = await bodyOf(door, waitMs);
    const account = accountOf(body, new Date(now()).toISOString());
    return account === null ? { ok: false, why: "the broker's answer is no account" } : { ok: true, account };
  } catch (error) {
    return { ok: false, why: error instanceof Refused ? error.message : "the broker cannot be reached" };
  }
}

/** A failure whose words are our own and may be shown. */
class Refused extends Error {}

/** One GET, no redirect followed, no proxy, a whole answer within the time and the size or none. */
function bodyOf({ address, id, secret }: Door, waitMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const get = address.startsWith("https:") ? getSecure : getPlain;
    const request = get(address, {
      agent: false, headers: { accept: "application/json", "apca-api-key-id": id, "apca-api-secret-key": secret, "user-agent": "escapement-board" },
      maxHeaderSize: 16_384,
    }, (answer) => read(answer));
    const fail = (why: string): void => {
      clearTimeout(timer);
      request.destroy();
      reject(new Refused(why));
    };
    const timer = setTimeout(() => fail(`the broker did not answer within ${waitMs / 1000} s`), waitMs);
    timer.unref();
    request.on("error", () => fail("the broker cannot be reached"));
    const read = (answer: IncomingMessage): void => {
      const status = answer.statusCode ?? 0;
      if (status === 401 || status === 403) return fail(`the broker refused the keys (${status})`);
      if (status !== 200) return fail(`the broker answered ${status}`);
      const parts: Buffer[] = [];
      let bytes = 0;
      answer.on("data", (part: Buffer) => {
        bytes += part.length;
        if (bytes > BYTES_MAX) fail("the broker's answer is too large");
        else parts.push(part);
      });
      answer.on("aborted", () => fail("the broker's answer broke off"));
      answer.on("error", () => fail("the broker's answer broke off"));
      answer.on("end", () => {
        clearTimeout(timer);
        resolve(Buffer.concat(parts).toString("utf8"));
      });
    };
  });
}

/** Read the account from the answer; amounts stay the text they came as. Null where it is none. */
export function accountOf(body: string, at: string): BrokerAccount | null {
  let given: unknown;
  try {
    given = JSON.parse(textNumbers(body));
  } catch {
    return null;
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) return null;
  const fields = given as Readonly<Record<string, unknown>>;
  const amount = (name: string): string | null => {
    const value = fields[name];
    return typeof value === "string" && DECIMAL.test(value) ? value : null;
  };
  const word = (name: string): string => (typeof fields[name] === "string" ? fields[name].replaceAll(/[^\w .-]/g, "").slice(0, 32) : "");
  const equity = amount("equity");
  const cash = amount("cash");
  if (equity === null || cash === null) return null;
  return { at, account: masked(word("account_number")), equity, cash, equityBefore: amount("last_equity"), status: word("status") };
}

/** Put quotes around every number that stands outside a string, so that none passes through a float. */
export function textNumbers(body: string): string {
  return body.replaceAll(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (found) => (found.startsWith('"') ? found : `"${found}"`));
}

/** Show the last four of an account's number. */
function masked(number: string): string {
  return number.length <= 4 ? "…" : `…${number.slice(-4)}`;
}
