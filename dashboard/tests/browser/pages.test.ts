/** Every page of the board in a real browser: over a ledger in which nothing is empty, and over what the bot makes of a simulated desk. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PAGES, pathOf } from "../../lib/pages";
import { chromiumPath, startBoard, startBrowser, type Board } from "../support/browser";
import { botPython, simulate, workshop } from "../support/homes";
import { sideways, stumbles, watch } from "../support/watch";

const SHOTS = join(import.meta.dirname, "../../screenshots");
/** Kilobytes of script, gzipped: where there is a chart, and where there is none. */
const WEIGHT_CHART_KB = 190;
const WEIGHT_KB = 140;
const SESSIONS = 30;
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };
const shop = workshop();
let browser: Browser;

beforeAll(async () => {
  if (chromiumPath() !== null) browser = await startBrowser();
  mkdirSync(SHOTS, { recursive: true });
});
afterAll(async () => {
  await browser?.close();
  shop.clear();
});

const ADDRESSES = [
  ...PAGES.map(([page, title]) => [pathOf("desk", page), title] as const),
  ["/desk/ticks/5", "Tick 5"], ["/desk/orders?symbol=SPY", "Orders"], ["/desk/why?day=2026-11-18", "Why"], ["/desk?span=All", "Overview"],
] as const;

describe.each(["sample", "simulated"] as const)("over the %s desk", (kind) => {
  let board: Board | undefined;
  beforeAll(async () => {
    if (chromiumPath() === null) return;
    const python = botPython();
    if (kind === "simulated" && python === null) return;
    const home = kind === "sample" ? shop.sample("sample") : join(shop.root, "simulated");
    if (kind === "simulated" && python !== null) simulate(python, home, SESSIONS);
    board = await startBoard({ BOT_HOME: home });
  });
  afterAll(() => board?.stop());

  test.each(ADDRESSES)("%s is right in both themes and on a phone", async (path, title) => {
    if (chromiumPath() === null) throw new Error("Expected Chromium: install Debian's package chromium, or name it in CHROMIUM.");
    if (board === undefined) return;
    // One desk is dark by the choice kept in a cookie, the other because the machine is.
    const { url } = board;
    await Promise.all((["light", "dark"] as const).map(async (theme) => {
      const context = await browser.newContext({ viewport: DESKTOP, colorScheme: kind === "sample" ? (theme === "dark" ? "light" : "dark") : theme, reducedMotion: "reduce" });
      if (kind === "sample") await context.addCookies([{ name: "theme", value: theme, url }]);
      const page = await context.newPage();
      const seen = watch(page, url);
      const answer = await page.goto(url + path, { waitUntil: "load" });
      expect(answer?.status(), path).toBe(200);
      await expect.poll(() => page.locator("h1").first().textContent()).toContain(title);
      const boxes = await page.locator("figure > [role=group]").count();
      await expect.poll(() => page.locator("figure > [role=group]:has(canvas)").count()).toBe(boxes);
      const ground = await page.evaluate(() => getComputedStyle(document.querySelector("header") ?? document.body).backgroundColor);
      expect(lightness(ground) < 128, `${theme}: ${ground}`).toBe(theme === "dark");
      const header = await page.locator("header").innerText();
      expect(header).toMatch(/SIMULATED MONEY|PAPER MONEY|LIVE MONEY/i);
      expect(header).toMatch(/dry: sends nothing|sends orders/);
      expect(await stumbles(page), `${path} ${theme}`).toEqual([]);
      await seen.settled();
      const weight = [...seen.scripts.values()].reduce((sum, size) => sum + size, 0) / 1000;
      expect(weight, `${path} loads ${weight.toFixed(1)} kB of script`).toBeLessThanOrEqual(boxes > 0 ? WEIGHT_CHART_KB : WEIGHT_KB);
      const shot = join(SHOTS, `${kind}-${path.slice(1).replaceAll(/[^\w-]+/g, "-")}`);
      if (kind === "simulated") await page.screenshot({ path: `${shot}-${theme}.png`, fullPage: true });
      await page.setViewportSize(PHONE);
      await page.waitForTimeout(50);
      expect(await sideways(page), `${path} on a phone`).toEqual([]);
      if (kind === "simulated" && theme === "light") await page.screenshot({ path: `${shot}-phone.png`, fullPage: true });
      expect(seen.complaints, path).toEqual([]);
      expect(seen.outside, path).toEqual([]);
      await context.close();
    }));
  });

  test("every page shows a number of its own", async ({ skip }) => {
    if (board === undefined) skip("BOT_PYTHON names no Python that can run the bot: no simulated desk");
    if (board === undefined) return;
    const page = await browser.newPage();
    for (const path of ["/desk", "/desk/positions", "/desk/wheel", "/desk/income", "/desk/orders", "/desk/ticks", "/desk/config", "/desk/audit", "/desk/why"]) {
      await page.goto(board.url + path, { waitUntil: "load" });
      expect(await page.locator("main").innerText(), path).toMatch(/\d/);
    }
    await page.close();
  });
});

