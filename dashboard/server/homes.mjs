// Which desks the board shows: DASHBOARD_HOMES=name=path,..., or the one home of BOT_HOME. Read at the start too, so that a slip is said at once.
import { isAbsolute, join, resolve } from "node:path";

/** @typedef {{readonly name: string, readonly folder: string, readonly ledger: string}} Home */

const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/**
 * Read the desks from the environment; throws with words for the owner.
 * @param {Readonly<Record<string, string | undefined>>} env
 * @returns {readonly Home[]}
 */
export function homesOf(env) {
  const listed = (env.DASHBOARD_HOMES ?? "").trim();
  if (listed === "") {
    const folder = (env.BOT_HOME ?? "").trim();
    if (folder === "")
      throw new Error("Expected BOT_HOME=path or DASHBOARD_HOMES=name=path,...: neither says where a ledger is. `make dashboard` sets it.");
    return [homeAt("desk", folder)];
  }
  const homes = listed.split(",").map((entry) => {
    const at = entry.indexOf("=");
    const name = entry.slice(0, at).trim().toLowerCase();
    const folder = entry.slice(at + 1).trim();
    if (at < 1 || folder === "" || !NAME.test(name) || RESERVED.has(name))
      throw new Error(`DASHBOARD_HOMES: expected name=path,..., got "${entry.trim()}".`);
    return homeAt(name, folder);
  });
  const names = new Set(homes.map((home) => home.name));
  if (names.size !== homes.length) throw new Error("DASHBOARD_HOMES: each desk needs a name of its own.");
  return homes;
}

/** Names the board has addresses of its own for. */
const RESERVED = new Set(["api"]);

/** @param {string} name @param {string} written @returns {Home} */
function homeAt(name, written) {
  const folder = isAbsolute(written) ? written : resolve(/*turbopackIgnore: true*/ process.cwd(), written);
  return { name, folder, ledger: join(folder, "ledger.sqlite") };
}
