/** What a page may never do while it is looked at, gathered while it is. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

export type Watch = Readonly<{ complaints: string[]; outside: string[]; scripts: Map<string, number>; settled: () => Promise<void> }>;

/** Watch a page from now on: errors in its console, faults of its policy, requests elsewhere, weight of its scripts (gzipped). */
export function watch(page: Page, origin: string): Watch {
  const complaints: string[] = [];
  const outside: string[] = [];
  const scripts = new Map<string, number>();
  const reading: Promise<void>[] = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) complaints.push(message.text()); });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (asked) => { if (!asked.url().startsWith(`${origin}/`) && !asked.url().startsWith("data:")) outside.push(asked.url()); });
  page.on("response", (answer) => {
    if (answer.status() >= 400) complaints.push(`${answer.status()} ${answer.url()}`);
    if (!/javascript/.test(answer.headers()["content-type"] ?? "")) return;
    reading.push(answer.body().then((body) => void scripts.set(answer.url(), gzipSync(body, { level: 9 }).length), () => undefined));
  });
  return { complaints, outside, scripts, settled: async () => void (await Promise.all(reading)) };
}

/** Ask axe what a person with a screen reader, a keyboard or weak eyes would stumble over: everything serious, and every fault of contrast. */
export async function stumbles(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const found = await page.evaluate(async (rules) => {
    type Violation = { id: string; impact: string | null; help: string; nodes: { target: unknown[]; failureSummary?: string }[] };
    const axe = (window as unknown as { axe: { run: (what: unknown, how: unknown) => Promise<{ violations: Violation[] }> } }).axe;
    // The chart's own mark is drawn by the library, with its own colours.
    return (await axe.run({ exclude: [["#tv-attr-logo"]] }, { runOnly: rules, resultTypes: ["violations"] })).violations;
  }, RULES);
  return found
    .filter((one) => ["serious", "critical"].includes(one.impact ?? "") || one.id === "color-contrast")
    .map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => `${JSON.stringify(node.target)} ${node.failureSummary?.split("\n")[1]?.trim() ?? ""}`).join("; ")}`);
}

/** Say how far a page can be scrolled sideways, and what sticks out. */
export async function sideways(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const wide = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= wide) return [];
    const out = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > wide + 1 && one.closest(".overflow-x-auto") === null);
    return [`${document.documentElement.scrollWidth} of ${wide}`, ...out.slice(0, 4).map((one) => `${one.tagName} ${one.className} ${(one.textContent ?? "").slice(0, 40)}`)];
  });
}
