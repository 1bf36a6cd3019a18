/** Rows as comma-separated values that a spreadsheet reads and cannot be tricked by. */

import type { Cell } from "./schema";

/** Write a table; a cell that a spreadsheet would run as a formula begins with an apostrophe. */
export function csvOf(titles: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [titles, ...rows].map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
}

function field(cell: Cell): string {
  if (cell === null || cell instanceof Uint8Array) return "";
  if (typeof cell === "number") return String(cell);
  const defused = isFormula(cell) ? `'${cell}` : cell;
  return /[",\r\n\t']/.test(defused) ? `"${defused.replaceAll('"', '""')}"` : defused;
}

function isFormula(cell: string): boolean {
  // A plain negative number is data, not a formula.
  return /^[=+\-@\t\r\n|]/.test(cell) && !/^-?\d+(\.\d+)?$/.test(cell);
}
