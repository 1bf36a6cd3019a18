import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { haltedBy, haltFileOf } from "../../lib/halt-file";
import type { Home } from "../../lib/homes";
import type { Row } from "../../lib/schema";
import { seriesText, spelled } from "../../lib/series";
import { isAsked } from "../../lib/tables";

const TODAY = "2026-11-20";

describe("an option series in words", () => {
  test.each([
    ["XLF261224P00036500", "XLF 36.5 put, 24 Dec"],
    ["SPY261218C00600000", "SPY 600 call, 18 Dec"],
    ["SPY270115C00600125", "SPY 600.125 call, 15 Jan 2027"],
    ["BRK.B251219P00450000", "BRK.B 450 put, 19 Dec 2025"],
    ["F261204P00009500", "F 9.5 put, 4 Dec"],
  ])("%s is %s", (symbol, words) => expect(seriesText(symbol, TODAY)).toBe(words));
  test.each(["SPY", "", null, undefined, "XLF261324P00036500", "XLF261200P00036500", "XLF261224X00036500", "TOOLONG261224P00036500", "xlf261224P00036500"])(
    "%s is none", (symbol) => expect(seriesText(symbol, TODAY)).toBeNull());
  test("stands in a sentence too, and nothing else of it changes", () => {
    expect(spelled("sell 1 XLF261224P00036500 at 0.30, not main-XLF1", TODAY)).toBe("sell 1 XLF 36.5 put, 24 Dec at 0.30, not main-XLF1");
    expect(spelled("XLF261399P00036500", TODAY)).toBe("XLF261399P00036500");
    expect(spelled(null, TODAY)).toBe("");
  });
});

const root = mkdtempSync(join(tmpdir(), "halt-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let home: Home;
let number = 0;
beforeEach(() => {
  const folder = join(root, `home-${number++}`);
  mkdirSync(folder);
  home = { name: "desk", folder, ledger: join(folder, "ledger.sqlite") };
});
const desk = (changes: Partial<Row<"dashboard_desk">>): Row<"dashboard_desk"> =>
  ({ halt_level: "run", halt_author: "", halt_reason: "", halt_command: "", ...changes }) as Row<"dashboard_desk">;

describe("a file named HALT", () => {
  test("that is not there changes nothing", () => {
    expect(haltFileOf(home)).toBeNull();
    expect(haltFileOf({ ...home, folder: join(home.folder, "none") })).toBeNull();
    const running = desk({});
    expect(haltedBy(running, null)).toBe(running);
  });
  test("stops the desk with its first line as the reason and the command that removes it", () => {
    writeFileSync(join(home.folder, "HALT"), "do not trade\u0007 \nsecond line");
    const file = haltFileOf(home);
    expect(file).toMatchObject({ reason: "do not trade", command: `rm ${join(home.folder, "HALT")}` });
    expect(haltedBy(desk({}), file)).toMatchObject({
      halt_level: "stop", halt_author: "a file named HALT", halt_reason: "do not trade", halt_command: file?.command, halt_at: file?.since,
    });
  });
  test.each([
    ["says nothing", (path: string) => writeFileSync(path, ""), "the file says nothing"],
    ["is a folder", (path: string) => mkdirSync(path), "the file cannot be read"],
    ["points nowhere", (path: string) => symlinkSync(join(root, "nowhere"), path), "the file cannot be read"],
    ["is endless", (path: string) => writeFileSync(path, "x".repeat(100_000)), "x".repeat(500)],
  ])("that %s halts all the same", (_what, make, reason) => {
    make(join(home.folder, "HALT"));
    expect(haltFileOf(home)?.reason).toBe(reason);
  });
  test("keeps a halt that stands besides it in the words and in the command", () => {
    writeFileSync(join(home.folder, "HALT"), "looking");
    const shown = haltedBy(desk({ halt_level: "reduce_only", halt_author: "owner", halt_reason: "away", halt_command: "bot resume" }), haltFileOf(home));
    expect(shown.halt_reason).toBe("looking; besides it, reduce only by owner: away");
    expect(shown.halt_command).toBe(`rm ${join(home.folder, "HALT")} && bot resume`);
    const same = haltedBy(desk({ halt_level: "stop", halt_author: "HALT file", halt_reason: "looking", halt_command: "rm" }), haltFileOf(home));
    expect(same.halt_reason).toBe("looking");
  });
  test("in a folder with a blank or a quote in its name gets a command that still removes it", () => {
    const folder = join(home.folder, "my 'desk'");
    mkdirSync(folder);
    writeFileSync(join(folder, "HALT"), "");
    execFileSync("sh", ["-c", haltFileOf({ ...home, folder })?.command ?? "false"]);
    expect(haltFileOf({ ...home, folder })).toBeNull();
  });
});

test("a table is asked something by its own filters and older rows alone", () => {
  const spec = { name: "fills", filters: [{ name: "day" }] };
  expect(isAsked({}, spec)).toBe(false);
  expect(isAsked({ span: "1D", "before-orders": "4", day: "" }, spec)).toBe(false);
  expect(isAsked({ day: "2026-11-20" }, spec)).toBe(true);
  expect(isAsked({ "before-fills": "4" }, spec)).toBe(true);
});
