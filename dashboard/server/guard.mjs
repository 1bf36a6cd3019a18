// Who may ask, and for what: decided before anything else looks at a request. Pure, so that every rule has a test.
import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";

/**
 * @typedef {object} Door
 * @property {string} bind address it listens on
 * @property {number} port port it listens on
 * @property {readonly string[]} hosts Host headers it answers to, lower case, with the port
 * @property {string} token shared secret, or empty where only this machine can ask
 */

/**
 * @typedef {object} Question
 * @property {string} method
 * @property {string} target path with query, as it came
 * @property {string | undefined} host
 * @property {string | undefined} cookie
 * @property {string | undefined} authorization
 */

/** @typedef {{ok: true} | {ok: false, status: number, words: string}} Answer */

export const TOKEN_COOKIE = "escapement_token";
const METHODS = new Set(["GET", "HEAD"]);
const TARGET_MAX = 2048;

/** Tell whether an address is this machine's own. @param {string} address @returns {boolean} */
export function isLoopback(address) {
  if (address === "localhost" || address === "::1") return true;
  return isIP(address) === 4 && address.startsWith("127.");
}

/**
 * Read the door from the environment; throws with words for the owner.
 * @param {Readonly<Record<string, string | undefined>>} env
 * @param {(path: string) => {text: string, open: boolean}} readSecret gives the file's text and whether others may read it
 * @returns {Door}
 */
export function doorOf(env, readSecret) {
  const bind = env.DASHBOARD_BIND?.trim() || "127.0.0.1";
  const written = env.DASHBOARD_PORT?.trim() || "3030";
  const port = Number(written);
  if (!/^\d{1,5}$/.test(written) || port < 1 || port > 65535)
    throw new Error(`DASHBOARD_PORT: expected a port from 1 to 65535, got "${written}".`);
  let token = "";
  const file = env.DASHBOARD_TOKEN_FILE?.trim() ?? "";
  if (file) {
    let held;
    try {
      held = readSecret(file);
    } catch (error) {
      throw new Error(`DASHBOARD_TOKEN_FILE: ${file} cannot be read (${error instanceof Error ? error.message : error}).`);
    }
    const { text, open } = held;
    token = text.trim();
    if (open) throw new Error(`DASHBOARD_TOKEN_FILE: others may read ${file}; run: chmod 600 ${file}`);
    if (token.length < 24)
      throw new Error(`DASHBOARD_TOKEN_FILE: expected 24 characters or more in ${file}, got ${token.length}.`);
  }
  if (!isLoopback(bind) && !token)
    throw new Error(
      `DASHBOARD_BIND is ${bind}, which other machines can reach: expected DASHBOARD_TOKEN_FILE beside it. ` +
        "Without one the board listens on 127.0.0.1 only (from elsewhere: ssh -L 3030:127.0.0.1:3030).",
    );
  const named = (env.DASHBOARD_HOSTS ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  for (const name of named)
    if (!/^[a-z0-9.-]+(:\d{1,5})?$/.test(name))
      throw new Error(`DASHBOARD_HOSTS: expected names like board.example:3030, got "${name}".`);
  const own = [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`];
  if (!isLoopback(bind) && bind !== "0.0.0.0" && bind !== "::")
    own.push(isIP(bind) === 6 ? `[${bind.toLowerCase()}]:${port}` : `${bind.toLowerCase()}:${port}`);
  return { bind, port, hosts: [...own, ...named], token };
}

/** Compare two secrets in a time that tells nothing. @param {string} given @param {string} wanted @returns {boolean} */
export function sameSecret(given, wanted) {
  const digest = (/** @type {string} */ text) => createHash("sha256").update(text, "utf8").digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

/** Find the token in a Cookie header; empty where there is none. @param {string | undefined} header @returns {string} */
export function tokenIn(header) {
  for (const part of (header ?? "").split(";")) {
    const [name, ...rest] = part.trim().split("=");
    if (name === TOKEN_COOKIE) return rest.join("=");
  }
  return "";
}

/**
 * Find the token a person wrote into the browser's own question for a password; the name beside it does not matter.
 * @param {string | undefined} header @returns {string}
 */
export function passwordIn(header) {
  const encoded = /^Basic ([A-Za-z0-9+/]+=*)$/i.exec(header ?? "")?.[1] ?? "";
  const pair = Buffer.from(encoded, "base64").toString("utf8");
  return pair.includes(":") ? pair.slice(pair.indexOf(":") + 1) : "";
}

/** Tell whether the asker showed the token, where one is wanted. @param {Question} asked @param {Door} door @returns {boolean} */
export function isKnown(asked, door) {
  if (!door.token) return true;
  const bearer = /^Bearer (\S+)$/i.exec(asked.authorization ?? "")?.[1] ?? "";
  return sameSecret(bearer || passwordIn(asked.authorization) || tokenIn(asked.cookie), door.token);
}

/**
 * Decide about one request. Host first: a page of another name must learn nothing at all (DNS rebinding).
 * @param {Question} asked
 * @param {Door} door
 * @returns {Answer}
 */
export function decide(asked, door) {
  if (!door.hosts.includes((asked.host ?? "").toLowerCase()))
    return { ok: false, status: 421, words: "This board does not answer to that name (DASHBOARD_HOSTS adds one)." };
  if (!METHODS.has(asked.method)) return { ok: false, status: 405, words: "This board only reads: GET and HEAD." };
  if (asked.target.length > TARGET_MAX) return { ok: false, status: 414, words: "That address is too long." };
  if (!isPlainTarget(asked.target)) return { ok: false, status: 400, words: "That address is not plain." };
  if (!isKnown(asked, door))
    return { ok: false, status: 401, words: "This board asks for its token: as the password (any name), or as 'Authorization: Bearer ...'." };
  return { ok: true };
}

/**
 * Headers that every answer has before anything else writes one; a page's own policy takes the place of this one.
 * What reaches a browser without having passed the pages' own door may therefore run and frame nothing.
 */
export const HEADERS = Object.freeze({
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
});

/**
 * Tell whether a header of the asker may go on to Next: none by which others have talked it out of its own checks
 * (CVE-2025-29927: x-middleware-subrequest), none that claims to be a proxy of ours, none that names an action.
 * @param {string} name in lower case @returns {boolean}
 */
export function mayPass(name) {
  return !name.startsWith("x-") && name !== "next-action" && name !== "forwarded";
}

/**
 * Tell whether a request target is an ordinary path: one slash first, no dot segments, no second decoding, no NUL.
 * @param {string} target
 * @returns {boolean}
 */
export function isPlainTarget(target) {
  const path = target.split("?", 1)[0] ?? "";
  if (!path.startsWith("/") || path.includes("//") || path.includes("\\")) return false;
  let decoded;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return false;
  }
  if (/[\u0000-\u001f\u007f\\]/.test(decoded) || decoded.includes("%")) return false;
  return !decoded.split("/").some((part) => part === "." || part === "..") && !decoded.includes("//");
}

/** Addresses beside the desks' own. */
const OTHERS = new Set(["", "api", "icon.svg", "_next"]);

/**
 * Give the address to answer: a desk that is none is an address that is none, so that the answer is 404 and not a page that says so.
 * @param {string} target @param {readonly string[]} desks @returns {string}
 */
export function knownTarget(target, desks) {
  const first = (target.split("?", 1)[0] ?? "").split("/")[1] ?? "";
  return OTHERS.has(first) || desks.includes(first) ? target : "/-/-";
}
