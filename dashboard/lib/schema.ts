/** The contract with the ledger: every view the board may read, its columns and their kinds (made by `make docs`). */

import schema from "../schema.json";

export type Kind =
  | "int" | "real" | "flag" | "text" | "symbol" | "id" | "money" | "price" | "qty" | "number" | "fraction"
  | "moment" | "day" | "json" | "blob";

export type ViewName = keyof typeof schema.views;
export type ColumnName<V extends ViewName> = keyof (typeof schema.views)[V] & string;
export type Cell = string | number | null | Uint8Array;
export type Row<V extends ViewName> = Readonly<Record<ColumnName<V>, Cell>>;

export const SCHEMA_VERSION: number = schema.version;
export const VIEWS = schema.views as Readonly<Record<ViewName, Readonly<Record<string, Kind>>>>;

/** Give a column's kind; an unknown one is a fault of ours. */
export function kindOf(view: ViewName, column: string): Kind {
  const kind = VIEWS[view][column];
  if (kind === undefined) throw new Error(`${view} has no column ${column}`);
  return kind;
}

/** Read a cell as text; null stays null. */
export function text(cell: Cell | undefined): string | null {
  return cell === null || cell === undefined || cell instanceof Uint8Array ? null : String(cell);
}

/** Read a cell as a number; null and what is none stay null. */
export function numeric(cell: Cell | undefined): number | null {
  if (cell === null || cell === undefined || cell === "" || cell instanceof Uint8Array) return null;
  const value = Number(cell);
  return Number.isFinite(value) ? value : null;
}

/** Read a cell as a yes or no. */
export function flag(cell: Cell | undefined): boolean {
  return cell === 1;
}

/** Read a cell of JSON; null where it is none or broken. */
export function json(cell: Cell | undefined): unknown {
  const given = text(cell);
  if (given === null) return null;
  try {
    return JSON.parse(given) as unknown;
  } catch {
    return null;
  }
}
