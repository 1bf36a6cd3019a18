import "server-only";

/** One SQLite connection that can only read: `node:sqlite` where Node has it, else libsql. Both are opened by a file: address
 * with mode=ro (libsql ignores its own `readonly` option) and told `query_only`. */

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

export type Value = string | number | null | Uint8Array;
export type Connection = Readonly<{
  driver: "node:sqlite" | "libsql";
  all(sql: string, values: readonly Value[]): Record<string, Value>[];
  run(sql: string): void;
  close(): void;
}>;

type Statement = { all(...values: Value[]): unknown[] };
type Database = { prepare(sql: string): Statement; exec(sql: string): unknown; close(): void };
type NodeSqlite = { DatabaseSync: new (location: string, options?: { readOnly?: boolean }) => Database };

/** How long a ledger that another program holds is waited for. */
export const WAIT_MS = 2_000;
const STATEMENTS_MAX = 200;

/** Open a ledger for reading; throws SQLite's own error where it cannot be. */
export function open(path: string, prefer: "node:sqlite" | "libsql" | "" = "", waitMs = WAIT_MS): Connection {
  const builtin = prefer === "libsql" ? undefined : nodeSqlite();
  const address = pathToFileURL(path);
  address.search = "?mode=ro";
  const database = builtin
    ? new builtin.DatabaseSync(path, { readOnly: true })
    : new (libsql())(address.href);
  const prepared = new Map<string, Statement>();
  const statement = (sql: string): Statement => {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    if (prepared.size >= STATEMENTS_MAX) prepared.clear();
    const made = database.prepare(sql);
    prepared.set(sql, made);
    return made;
  };
  const connection: Connection = {
    driver: builtin ? "node:sqlite" : "libsql",
    all: (sql, values) => statement(sql).all(...values).map(plainRow),
    run: (sql) => void database.exec(sql),
    close: () => {
      // libsql lets go of the file when the last statement is collected: none may outlive the connection.
      prepared.clear();
      database.close();
    },
  };
  try {
    connection.run(`PRAGMA busy_timeout = ${waitMs}`);
    connection.run("PRAGMA query_only = ON");
    connection.run("PRAGMA trusted_schema = OFF");
  } catch (error) {
    connection.close();
    throw error;
  }
  return connection;
}

/** Give a row as both drivers should: bytes as bytes (libsql hands out their buffer). */
function plainRow(row: unknown): Record<string, Value> {
  const given = row as Record<string, Value | ArrayBuffer>;
  for (const [name, value] of Object.entries(given)) if (value instanceof ArrayBuffer) given[name] = new Uint8Array(value);
  return given as Record<string, Value>;
}

function nodeSqlite(): NodeSqlite | undefined {
  return (process as { getBuiltinModule?: (name: string) => unknown }).getBuiltinModule?.("node:sqlite") as
    | NodeSqlite
    | undefined;
}

function libsql(): new (address: string) => Database {
  return createRequire(import.meta.url)("libsql") as new (address: string) => Database;
}
