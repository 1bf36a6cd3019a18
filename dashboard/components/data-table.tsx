/** A table of the registry: filters, rows, older rows, CSV. Works without JavaScript; scrolls sideways inside itself on a phone. */

import Link from "@/components/link";
import type { ReactNode } from "react";
import { count, dollars, number, percent, plain, price, words } from "@/lib/format";
import { addressOf, param, type Params } from "@/lib/params";
import { kindOf, numeric, text, type ColumnName, type Row, type ViewName } from "@/lib/schema";
import { dayText } from "@/lib/time";
import { cursorName, type TablePage } from "@/lib/tables";
import { spelled } from "@/lib/series";
import { Empty, Series, When } from "./ui";

/** Ways of a page to draw a cell of its own: given the row, the node. */
export type Cells<V extends ViewName> = Readonly<Partial<Record<ColumnName<V>, (row: Row<V>) => ReactNode>>>;

/** On a phone a table scrolls sideways inside itself, and its first column stays. */
const STAYS = "max-sm:first:sticky max-sm:first:left-0 max-sm:first:z-[1] max-sm:first:bg-surface max-sm:first:pr-3";

const RIGHT = new Set(["int", "real", "money", "price", "qty", "number", "fraction"]);

export function DataTable<V extends ViewName>({ page, params, path, cells, empty, filters = true }: Readonly<{
  page: TablePage<V>; params: Params; path: string; cells?: Cells<V>; empty: ReactNode; filters?: boolean;
}>) {
  const { spec, rows, older } = page;
  return (
    <div className="min-w-0">
      {filters && spec.filters.length > 0 ? <div className="mb-2"><Filters page={page} params={params} path={path} /></div> : null}
      {rows.length === 0 ? <Empty>{empty}</Empty> : <Rows page={page} cells={cells ?? ({} as Cells<V>)} />}
      <div className="mt-2 flex items-baseline justify-between gap-4 text-xs">
        <Pager params={params} path={path} older={older} cursor={cursorName(spec)} title={spec.title} />
        {/* A plain link: a file is fetched, not a page. */}
        <a href={addressOf(`/${path.split("/")[1]}/csv/${spec.name}`, params, { [cursorName(spec)]: "" })} download className="ml-auto">
          CSV<span className="sr-only"> of {spec.title}</span>
        </a>
      </div>
    </div>
  );
}

function Rows<V extends ViewName>({ page: { spec, rows }, cells }: Readonly<{ page: TablePage<V>; cells: Cells<V> }>) {
  return (
    <div role="region" aria-label={`Table: ${spec.title}`} tabIndex={0} className="overflow-x-auto">
      <table className="w-full border-collapse text-left text-[0.8125rem] max-sm:w-max">
        <caption className="sr-only">{spec.title}</caption>
        <thead>
          <tr className="border-b border-line text-xs text-muted">
            {spec.columns.map(([column, title]) => (
              <th key={column} scope="col" className={`px-2 py-1.5 align-bottom font-medium first:pl-0 last:pr-0 ${STAYS} ${side(spec.view, column)}`}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index} className="border-b border-line/60 align-top last:border-0">
              {spec.columns.map(([column]) => (
                <td key={column} className={`px-2 py-1.5 first:pl-0 last:pr-0 max-sm:max-w-72 ${STAYS} ${side(spec.view, column)}`}>
                  {cells[column]?.(row) ?? <Plain view={spec.view} column={column} row={row} />}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Draw a cell as its kind asks. */
export function Plain<V extends ViewName>({ view, column, row }: Readonly<{ view: V; column: ColumnName<V>; row: Row<V> }>) {
  const cell = row[column];
  const given = text(cell);
  if (given === null || given === "") return <span className="text-muted">–</span>;
  switch (kindOf(view, column)) {
    case "money":
      return <span className="whitespace-nowrap">{dollars(given)}</span>;
    case "price":
      return <>{price(given)}</>;
    case "qty":
    case "number":
      return <>{plain(given)}</>;
    case "fraction":
      return <>{percent(given)}</>;
    case "real":
      return <>{number(given)}</>;
    case "int":
      return <>{count(numeric(cell))}</>;
    case "flag":
      return <>{cell === 1 ? "yes" : "no"}</>;
    case "moment":
      return <When at={given} />;
    case "day":
      return <span className="whitespace-nowrap">{dayText(given)}</span>;
    case "symbol":
      return <Series symbol={given} />;
    case "id":
      return <code className="whitespace-nowrap text-xs">{given}</code>;
    case "json":
      return <code className="break-all text-xs">{given}</code>;
    case "blob":
      return <span className="text-muted">bytes</span>;
    default:
      return /^[a-z]+(_[a-z]+)*$/.test(given) ? <span className="whitespace-nowrap">{words(given)}</span> : <>{spelled(given)}</>;
  }
}

function Filters<V extends ViewName>({ page: { spec }, params, path }: Readonly<{ page: TablePage<V>; params: Params; path: string }>) {
  const own = new Set([...spec.filters.map((filter) => filter.name), cursorName(spec)]);
  const others = Object.entries(params).filter(([name, value]) => !own.has(name) && typeof value === "string");
  return (
    <form action={path} method="get" className="flex flex-wrap items-end gap-2" role="search" aria-label={`Filter ${spec.title}`}>
      {others.map(([name, value]) => <input key={name} type="hidden" name={name} value={value as string} />)}
      {spec.filters.map((filter) => (
        <label key={filter.name} className="text-xs text-muted">
          {words(filter.name)}
          <input name={filter.name} defaultValue={param(params, filter.name, filter.shape)} placeholder={filter.hint} maxLength={64}
            className="mt-0.5 block w-36 rounded border border-line bg-ground px-2 py-1 text-text placeholder:text-muted" />
        </label>
      ))}
      <button type="submit" className="rounded border border-line bg-raised px-2.5 py-1 text-xs text-text">Filter</button>
      <Link href={addressOf(path, Object.fromEntries(others), {})} className="py-1 text-xs">All</Link>
    </form>
  );
}

function Pager({ params, path, older, cursor, title }: Readonly<{ params: Params; path: string; older: string; cursor: string; title: string }>) {
  const newest = param(params, cursor, "number") !== "";
  if (older === "" && !newest) return null;
  return (
    <nav aria-label={`Pages of ${title}`} className="flex gap-4">
      {newest ? <Link scroll={false} href={addressOf(path, params, { [cursor]: "" })}>Newest</Link> : null}
      {older === "" ? null : <Link scroll={false} href={addressOf(path, params, { [cursor]: older })}>Older</Link>}
    </nav>
  );
}

function side(view: ViewName, column: string): string {
  return RIGHT.has(kindOf(view, column)) ? "text-right" : "";
}
