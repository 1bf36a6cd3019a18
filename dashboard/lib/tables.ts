/** Every table of the board, once: which view, which columns, which filters. The page and its CSV are made from the same entry. */

import { numberParam, param, type Params, type Shape } from "./params";
import type { ColumnName, Row, ViewName } from "./schema";
import type { Ledger, Where } from "./store";

export type Filter<V extends ViewName> = Readonly<{
  /** Name in the address, also the label. */
  name: string;
  shape: Shape;
  where: readonly Readonly<{ column: ColumnName<V>; is: Where<V>["is"] }>[];
  /** What a person may write, as a hint. */
  hint: string;
}>;

export type TableSpec<V extends ViewName = ViewName> = Readonly<{
  name: string;
  view: V;
  title: string;
  /** Columns shown, with their titles; the CSV has them under the same titles. */
  columns: readonly (readonly [ColumnName<V>, string])[];
  /** Further columns that the page reads for its own drawing; the CSV has them under their own names. */
  also?: readonly ColumnName<V>[];
  order: readonly (readonly [ColumnName<V>, "up" | "down"])[];
  /** A unique column counted down by which older pages are asked for, where the table grows for ever. */
  cursor?: ColumnName<V>;
  /** Conditions that always hold. */
  fixed?: readonly Where<V>[];
  filters: readonly Filter<V>[];
  /** Rows a page. */
  size: number;
}>;

export type TablePage<V extends ViewName> = Readonly<{ spec: TableSpec<V>; rows: readonly Row<V>[]; older: string }>;

/** Rows of a CSV at most: a file that a spreadsheet opens. */
export const CSV_ROWS = 5_000;

/** Keep the types of an entry while writing it. */
export function table<V extends ViewName>(spec: TableSpec<V>): TableSpec<V> {
  return spec;
}

/** Name the parameter by which older rows of a table are asked for: each table on a page turns its own pages. */
export function cursorName(spec: Readonly<{ name: string }>): string {
  return `before-${spec.name}`;
}

/** Tell whether an address asks something of a table: a filter of it, or its older rows. */
export function isAsked(params: Params, spec: Readonly<{ name: string; filters: readonly Readonly<{ name: string }>[] }>): boolean {
  return [cursorName(spec), ...spec.filters.map((filter) => filter.name)].some((name) => (params[name] ?? "") !== "");
}

/** Read one page of a table: its filters and cursor come from the address. */
export function tablePage<V extends ViewName>(ledger: Ledger, spec: TableSpec<V>, params: Params): TablePage<V> {
  const rows = readRows(ledger, spec, params, spec.size + 1);
  const last = rows[spec.size - 1];
  const older = spec.cursor !== undefined && rows.length > spec.size && last !== undefined ? String(last[spec.cursor]) : "";
  return { spec, rows: rows.slice(0, spec.size), older };
}

/** Read rows of a table up to a number of them. */
export function readRows<V extends ViewName>(ledger: Ledger, spec: TableSpec<V>, params: Params, limit: number): Row<V>[] {
  const where: Where<V>[] = [...(spec.fixed ?? [])];
  for (const filter of spec.filters) {
    const value = param(params, filter.name, filter.shape);
    if (value === "") continue;
    for (const { column, is } of filter.where)
      where.push({ column, is, value: filter.shape === "number" ? Number(value) : value });
  }
  const before = numberParam(params, cursorName(spec), 0, Number.MAX_SAFE_INTEGER);
  if (spec.cursor !== undefined && before > 0) where.push({ column: spec.cursor, is: "<", value: before });
  return ledger.rows(spec.view, { columns: columnsOf(spec), where, order: spec.order, limit });
}

/** List every column an entry reads, shown ones first. */
export function columnsOf<V extends ViewName>(spec: TableSpec<V>): readonly ColumnName<V>[] {
  const shown = spec.columns.map(([column]) => column);
  const cursor = spec.cursor === undefined ? [] : [spec.cursor];
  return [...new Set([...shown, ...(spec.also ?? []), ...cursor])];
}
