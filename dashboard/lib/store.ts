import "server-only";

/** The ledger as the board sees it: one read transaction a page, only the views, and words for every way it can fail. */

import { statSync } from "node:fs";
import { headers } from "next/headers";
import { doorOf, isKnown } from "../server/guard.mjs";
import { readSecret } from "../server/secret.mjs";
import { open, WAIT_MS, type Connection, type Value } from "./driver";
import { homesOf, type Home } from "./homes";
import { kindOf, SCHEMA_VERSION, VIEWS, type ColumnName, type Row, type ViewName } from "./schema";

/** Why a ledger cannot be shown, and what to do about it. */
export type Trouble = Readonly<{
  kind: "missing" | "empty" | "not_a_database" | "older" | "newer" | "locked" | "denied" | "unknown_home" | "failed";
  title: string;
  todo: string;
}>;

export type Read<T> = Readonly<{ ok: true; home: Home; value: T } | { ok: false; home: Home | null; trouble: Trouble }>;

/** One condition of a question: a column, how it compares, a value. */
export type Where<V extends ViewName> = Readonly<{
  column: ColumnName<V>;
  is: "=" | "<" | "<=" | ">" | ">=" | "starts";
  value: string | number;
}>;

export type Question<V extends ViewName> = Readonly<{
  columns?: readonly ColumnName<V>[];
  where?: readonly Where<V>[];
  order?: readonly (readonly [ColumnName<V>, "up" | "down"])[];
  limit: number;
  offset?: number;
}>;

/** What a page may ask of one ledger, inside one transaction: rows of a view. */
export type Ledger = Readonly<{
  rows<V extends ViewName>(view: V, question: Question<V>): Row<V>[];
  one<V extends ViewName>(view: V, question?: Partial<Question<V>>): Row<V> | null;
}>;

type Kept = Readonly<{ connection: Connection; inode: bigint; device: bigint }>;

const kept = new Map<string, Kept>();
const ROWS_MAX = 5_000;

/** Ask one desk's ledger; the asker is known, all rows are of one moment, and nothing is thrown for what can go wrong with a file. */
export async function read<T>(name: string | null, ask: (ledger: Ledger, home: Home) => T): Promise<Read<T>> {
  await admit();
  const homes = homesOf(process.env);
  const home = name === null ? homes[0] : homes.find((one) => one.name === name);
  if (home === undefined)
    return {
      ok: false,
      home: null,
      trouble: {
        kind: "unknown_home",
        title: "There is no desk of that name here",
        todo: `Choose one of: ${homes.map((one) => one.name).join(", ")}. DASHBOARD_HOMES=name=path,... adds one.`,
      },
    };
  return readHome(home, ask);
}

/** List the desks the board was given. */
export async function desks(): Promise<readonly Home[]> {
  await admit();
  return homesOf(process.env);
}

/** Ask a home that is already chosen. Exported for the tests, which do not wait as long; pages go through `read`. */
export function readHome<T>(home: Home, ask: (ledger: Ledger, home: Home) => T, waitMs = WAIT_MS): Read<T> {
  let connection: Connection;
  try {
    connection = connectionTo(home, waitMs);
  } catch (error) {
    return { ok: false, home, trouble: troubleOf(error, home) };
  }
  try {
    connection.run("BEGIN");
    try {
      const version = Number(connection.all("PRAGMA user_version", [])[0]?.["user_version"] ?? 0);
      if (version !== SCHEMA_VERSION) return { ok: false, home, trouble: versionTrouble(version) };
      return { ok: true, home, value: ask(ledgerOf(connection), home) };
    } finally {
      connection.run("COMMIT");
    }
  } catch (error) {
    forget(home);
    return { ok: false, home, trouble: troubleOf(error, home) };
  }
}

/** Write the question as SQL over a view of the contract; every name is checked against it, every value is bound. */
export function sqlOf<V extends ViewName>(view: V, question: Question<V>): readonly [string, Value[]] {
  if (!(view in VIEWS)) throw new Error(`${view} is no view of the contract`);
  const quoted = (column: string): string => {
    kindOf(view, column);
    return `"${column}"`;
  };
  const columns = (question.columns ?? Object.keys(VIEWS[view])).map(quoted).join(", ");
  const values: Value[] = [];
  const conditions = (question.where ?? []).map(({ column, is, value }) => {
    if (is === "starts") {
      values.push(String(value), `${String(value)}\u{10ffff}`);
      return `${quoted(column)} >= ? AND ${quoted(column)} < ?`;
    }
    values.push(value);
    return `${quoted(column)} ${is} ?`;
  });
  const order = (question.order ?? []).map(([column, way]) => `${quoted(column)} ${way === "up" ? "ASC" : "DESC"}`);
  const limit = Math.min(ROWS_MAX, Math.max(1, Math.trunc(question.limit)));
  values.push(limit, Math.max(0, Math.trunc(question.offset ?? 0)));
  const parts = [
    `SELECT ${columns} FROM ${view}`,
    conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : "",
    order.length > 0 ? `ORDER BY ${order.join(", ")}` : "",
    "LIMIT ? OFFSET ?",
  ];
  return [parts.filter((part) => part !== "").join(" "), values];
}

