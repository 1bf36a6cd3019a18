/** Homes to show: of samples, and of a simulated desk made by the bot itself. */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { writeSample, type Overrides } from "./sample";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));

/** Make a folder that `clear` removes. */
export function workshop(): Readonly<{ root: string; sample: (name: string, overrides?: Overrides) => string; clear: () => void }> {
  const root = mkdtempSync(join(tmpdir(), "board-"));
  return {
    root,
    sample: (name, overrides = {}) => {
      const folder = join(root, name);
      mkdirSync(folder, { recursive: true });
      writeSample(join(folder, "ledger.sqlite"), { overrides });
      return folder;
    },
    clear: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The Python that can run the bot, from BOT_PYTHON; null where none is named. */
export function botPython(): string | null {
  const named = process.env["BOT_PYTHON"] ?? "";
  return named === "" ? null : named.includes("/") ? resolve(PROJECT, named) : named;
}

/** Let the bot trade some finished sessions in a simulated world, into a home of its own; days are pinned so that every run sees the same. */
export function simulate(python: string, folder: string, days: number): void {
  const done = spawnSync(python, ["-m", "bot", "simulate", "--days", String(days), "--until", "2026-11-20", "--home", folder, "--equity", "60000"], {
    cwd: join(folder, ".."), encoding: "utf8", env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", PYTHONPATH: PROJECT, NODE_ENV: "test" },
  });
  if (done.status !== 0) throw new Error(`bot simulate ended with ${done.status}: ${done.stdout}${done.stderr}${done.error?.message ?? ""}`);
}
