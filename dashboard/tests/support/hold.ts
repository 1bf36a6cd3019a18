/** Another program that holds a ledger so that nobody can read it: what a restore or a hand with a SQLite shell does. */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const CODE = `
const [path, journal] = process.argv.slice(1);
const database = new (require("libsql"))(path);
database.exec("PRAGMA locking_mode = EXCLUSIVE");
database.exec("PRAGMA journal_mode = " + journal);
database.exec("BEGIN EXCLUSIVE");
database.exec("CREATE TABLE held (a)");
process.stdout.write("held");
process.stdin.resume();
`;

/** Take the ledger whole; `letGo` ends the holder, and what it had begun is undone. */
export async function hold(path: string, journal: string): Promise<Readonly<{ letGo: () => Promise<void> }>> {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const holder = spawn(process.execPath, ["-e", CODE, path, journal], { cwd: root, stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => holder.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let said = "";
    holder.stderr.on("data", (chunk: Buffer) => { said += chunk.toString(); });
    holder.stdout.once("data", () => resolve());
    holder.once("exit", () => reject(new Error(`The holder could not take the ledger: ${said}`)));
  });
  return {
    letGo: async () => {
      holder.kill("SIGKILL");
      await ended;
    },
  };
}
