import { readFileSync, statSync } from "node:fs";

/** Read a secret's file and say whether others may read it too. @param {string} path */
export function readSecret(path) {
  return { text: readFileSync(path, "utf8"), open: (statSync(path).mode & 0o077) !== 0 };
}
