import { DataTable, type Cells } from "@/components/data-table";
import { CommandLine, deskPage } from "@/components/shell";
import { Badge, Card } from "@/components/ui";
import { pathOf } from "@/lib/pages";
import type { Params } from "@/lib/params";
import { flag, text } from "@/lib/schema";
import { configs, settings } from "@/lib/specs/audit";
import { tablePage } from "@/lib/tables";

export const metadata = { title: "Config" };

type Asked = Readonly<{ params: Promise<{ desk: string }>; searchParams: Promise<Params> }>;

export default async function Config({ params, searchParams }: Asked) {
  const { desk } = await params;
  const asked = await searchParams;
  const path = pathOf(desk, "config");
  return deskPage(desk, "config", "Configuration", (ledger) => ({
    settings: tablePage(ledger, settings, asked), configs: tablePage(ledger, configs, asked),
    current: ledger.one("dashboard_configs", { columns: ["text"], where: [{ column: "current", is: "=", value: 1 }] }),
  }), (facts) => (
    <div className="grid gap-4">
      <Card title="Configurations used, newest first">
        <DataTable page={facts.configs} params={asked} path={path} cells={CONFIG_CELLS} empty="No tick has used a configuration yet." />
        <CommandLine label="Real money asks for a person's word after each change:" command="bot config approve" />
      </Card>
      <Card title="Effective values at the newest tick" aside="secrets never reach the ledger">
        <DataTable page={facts.settings} params={asked} path={path} cells={SETTING_CELLS} empty="No tick has written its values yet: run bot tick once." />
      </Card>
      <Card title="desk.toml as it was read">
        <details>
          <summary className="text-xs">Show the file</summary>
          <pre className="mt-2 overflow-x-auto rounded bg-raised p-3 font-mono text-xs" tabIndex={0}>{text(facts.current?.text) ?? "none yet"}</pre>
        </details>
      </Card>
    </div>
  ));
}

const CONFIG_CELLS: Cells<"dashboard_configs"> = {
  hash: (row) => <code className="text-xs" title={text(row.hash) ?? ""}>{(text(row.hash) ?? "").slice(0, 12)}</code>,
  approved_at: (row) => (text(row.approved_at) === null ? <span className="text-muted">not approved</span> : null),
  current: (row) => (flag(row.current) ? <Badge tone="good">in force</Badge> : <span className="text-muted">before</span>),
};

const SETTING_CELLS: Cells<"dashboard_settings"> = {
  name: (row) => <code className="whitespace-nowrap text-xs">{text(row.name)}</code>,
  value: (row) => <code className="break-all text-xs">{flag(row.secret) ? "set, not shown" : text(row.value)}</code>,
  meaning: (row) => <span className="block min-w-64 max-w-xl text-xs text-muted">{text(row.meaning)}</span>,
};