function ledgerOf(connection: Connection): Ledger {
  const rows = <V extends ViewName>(view: V, question: Question<V>): Row<V>[] =>
    connection.all(...sqlOf(view, question)) as Row<V>[];
  return { rows, one: (view, question = {}) => rows(view, { ...question, limit: 1 })[0] ?? null };
}

/** Let only a known asker read, whatever let the request come this far. */
async function admit(): Promise<void> {
  const given = await headers();
  const door = doorOf(process.env, readSecret);
  const known = isKnown(
    { method: "GET", target: "/", host: undefined, cookie: given.get("cookie") ?? undefined,
      authorization: given.get("authorization") ?? undefined },
    door,
  );
  if (!known) throw new Error("The asker is not known: no token, no data.");
}

function connectionTo(home: Home, waitMs: number): Connection {
  const { ino, dev } = statSync(/*turbopackIgnore: true*/ home.ledger, { bigint: true });
  const known = kept.get(home.ledger);
  if (known !== undefined && known.inode === ino && known.device === dev) return known.connection;
  forget(home);
  const connection = open(home.ledger, "", waitMs);
  kept.set(home.ledger, { connection, inode: ino, device: dev });
  return connection;
}

function forget(home: Home): void {
  const known = kept.get(home.ledger);
  kept.delete(home.ledger);
  try {
    known?.connection.close();
  } catch {
    // A connection that cannot even close is gone all the same.
  }
}

function versionTrouble(version: number): Trouble {
  if (version === 0)
    return { kind: "empty", title: "The ledger is empty", todo: "Run `bot tick` once; this page shows it by itself." };
  return version < SCHEMA_VERSION
    ? {
        kind: "older",
        title: `The ledger has schema ${version}, this board reads ${SCHEMA_VERSION}`,
        todo: "Run `bot tick` or `bot doctor` with the version of the bot this board came with: it brings the ledger up to date.",
      }
    : {
        kind: "newer",
        title: `The ledger has schema ${version}, this board reads ${SCHEMA_VERSION}`,
        todo: "A newer bot wrote it. Update this folder to the same version and run `make dashboard` again.",
      };
}

function troubleOf(error: unknown, home: Home): Trouble {
  const said = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const number = error instanceof Error && "errcode" in error ? Number(error.errcode) : 0;
  const is = (pattern: RegExp): boolean => pattern.test(code) || pattern.test(said);
  if (code === "ENOENT" || code === "ENOTDIR")
    return { kind: "missing", title: "There is no ledger here yet", todo: `Expected ${home.ledger}. Run \`bot tick\` once; this page shows it by itself.` };
  if (is(/NOTADB|not a database/i) || number === 26)
    return { kind: "not_a_database", title: "The file is no ledger", todo: `${home.ledger} is not a SQLite database. See RUNBOOK: restore a backup with \`bot restore\`.` };
  if (is(/BUSY|LOCKED|database is locked/i) || number === 5 || number === 6)
    return { kind: "locked", title: "The ledger is locked", todo: "Another program holds it for longer than two seconds. It will show again when that is done; `bot status` names the holder." };
  if (is(/READONLY|CANTOPEN|EACCES|EPERM|unable to open|readonly|permission/i) || [8, 14].includes(number & 0xff))
    return { kind: "denied", title: "The ledger may not be read", todo: `Run the board as the user the tick runs as, with a folder it may write: SQLite keeps two small files beside ${home.ledger}.` };
  if (is(/no such table|no such column|malformed|CORRUPT/i))
    return { kind: "not_a_database", title: "The ledger is damaged", todo: "Run `bot audit verify` and `bot doctor`; RUNBOOK says how to restore a backup." };
  return { kind: "failed", title: "The ledger could not be read", todo: `SQLite said: ${said}` };
}
