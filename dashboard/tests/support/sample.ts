/** A ledger in which every column of every view has a value: made from the contract alone, so nothing of a page is ever empty in it. */

import { createRequire } from "node:module";
import { rmSync } from "node:fs";
import { SCHEMA_VERSION, VIEWS, type Kind } from "../../lib/schema";

// No prepared statements here: libsql keeps a file open, and its locks, until the last of them is collected.
type Database = { exec(sql: string): void; close(): void };
const Libsql = createRequire(import.meta.url)("libsql") as new (path: string) => Database;

export type Overrides = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

/** Rows of a view where the sample has several. */
const ROWS = 12;
const SINGLE = new Set(["dashboard_desk"]);
const SYMBOLS = ["SPY", "XLF", "EWZ", "QQQ", "IWM", "KO"];

/** Write a ledger at a path; `overrides` gives rows of a view by column, over the sample's values. */
export function writeSample(path: string, { version = SCHEMA_VERSION, overrides = {} as Overrides } = {}): void {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true });
  const database = new Libsql(path);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = OFF");
  database.exec("BEGIN");
  for (const [view, columns] of Object.entries(VIEWS)) {
    const names = Object.keys(columns);
    database.exec(`CREATE TABLE ${view} (${names.map((name) => `"${name}"`).join(", ")})`);
    const given = overrides[view];
    const rows = given?.length ?? (SINGLE.has(view) ? 1 : ROWS);
    for (let row = 0; row < rows; row++) {
      const values = Object.entries(columns).map(([name, kind]) => literal(given?.[row]?.[name] ?? valueOf(name, kind, row)));
      database.exec(`INSERT INTO ${view} VALUES (${values.join(", ")})`);
    }
  }
  database.exec(`PRAGMA user_version = ${version}`);
  database.exec("COMMIT");
  database.close();
}

/** Write a value as SQL does. */
function literal(value: unknown): string {
  if (value === null || value === undefined) return "NULL";
  if (typeof value === "number") return String(value);
  if (value instanceof Uint8Array) return `X'${Buffer.from(value).toString("hex")}'`;
  return `'${String(value).replaceAll("'", "''")}'`;
}

/** Change a sample as a tick would: beside readers, by its own connection. */
export function changeSample(path: string, sql: string): void {
  const database = new Libsql(path);
  database.exec("PRAGMA busy_timeout = 5000");
  database.exec(sql);
  database.close();
}

/** Give a plausible value of a kind; rows count from 0, the newest last. */
export function valueOf(name: string, kind: Kind, row: number): unknown {
  const day = new Date(Date.UTC(2026, 10, 9 + row)).toISOString().slice(0, 10);
  const words: Readonly<Record<string, string>> = {
    money: "SIMULATED MONEY", mode: "dry", broker: "simulator", environment: "simulated", status: "done", halt: "run",
    halt_level: "no_new_risk", halt_author: "owner", halt_reason: "looking at something", halt_clears: "a person: bot resume",
    halt_command: "bot resume", level: "no_new_risk", right: row % 2 === 0 ? "put" : "call", owner: "ours", side: "sell_to_open",
    purpose: "cash_secured_put", strategy: "wheel", state: "done", kind: "tick", severity: "warn", benchmark: "SPY",
    gate: "spread_is_narrow", unit: "fraction", order_type: "limit", month: day.slice(0, 7), week: `${day.slice(0, 4)}-W${46 + (row % 6)}`,
  };
  switch (kind) {
    case "int": return row + 1;
    case "real": return 1 + row / 100;
    case "flag": return row % 2;
    case "money": return (row % 3 === 2 ? "-" : "") + `${1000 + row * 37}.5`;
    case "price": case "number": return `${10 + row}.25`;
    case "qty": return `${row + 1}`;
    case "fraction": return `0.0${row % 9}5`;
    case "moment": return `${day}T18:00:00.000000Z`;
    case "day": return day;
    case "symbol": return SYMBOLS[row % SYMBOLS.length];
    case "id": return `desk-${"0123456789abcdef".repeat(2).slice(row % 8, (row % 8) + 16)}`;
    case "json": return name === "errors_json" ? '["the market answered late"]' : name === "stages_json" ? '[["read",12.5],["decide",3.25]]' : '{"kind":"sample","number":1}';
    case "blob": return Buffer.from("sample");
    default: return words[name] ?? `${name} ${row + 1}`;
  }
}
