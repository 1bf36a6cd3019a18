/** How the board behaves with a person in front of it: keyboard, no JavaScript, filters, refreshes, and a ledger that cannot be shown. */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PAGES, pathOf } from "../../lib/pages";
import { tableNamed, tableNames } from "../../lib/registry";
import { SCHEMA_VERSION } from "../../lib/schema";
import { columnsOf } from "../../lib/tables";
import { startBoard, startBrowser, type Board } from "../support/browser";
import { hold } from "../support/hold";
import { workshop } from "../support/homes";
import { ask } from "../support/raw";
import { changeSample, writeSample } from "../support/sample";

const shop = workshop();
const ORDERS = 60;
let browser: Browser;
let board: Board;
let home: string;

beforeAll(async () => {
  browser = await startBrowser();
  const orders = Array.from({ length: ORDERS }, (_, row) => ({ id: row + 1, underlying: ["SPY", "KO"][row % 2], session_day: row < 30 ? "2026-11-19" : "2026-11-20" }));
  home = shop.sample("home", { dashboard_orders: orders });
  board = await startBoard({ BOT_HOME: home, DASHBOARD_REFRESH_SECONDS: "1" });
});
afterAll(async () => {
  await board?.stop();
  await browser?.close();
  shop.clear();
});

async function within<T>(does: (page: Page, context: BrowserContext) => Promise<T>, options: Parameters<Browser["newContext"]>[0] = {}): Promise<T> {
  const context = await browser.newContext(options);
  try {
    return await does(await context.newPage(), context);
  } finally {
    await context.close();
  }
}

describe("the keyboard alone", () => {
  test("reaches the skip link first, then every page, the filters and the tables, and says where it is", async () => {
    await within(async (page) => {
      await page.goto(`${board.url}/desk/orders`, { waitUntil: "networkidle" });
      const met: string[] = [];
      for (let step = 0; step < 150; step++) {
        await page.keyboard.press("Tab");
        const here = await page.evaluate(() => {
          const one = document.activeElement;
          if (one === null || one === document.body) return null;
          const style = getComputedStyle(one);
          const ring = one.matches(":focus-visible") && style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 1;
          return { what: `${one.tagName} ${one.getAttribute("name") ?? one.getAttribute("aria-label") ?? one.getAttribute("href") ?? one.textContent ?? ""}`, ring };
        });
        if (here === null) break;
        expect(here.ring, `${here.what} shows that it has the focus`).toBe(true);
        met.push(here.what);
      }
      expect(met[0]).toBe("A #content");
      for (const [path] of PAGES) expect(met).toContain(`A ${pathOf("desk", path)}`);
      expect(met).toEqual(expect.arrayContaining(["INPUT symbol", "INPUT day", "DIV Table: Orders"]));
      expect(met.some((one) => one.startsWith("BUTTON"))).toBe(true);
      expect(met.some((one) => one.startsWith("SELECT"))).toBe(true);
    });
  });
  test("filters with Enter", async () => {
    await within(async (page) => {
      await page.goto(`${board.url}/desk/orders`, { waitUntil: "networkidle" });
      const field = page.getByRole("search", { name: "Filter Orders" }).locator("input[name=symbol]");
      await field.fill("SPY");
      await field.press("Enter");
      await page.waitForURL(/symbol=SPY/);
      await expect.poll(async () => (await idsOf(page, "Orders")).length).toBe(25);
      expect(await page.getByRole("search", { name: "Filter Orders" }).locator("input[name=symbol]").inputValue()).toBe("SPY");
    });
  });
});

