import { DataTable, type Cells } from "@/components/data-table";
import { deskPage } from "@/components/shell";
import { Card } from "@/components/ui";
import { pathOf } from "@/lib/pages";
import type { Params } from "@/lib/params";
import { text } from "@/lib/schema";
import { reports } from "@/lib/specs/ahead";
import { tablePage } from "@/lib/tables";

export const metadata = { title: "Reports" };

type Asked = Readonly<{ params: Promise<{ desk: string }>; searchParams: Promise<Params> }>;

export default async function Reports({ params, searchParams }: Asked) {
  const { desk } = await params;
  const asked = await searchParams;
  return deskPage(desk, "reports", "Reports", (ledger) => tablePage(ledger, reports, asked), (page) => (
    <Card title="Reports the ledger holds, newest first">
      <DataTable page={page} params={asked} path={pathOf(desk, "reports")} cells={CELLS}
        empty="No report is stored yet. The newest day in words: bot status" />
    </Card>
  ));
}

const CELLS: Cells<"dashboard_reports"> = {
  key: (row) => (
    <details className="min-w-64">
      <summary>{text(row.key)}</summary>
      <pre className="mt-1 whitespace-pre-wrap break-all font-mono text-xs">{text(row.payload_json)}</pre>
    </details>
  ),
};
