/** A real headless Chromium and a real board in front of it; both end with the test. */

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { chromium, type Browser } from "playwright-core";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export type Board = Readonly<{ url: string; port: number; said: () => string; stop: () => Promise<void> }>;

/** Find a Chromium; null where the machine has none. */
export function chromiumPath(): string | null {
  return [process.env["CHROMIUM"] ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
    .find((path) => path !== "" && existsSync(path)) ?? null;
}

/** Start the browser. */
export async function startBrowser(): Promise<Browser> {
  const path = chromiumPath();
  if (path === null) throw new Error("Expected Chromium: install Debian's package chromium, or name it in CHROMIUM.");
  return chromium.launch({ executablePath: path, args: FLAGS, chromiumSandbox: process.getuid?.() !== 0 });
}

/** Start the built board on a free port of loopback, with the given environment and nothing else of ours. */
export async function startBoard(env: Readonly<Record<string, string>>): Promise<Board> {
  const port = await freePort();
  let said = "";
  const child: ChildProcess = spawn(process.execPath, ["server/start.mjs"], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", NODE_ENV: "production", DASHBOARD_PORT: String(port), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.stdout?.on("data", (chunk: Buffer) => { said += chunk.toString(); });
  child.stderr?.on("data", (chunk: Buffer) => { said += chunk.toString(); });
  const deadline = Date.now() + 30_000;
  while (!said.includes("is at http")) {
    if (child.exitCode !== null) throw new Error(`The board ended with ${child.exitCode}: ${said}`);
    if (Date.now() > deadline) throw new Error(`The board did not start in 30 s: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    said: () => said,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Ask the system for a port nobody has. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}