describe("without JavaScript", () => {
  test("every page shows its tables and its words", async () => {
    await within(async (page) => {
      let tables = 0;
      for (const [path, title] of PAGES) {
        await page.goto(board.url + pathOf("desk", path), { waitUntil: "load" });
        expect(await page.locator("h1").innerText(), path).toContain(title);
        expect(await page.locator("header").innerText()).toMatch(/SIMULATED MONEY/i);
        tables += await page.locator("main table tbody tr").count() > 0 ? 1 : 0;
      }
      expect(tables).toBeGreaterThan(8);
    }, { javaScriptEnabled: false });
  });
  test("filters and older pages work, and keep each other", async () => {
    await within(async (page) => {
      await page.goto(`${board.url}/desk/orders`, { waitUntil: "load" });
      const search = page.getByRole("search", { name: "Filter Orders" });
      await search.locator("input[name=symbol]").fill("KO");
      await search.getByRole("button").click();
      await page.waitForURL(/symbol=KO/);
      const newest = await idsOf(page, "Orders");
      expect(newest.length).toBe(25);
      await page.getByRole("navigation", { name: "Pages of Orders" }).getByRole("link", { name: "Older" }).click();
      await page.waitForURL(/before-orders=/);
      expect(page.url()).toContain("symbol=KO");
      const older = await idsOf(page, "Orders");
      expect(older.length).toBe(5);
      await page.getByRole("navigation", { name: "Pages of Orders" }).getByRole("link", { name: "Newest" }).click();
      await page.waitForURL((url) => !url.search.includes("before-orders"));
      expect(page.url()).toContain("symbol=KO");
    }, { javaScriptEnabled: false });
  });
});

describe("a filter", () => {
  test("narrows to what it says, day and symbol together; what fits no shape counts as not asked", async () => {
    await within(async (page) => {
      await page.goto(`${board.url}/desk/orders?symbol=KO&day=2026-11-20`, { waitUntil: "load" });
      expect((await idsOf(page, "Orders")).length).toBe(15);
      expect(await page.locator("input[name=symbol]").first().inputValue()).toBe("KO");
      await page.goto(`${board.url}/desk/orders?symbol=${encodeURIComponent("' OR 1=1")}`, { waitUntil: "load" });
      expect((await idsOf(page, "Orders")).length).toBe(25);
      expect(await page.locator("input[name=symbol]").first().inputValue()).toBe("");
      await page.goto(`${board.url}/desk/orders?symbol=NOSUCH`, { waitUntil: "load" });
      expect((await idsOf(page, "Orders")).length).toBe(0);
    });
  });
  test("goes into the file as well", async () => {
    expect(rowsOf((await ask(board.port, "/desk/csv/orders?symbol=KO&day=2026-11-20")).body).length).toBe(1 + 15);
  });
});

