import { DataTable, type Cells } from "@/components/data-table";
import { CommandLine, deskPage } from "@/components/shell";
import { Badge, Card } from "@/components/ui";
import { pathOf } from "@/lib/pages";
import type { Params } from "@/lib/params";
import { text } from "@/lib/schema";
import { alerts, reports } from "@/lib/specs/ahead";
import type { Ledger } from "@/lib/store";
import { tablePage } from "@/lib/tables";

export const metadata = { title: "Reports" };

type Asked = Readonly<{ params: Promise<{ desk: string }>; searchParams: Promise<Params> }>;

export default async function Reports({ params, searchParams }: Asked) {
  const { desk } = await params;
  const asked = await searchParams;
  return deskPage(desk, "reports", "Reports and alerts", (ledger) => factsOf(ledger, asked), (facts) => (
    <div className="grid gap-4">
      <Card title="What the owner was told, newest first">
        <DataTable page={facts.alerts} params={asked} path={pathOf(desk, "reports")} cells={ALERT_CELLS}
          empty="Nothing was worth telling yet." />
        <CommandLine label="To say that you know:" command="bot alerts ack --all" />
      </Card>
      <Card title="Reports the ledger holds, newest first">
        <DataTable page={facts.reports} params={asked} path={pathOf(desk, "reports")} cells={CELLS}
          empty="No report was posted yet. The newest day in words: bot report" />
      </Card>
    </div>
  ));
}

function factsOf(ledger: Ledger, asked: Params) {
  return { alerts: tablePage(ledger, alerts, asked), reports: tablePage(ledger, reports, asked) };
}

const TONES: Readonly<Record<string, "bad" | "warn" | "plain">> = { critical: "bad", high: "bad", warning: "warn" };

const ALERT_CELLS: Cells<"dashboard_alerts"> = {
  severity: (row) => <Badge tone={TONES[text(row.severity) ?? ""] ?? "plain"}>{text(row.severity)}</Badge>,
  title: (row) => (
    <details className="min-w-64">
      <summary>{text(row.title)}</summary>
      <p className="mt-1 max-w-xl whitespace-pre-wrap text-sm">{text(row.words)}</p>
      <p className="text-xs text-muted">{text(row.topic)}</p>
    </details>
  ),
};

const CELLS: Cells<"dashboard_reports"> = {
  key: (row) => (
    <details className="min-w-64">
      <summary>{text(row.key)}</summary>
      <pre className="mt-1 whitespace-pre-wrap break-all font-mono text-xs">{text(row.payload_json)}</pre>
    </details>
  ),
};
