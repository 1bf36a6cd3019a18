import "server-only";

/** With several desks a command copied from a page must reach the desk of that page: it names its home. */

import { cache } from "react";
import type { Home } from "./homes";

/** What stands before a command on this page; kept for one request only. */
const asked = cache((): { prefix: string } => ({ prefix: "" }));

/** Say whose page is being drawn; one desk alone needs no name, its `.env` says it. */
export function drawnFor(home: Home | null, homes: number): void {
  asked().prefix = home === null || homes < 2 ? "" : `BOT_HOME=${quoted(home.folder)} `;
}

/** Write a command of the bot as it must be typed for this page's desk. */
export function commandHere(command: string): string {
  return /^bot\b/.test(command) ? `${asked().prefix}${command}` : command;
}

/** Quote a path for a shell where it needs it. */
export function quoted(path: string): string {
  return /^[A-Za-z0-9_./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