describe("a file of a table", () => {
  test.each(tableNames())("%s has all its columns and rows, and a name", async (name) => {
    const spec = tableNamed(name);
    const said = await ask(board.port, `/desk/csv/${name}`);
    expect(said.status).toBe(200);
    expect(said.headers["content-type"]).toBe("text/csv; charset=utf-8");
    expect(said.headers["content-disposition"]).toBe(`attachment; filename="desk-${name}.csv"`);
    const rows = rowsOf(said.body);
    const wide = spec === null ? 0 : columnsOf(spec).length;
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(row.length).toBe(wide);
  });
  test("is asked for by a link on the page that shows the table", async () => {
    const linked = new Set<string>();
    for (const target of [...PAGES.map(([path]) => pathOf("desk", path)), "/desk/ticks/5"])
      for (const match of (await ask(board.port, target)).body.matchAll(/href="\/desk\/csv\/([\w-]+)/g)) linked.add(match[1] ?? "");
    expect([...linked].sort()).toEqual([...tableNames()].sort());
  });
});

describe("a refresh", () => {
  test("shows a tick that lands while the page is open, by itself", async () => {
    await within(async (page) => {
      await page.goto(`${board.url}/desk/ticks`, { waitUntil: "networkidle" });
      expect(await page.locator("main").innerText()).not.toContain("landed just now");
      changeSample(join(home, "ledger.sqlite"), "UPDATE dashboard_ticks SET note = 'landed just now' WHERE id = 12");
      await page.getByText("landed just now").first().waitFor({ timeout: 5_000 });
    });
  });
  test("pauses while the page is hidden, and comes at once when it is seen again", async () => {
    await within(async (page) => {
      await page.goto(`${board.url}/desk/ticks`, { waitUntil: "networkidle" });
      await hide(page, true);
      await page.waitForTimeout(300);
      const asked = countQuestions(page);
      await page.waitForTimeout(2_500);
      expect(asked()).toBe(0);
      await hide(page, false);
      await expect.poll(asked, { timeout: 900 }).toBeGreaterThan(0);
    });
  });
  test("waits while a field is being written in, and keeps what was written", async () => {
    await within(async (page) => {
      await page.goto(`${board.url}/desk/orders`, { waitUntil: "networkidle" });
      const field = page.locator("input[name=symbol]").first();
      await field.focus();
      await page.waitForTimeout(300);
      const asked = countQuestions(page);
      await page.keyboard.type("SP");
      await page.waitForTimeout(2_500);
      expect(asked()).toBe(0);
      await field.blur();
      await expect.poll(asked, { timeout: 3_000 }).toBeGreaterThan(0);
      expect(await field.inputValue()).toBe("SP");
    });
  });
});

describe("the theme", () => {
  test("is chosen once, kept in a cookie of this address only, and drawn by the server next time", async () => {
    await within(async (page, context) => {
      await page.goto(`${board.url}/desk`, { waitUntil: "networkidle" });
      await page.getByLabel("Theme").selectOption("dark");
      expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
      expect(await context.cookies()).toMatchObject([{ name: "theme", value: "dark", sameSite: "Strict", path: "/" }]);
      expect((await ask(board.port, "/desk", { headers: { Cookie: "theme=dark" } })).body).toContain('data-theme="dark"');
      expect((await ask(board.port, "/desk", { headers: { Cookie: "theme=evil\"><script>" } })).body).not.toContain("evil");
    }, { colorScheme: "light" });
  });
});

describe("a ledger that cannot be shown", () => {
  const states: Readonly<Record<string, readonly [(file: string) => void, RegExp, RegExp]>> = {
    missing: [() => undefined, /There is no ledger here yet/, /bot tick/],
    empty: [(file) => writeFileSync(file, ""), /The ledger is empty/, /bot tick/],
    other: [(file) => writeFileSync(file, "something else entirely\n".repeat(200)), /The file is no ledger/, /bot restore/],
    older: [(file) => writeSample(file, { version: SCHEMA_VERSION - 1 }), /schema \d+, this board reads \d+/, /bot tick|bot doctor/],
    newer: [(file) => writeSample(file, { version: SCHEMA_VERSION + 1 }), /schema \d+, this board reads \d+/, /make dashboard/],
    fresh: [(file) => { writeSample(file); changeSample(file, "DELETE FROM dashboard_desk"); }, /No tick has finished yet/, /bot tick/],
    damaged: [(file) => { writeSample(file); changeSample(file, "DROP TABLE dashboard_ticks; DROP TABLE dashboard_desk"); }, /The ledger is damaged/, /bot audit verify/],
  };
  let other: Board;
  const folders = Object.keys(states).map((name) => join(shop.root, `trouble-${name}`));
  beforeAll(async () => {
    Object.values(states).forEach(([make], index) => {
      mkdirSync(folders[index] ?? "", { recursive: true });
      make(join(folders[index] ?? "", "ledger.sqlite"));
    });
    other = await startBoard({ DASHBOARD_HOMES: Object.keys(states).map((name, index) => `${name}=${folders[index]}`).join(","), DASHBOARD_REFRESH_SECONDS: "1" });
  });
  afterAll(() => other?.stop());

  test.each(Object.entries(states).map(([name, [, title, todo]]) => [name, title, todo] as const))("%s: every page says so and what to do", async (name, title, todo) => {
    for (const [path] of PAGES) {
      const said = await ask(other.port, pathOf(name, path));
      expect(said.status, path).toBe(200);
      const shown = said.body.replaceAll(/<script[\s\S]*?<\/script>/g, "").replaceAll(/<!--.*?-->/g, "");
      expect(shown, path).toMatch(title);
      expect(shown, path).toMatch(todo);
      expect(said.body, path).not.toMatch(/\n\s+at \S+ \(|SqliteError/);
    }
    const file = await ask(other.port, `/${name}/csv/orders`);
    expect([200, 503]).toContain(file.status);
    expect(file.body).not.toMatch(/\n\s+at /);
  });
  test("health is told to a machine, each desk by itself", async () => {
    const said = await ask(other.port, "/api/health");
    expect(said.status).toBe(503);
    const { desks } = JSON.parse(said.body) as { desks: { desk: string; ok: boolean; trouble?: string }[] };
    expect(Object.fromEntries(desks.map((one) => [one.desk, one.trouble ?? one.ok]))).toEqual({
      missing: "missing", empty: "empty", other: "not_a_database", older: "older", newer: "newer", fresh: false, damaged: "not_a_database",
    });
    expect((await ask(board.port, "/api/health")).status).toBe(200);
  });
  test("the first ledger shows on the open page by itself", async () => {
    await within(async (page) => {
      await page.goto(`${other.url}/missing`, { waitUntil: "networkidle" });
      await page.getByText("There is no ledger here yet").waitFor();
      writeSample(join(shop.root, "trouble-missing", "ledger.sqlite"));
      await page.getByText("SIMULATED MONEY").first().waitFor({ timeout: 5_000 });
    });
    rmSync(join(shop.root, "trouble-missing", "ledger.sqlite"));
  });
  test("locked: said after two seconds, and gone when it is free", async () => {
    const file = join(shop.root, "trouble-locked", "ledger.sqlite");
    shop.sample("trouble-locked");
    const third = await startBoard({ BOT_HOME: join(shop.root, "trouble-locked") });
    const holder = await hold(file, "DELETE");
    try {
      expect((await ask(third.port, "/desk")).body).toContain("The ledger is locked");
    } finally {
      await holder.letGo();
    }
    expect((await ask(third.port, "/desk")).body).not.toContain("The ledger is locked");
    await third.stop();
  });
  test("an unknown desk is not there, in words, with those that are", async () => {
    for (const target of ["/nobody", "/nobody/orders", "/nobody/ticks/5"]) {
      const said = await ask(other.port, target);
      expect(said.status, target).toBe(404);
      expect(said.body, target).toContain("There is no such page or desk here");
      expect(said.body, target).toContain('href="/fresh"');
    }
    expect((await ask(other.port, "/nobody/csv/orders")).status).toBe(404);
  });
});

test("the kind of money and what happens to orders stand on every page, for each kind", async () => {
  const kinds = { simulated: "SIMULATED MONEY", paper: "PAPER MONEY", live: "LIVE MONEY" };
  const homes = Object.entries(kinds).map(([name, money]) => `${name}=${shop.sample(name, { dashboard_desk: [{ money, mode: name === "live" ? "live" : "dry" }] })}`);
  const other = await startBoard({ DASHBOARD_HOMES: homes.join(",") });
  try {
    for (const [name, money] of Object.entries(kinds))
      for (const target of [...PAGES.map(([path]) => pathOf(name, path)), `/${name}/ticks/5`]) {
        const { body } = await ask(other.port, target);
        const header = /<header[\s\S]*?<\/header>/.exec(body)?.[0] ?? "";
        expect(header, target).toContain(money);
        expect(header, target).toContain(name === "live" ? "sends orders" : "dry: sends nothing");
        for (const foreign of Object.values(kinds).filter((one) => one !== money)) expect(header, target).not.toContain(foreign);
      }
  } finally {
    await other.stop();
  }
});

async function hide(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((now) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => now });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
}

function countQuestions(page: Page): () => number {
  let count = 0;
  page.on("request", () => { count += 1; });
  return () => count;
}

async function idsOf(page: Page, table: string): Promise<string[]> {
  return page.getByRole("region", { name: `Table: ${table}`, exact: true }).locator("tbody tr").allInnerTexts();
}

/** Read comma-separated values as the standard says. */
function rowsOf(csv: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, bare, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted?.replaceAll('""', '"') ?? bare ?? "");
    if (end === ",") continue;
    rows.push(row);
    row = [];
  }
  expect(row, "the file ends with a line's end").toEqual([]);
  return rows;
}
