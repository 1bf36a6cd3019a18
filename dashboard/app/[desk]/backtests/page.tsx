import { DataTable, type Cells } from "@/components/data-table";
import { deskPage } from "@/components/shell";
import { Card } from "@/components/ui";
import { pathOf } from "@/lib/pages";
import type { Params } from "@/lib/params";
import { json, text } from "@/lib/schema";
import { backtests } from "@/lib/specs/ahead";
import { tablePage } from "@/lib/tables";
import { words } from "@/lib/format";

export const metadata = { title: "Backtests" };

type Asked = Readonly<{ params: Promise<{ desk: string }>; searchParams: Promise<Params> }>;

export default async function Backtests({ params, searchParams }: Asked) {
  const { desk } = await params;
  const asked = await searchParams;
  return deskPage(desk, "backtests", "Backtests", (ledger) => tablePage(ledger, backtests, asked), (page) => (
    <Card title="Runs, newest first">
      <DataTable page={page} params={asked} path={pathOf(desk, "backtests")} cells={CELLS}
        empty="No backtest is stored in this ledger yet." />
    </Card>
  ));
}

const CELLS: Cells<"dashboard_backtests"> = {
  result_json: (row) => {
    const result = json(row.result_json);
    return typeof result !== "object" || result === null ? null : (
      <dl className="grid min-w-56 gap-x-3 text-xs sm:grid-cols-2">
        {Object.entries(result).slice(0, 12).map(([name, value]) => <div key={name} className="flex gap-1.5"><dt className="text-muted">{words(name)}</dt><dd>{String(value)}</dd></div>)}
      </dl>
    );
  },
  seed: (row) => <code className="text-xs">{text(row.seed)}</code>,
};
