/** Spans of time a chart can show, and how each is read: by tick, by day, or by month's end over all of it. */

import type { Ledger } from "./store";
import { numeric, text, type Row } from "./schema";
import { dayAfter, momentOf } from "./time";
import type { Point } from "@/components/line-chart";

export const SPANS = ["1D", "1W", "1M", "3M", "YTD", "1Y", "5Y", "All"] as const;
export type Span = (typeof SPANS)[number];

/** Points of a line at most: more cannot be told apart on a screen. */
const POINTS_MAX = 800;
const DAYS: Readonly<Record<Exclude<Span, "1D" | "1W" | "YTD" | "All">, number>> = { "1M": 31, "3M": 92, "1Y": 366, "5Y": 1827 };

/** Our return, that of holding the same shares, that of the benchmark: fractions since the span's first point. */
export type Returns = Readonly<{ points: readonly Point[]; ours: number | null; holding: number | null; benchmark: number | null }>;

/** Read the returns of a span that ends at the newest tick of `day`. */
export function readReturns(ledger: Ledger, span: Span, day: string): Returns {
  if (span === "1D" || span === "1W") {
    const since = span === "1D" ? day : dayAfter(day, -6);
    const rows = ledger.rows("dashboard_moments", {
      columns: ["ts", "nav_index", "holding_index", "benchmark_index"],
      where: [{ column: "day", is: ">=", value: since }], order: [["day", "up"], ["tick_id", "up"]], limit: 400,
    });
    return returnsOf(rows.map((row) => [(momentOf(text(row.ts))?.getTime() ?? 0) / 1000, row] as const));
  }
  const since = span === "All" ? "0000-00-00" : span === "YTD" ? `${Number(day.slice(0, 4)) - 1}-12-24` : dayAfter(day, -DAYS[span]);
  const rows = ledger.rows("dashboard_equity", {
    columns: ["day", "nav_index", "holding_index", "benchmark_index"],
    where: [{ column: "day", is: ">=", value: since }], order: [["day", "up"]], limit: 5_000,
  });
  const kept = span === "YTD" ? sinceYearEnd(rows, day.slice(0, 4)) : rows;
  return returnsOf(kept.map((row) => [text(row.day) ?? "", row] as const));
}

type Indexed = Readonly<{ nav_index: unknown; holding_index: unknown; benchmark_index: unknown }>;

function returnsOf(rows: readonly (readonly [number | string, Indexed])[]): Returns {
  const columns = ["nav_index", "holding_index", "benchmark_index"] as const;
  const first = columns.map((column) => rows.map(([, row]) => numeric(row[column] as number | null)).find((value) => value !== null) ?? null);
  const points = thinned(rows).map(([at, row]): Point => {
    const values = columns.map((column, index) => {
      const value = numeric(row[column] as number | null);
      const base = first[index] ?? null;
      return value === null || base === null || base === 0 ? null : (value / base - 1) * 100;
    });
    return [at, ...values];
  });
  const last = (index: number): number | null => {
    const value = points.at(-1)?.[index];
    return typeof value === "number" ? value / 100 : null;
  };
  return { points, ours: last(1), holding: last(2), benchmark: last(3) };
}

/** Keep the year's own days and the last one before them, which is where the year starts. */
function sinceYearEnd(rows: readonly Row<"dashboard_equity">[], year: string): readonly Row<"dashboard_equity">[] {
  const begin = rows.findIndex((row) => (text(row.day) ?? "") >= `${year}-01-01`);
  return begin <= 0 ? rows : rows.slice(begin - 1);
}

/** Keep the first, the last and evenly spaced rows between. */
export function thinned<T>(rows: readonly T[], most = POINTS_MAX): readonly T[] {
  if (rows.length <= most) return rows;
  const step = (rows.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, index) => rows[Math.round(index * step)] as T);
}
