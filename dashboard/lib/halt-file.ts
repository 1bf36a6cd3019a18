import "server-only";

/** The file named HALT in a home: it stops the desk without a database, so the board looks for it itself. */

import { closeSync, constants, lstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { words } from "./format";
import type { Home } from "./homes";
import { text, type Row } from "./schema";

export type HaltFile = Readonly<{ path: string; since: string | null; reason: string; command: string }>;

type Desk = Row<"dashboard_desk">;

const NAME = "HALT";
/** Who the ledger says set a halt that such a file stands for. */
const AUTHOR = "HALT file";
const REASON_BYTES = 500;
const PLAIN_PATH = /^[A-Za-z0-9_./~+-]+$/;

/** Find the HALT file of a home; null without one. One that cannot be read halts all the same: it is there. */
export function haltFileOf(home: Home): HaltFile | null {
  const path = join(/*turbopackIgnore: true*/ home.folder, NAME);
  const command = `rm ${PLAIN_PATH.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`}`;
  let since: string | null = null;
  try {
    since = lstatSync(path).mtime.toISOString();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    return code === "ENOENT" || code === "ENOTDIR" ? null : { path, since, reason: "whether the file is there cannot be seen", command };
  }
  return { path, since, reason: reasonIn(path), command };
}

/** Give the desk as it stands with a HALT file beside its ledger: the file stops it whatever the newest tick wrote. */
export function haltedBy(desk: Desk, file: HaltFile | null): Desk {
  if (file === null) return desk;
  const level = text(desk.halt_level) ?? "run";
  const also = level === "run" || text(desk.halt_author) === AUTHOR ? "" : `; besides it, ${words(level)} by ${text(desk.halt_author)}: ${text(desk.halt_reason)}`;
  return {
    ...desk, halt_level: "stop", halt_author: "a file named HALT", halt_at: file.since, halt_reason: `${file.reason}${also}`,
    halt_clears: "by a person who removes the file; until then nothing is sent",
    halt_command: also === "" || !text(desk.halt_command) ? file.command : `${file.command} && ${text(desk.halt_command)}`,
  };
}

/** Read the first line of the file, as the bot does: never waiting, never much. */
function reasonIn(path: string): string {
  let handle: number;
  try {
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return "the file cannot be read";
  }
  try {
    const bytes = Buffer.alloc(REASON_BYTES);
    const line = bytes.subarray(0, readSync(handle, bytes, 0, REASON_BYTES, null)).toString("utf8").split("\n")[0] ?? "";
    return line.replaceAll(/\p{C}/gu, " ").trim() || "the file says nothing";
  } catch {
    return "the file cannot be read";
  } finally {
    closeSync(handle);
  }
}