test("several desks stand on one page, and the money of each kind is added up exactly and apart", async () => {
  if (chromiumPath() === null) return;
  const one = shop.sample("one", { dashboard_desk: [{ equity: "0.10", cash: "9007199254740993.01", day_pnl: "-0.05", money: "PAPER MONEY" }] });
  const two = shop.sample("two", { dashboard_desk: [{ equity: "0.20", cash: "0.02", day_pnl: "0.05", money: "PAPER MONEY" }] });
  const three = shop.sample("three", { dashboard_desk: [{ equity: "1000000.00", cash: "5", day_pnl: "1", money: "SIMULATED MONEY" }] });
  const board = await startBoard({ DASHBOARD_HOMES: `one=${one},two=${two},three=${three},none=${join(shop.root, "nowhere")}` });
  try {
    for (const theme of ["light", "dark"] as const) {
      const context = await browser.newContext({ viewport: DESKTOP, colorScheme: theme });
      const page = await context.newPage();
      const seen = watch(page, board.url);
      await page.goto(board.url, { waitUntil: "networkidle" });
      const paper = page.getByRole("region", { name: /PAPER MONEY, 2 desks/ });
      expect(await paper.innerText()).toContain("$0.30");
      expect(await paper.innerText()).toContain("$9,007,199,254,740,993.03");
      expect(await paper.innerText()).not.toContain("1,000,000");
      expect(await page.locator("main").innerText()).toContain("There is no ledger here yet");
      expect(await stumbles(page)).toEqual([]);
      await page.setViewportSize(PHONE);
      expect(await sideways(page)).toEqual([]);
      await page.setViewportSize(DESKTOP);
      await page.getByRole("region", { name: "two", exact: true }).getByRole("link", { name: "Open" }).click();
      await page.waitForURL(`${board.url}/two`);
      await page.getByRole("navigation", { name: "Desks" }).getByRole("link", { name: "three" }).click();
      await page.waitForURL(`${board.url}/three`);
      await expect.poll(() => page.locator("header").innerText()).toMatch(/SIMULATED MONEY/i);
      await page.goto(`${board.url}/two/config`, { waitUntil: "networkidle" });
      expect(await page.locator("main").innerText(), "a copied command reaches the desk of its page").toContain(`BOT_HOME=${two} bot config approve`);
      expect([...seen.complaints, ...seen.outside]).toEqual([]);
      await context.close();
    }
  } finally {
    await board.stop();
  }
});

function lightness(color: string): number {
  const parts = [...color.matchAll(/[\d.]+/g)].map((match) => Number(match[0]));
  return (parts[0] ?? 0) * 0.3 + (parts[1] ?? 0) * 0.59 + (parts[2] ?? 0) * 0.11;
}
