import { chmodSync, existsSync, mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { open } from "../../lib/driver";
import type { Home } from "../../lib/homes";
import { verdictsOf } from "../../lib/judged";
import { tableNames, tableNamed } from "../../lib/registry";
import { SCHEMA_VERSION, VIEWS, type ViewName } from "../../lib/schema";
import { readHome, sqlOf } from "../../lib/store";
import { columnsOf, cursorName, tablePage } from "../../lib/tables";
import { orders } from "../../lib/specs/orders";
import { hold } from "../support/hold";
import { changeSample, writeSample } from "../support/sample";

const root = mkdtempSync(join(tmpdir(), "board-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let number = 0;
let home: Home;
beforeEach(() => {
  number += 1;
  const folder = join(root, `home ${number} %`);
  mkdirSync(folder);
  home = { name: "desk", folder, ledger: join(folder, "ledger.sqlite") };
});
const look = (): unknown => readHome(home, (ledger) => ledger.one("dashboard_desk")?.desk);
const DRIVERS = ["libsql", ...("getBuiltinModule" in process && process.getBuiltinModule("node:sqlite") ? ["node:sqlite" as const] : [])] as const;

describe.each(DRIVERS)("%s", (driver) => {
  test("cannot write, whatever it is asked", () => {
    writeSample(home.ledger);
    const connection = open(home.ledger, driver);
    for (const sql of ["CREATE TABLE x (a)", "DELETE FROM dashboard_ticks", "UPDATE dashboard_desk SET desk = 'x'", "PRAGMA user_version = 1"])
      expect(() => connection.run(sql), sql).toThrow();
    expect(connection.all("SELECT count(*) AS n FROM dashboard_ticks", [])[0]?.["n"]).toBe(12);
    connection.close();
  });
  test("makes no file where there is none", () => {
    expect(() => open(home.ledger, driver).all("SELECT 1", [])).toThrow();
    expect(existsSync(home.ledger)).toBe(false);
  });
  test("hands out bytes as bytes", () => {
    writeSample(home.ledger);
    const connection = open(home.ledger, driver);
    expect(connection.all("SELECT blob FROM dashboard_checks LIMIT 1", [])[0]?.["blob"]).toBeInstanceOf(Uint8Array);
    connection.close();
  });
});

describe("every way a ledger can be", () => {
  test("there", () => {
    writeSample(home.ledger);
    expect(look()).toMatchObject({ ok: true, value: "desk 1" });
  });
  test("missing", () => expect(look()).toMatchObject({ ok: false, trouble: { kind: "missing", todo: expect.stringContaining("bot tick") } }));
  test("empty", () => {
    writeFileSync(home.ledger, "");
    expect(look()).toMatchObject({ ok: false, trouble: { kind: "empty" } });
  });
  test("no database", () => {
    writeFileSync(home.ledger, "this is a text file that is long enough to be read as a header of something else entirely\n".repeat(20));
    expect(look()).toMatchObject({ ok: false, trouble: { kind: "not_a_database" } });
  });
  test("of an older and of a newer bot", () => {
    writeSample(home.ledger, { version: SCHEMA_VERSION - 1 });
    expect(look()).toMatchObject({ ok: false, trouble: { kind: "older" } });
    writeSample(home.ledger, { version: SCHEMA_VERSION + 1 });
    expect(look()).toMatchObject({ ok: false, trouble: { kind: "newer" } });
  });
  test("without the views it should have", () => {
    writeSample(home.ledger);
    changeSample(home.ledger, "DROP TABLE dashboard_desk");
    expect(look()).toMatchObject({ ok: false, trouble: { kind: "not_a_database", title: "The ledger is damaged" } });
  });
  test("in a folder it may not read", ({ skip }) => {
    if (process.getuid?.() === 0) skip("the superuser may read everything");
    writeSample(home.ledger);
    chmodSync(home.folder, 0o000);
    try {
      expect(look()).toMatchObject({ ok: false, trouble: { kind: "denied" } });
    } finally {
      chmodSync(home.folder, 0o700);
    }
  });
  test("put in another's place while the board is open: the next look sees the new one", () => {
    writeSample(home.ledger);
    expect(look()).toMatchObject({ value: "desk 1" });
    writeSample(home.ledger, { overrides: { dashboard_desk: [{ desk: "restored" }] } });
    expect(look()).toMatchObject({ value: "restored" });
  });
  test.each(["WAL", "DELETE"])("locked by another program (%s): waited for, then said", async (journal) => {
    writeSample(home.ledger);
    const holder = await hold(home.ledger, journal);
    try {
      const before = Date.now();
      expect(readHome(home, (ledger) => ledger.one("dashboard_desk"), 150)).toMatchObject({ ok: false, trouble: { kind: "locked" } });
      expect(Date.now() - before).toBeGreaterThanOrEqual(100);
    } finally {
      await holder.letGo();
    }
    expect(look(), "once it is free").toMatchObject({ ok: true, value: "desk 1" });
  });
  test("all rows of a page are of one moment, however fast the tick writes", () => {
    writeSample(home.ledger);
    const got = readHome(home, (ledger) => {
      const before = ledger.one("dashboard_desk")?.desk;
      changeSample(home.ledger, "UPDATE dashboard_desk SET desk = 'later'");
      return [before, ledger.one("dashboard_desk")?.desk];
    });
    expect(got).toMatchObject({ ok: true, value: ["desk 1", "desk 1"] });
    expect(look()).toMatchObject({ value: "later" });
  });
});

describe("questions", () => {
  test("bind every value and check every name", () => {
    const [sql, values] = sqlOf("dashboard_ticks", { columns: ["id"], where: [{ column: "session_day", is: "=", value: "x' OR 1=1 --" }], order: [["id", "down"]], limit: 5 });
    expect(sql).toBe('SELECT "id" FROM dashboard_ticks WHERE "session_day" = ? ORDER BY "id" DESC LIMIT ? OFFSET ?');
    expect(values).toEqual(["x' OR 1=1 --", 5, 0]);
    expect(() => sqlOf("dashboard_ticks", { columns: ["id; DROP TABLE ticks" as "id"], limit: 1 })).toThrow(/no column/);
    expect(() => sqlOf("sqlite_master" as ViewName, { limit: 1 })).toThrow(/no view/);
  });
  test("have an end", () => {
    expect(sqlOf("dashboard_ticks", { limit: 1e9 })[1]).toEqual([5_000, 0]);
    expect(sqlOf("dashboard_ticks", { limit: -5 })[1]).toEqual([1, 0]);
  });
});

describe("tables", () => {
  test("have names of their own, and columns the contract has", () => {
    const names = tableNames();
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) {
      const spec = tableNamed(name);
      expect(spec, name).not.toBeNull();
      if (spec !== null) for (const column of columnsOf(spec)) expect(Object.keys(VIEWS[spec.view]), `${name}.${column}`).toContain(column);
    }
    expect(tableNamed("../orders")).toBeNull();
  });
  test("filter, and turn pages by a cursor of their own", () => {
    writeSample(home.ledger);
    const read = (params: Record<string, string>, size = 5) =>
      readHome(home, (ledger) => tablePage(ledger, { ...orders, size }, params));
    const first = read({});
    expect(first).toMatchObject({ ok: true, value: { older: "8" } });
    const second = read({ [cursorName(orders)]: "8" });
    expect(second.ok && second.value.rows.map((row) => row.id)).toEqual([7, 6, 5, 4, 3]);
    const filtered = read({ symbol: "SPY" }, 50);
    expect(filtered.ok && filtered.value.rows.every((row) => row.underlying === "SPY")).toBe(true);
    const hostile = read({ symbol: "' OR ''='" }, 50);
    expect(hostile.ok && hostile.value.rows.length).toBe(12);
  });
});

test("verdicts that cannot be read are none, not a page that fails", () => {
  expect(verdictsOf(new Uint8Array([1, 2, 3]))).toBeNull();
  expect(verdictsOf(null)).toBeNull();
});

describe("what is shipped", () => {
  const project = join(import.meta.dirname, "../..");
  type Entry = { resolved?: string; integrity?: string; hasInstallScript?: boolean; optionalDependencies?: Record<string, string>; inBundle?: boolean };
  const lock = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8")) as { packages: Record<string, Entry> };
  test("the lock lists every optional platform package, a hash for each, and no download address", () => {
    for (const [path, entry] of Object.entries(lock.packages)) {
      if (path === "") continue;
      expect(entry.resolved, path).toBeUndefined();
      if (entry.inBundle !== true) expect(entry.integrity, path).toMatch(/^sha512-/);
      for (const name of Object.keys(entry.optionalDependencies ?? {}))
        expect(`${path}/node_modules/${name}` in lock.packages || `node_modules/${name}` in lock.packages, `${path} wants ${name}`).toBe(true);
    }
  });
  test("nothing runs a script when it is installed", () => {
    expect(Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript).map(([path]) => path)).toEqual([]);
  });
  test("money is added in one file only, and HTML is made from no data", () => {
    const files = (folder: string): string[] => readdirSync(join(project, folder), { withFileTypes: true }).flatMap((one) =>
      one.isDirectory() ? files(join(folder, one.name)) : /\.tsx?$/.test(one.name) ? [join(folder, one.name)] : []);
    for (const file of ["app", "components", "lib"].flatMap(files)) {
      const code = readFileSync(join(project, file), "utf8");
      expect(code, file).not.toMatch(/dangerouslySetInnerHTML|innerHTML|eval\(|NEXT_PUBLIC_/);
      if (file !== join("lib", "money.ts")) expect(code, file).not.toMatch(/from "big\.js"/);
      expect(code, file).not.toMatch(/\b(POST|PUT|PATCH|DELETE)\b\s*\(|"use server"/);
    }
  });
});
