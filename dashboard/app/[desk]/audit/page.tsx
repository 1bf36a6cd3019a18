import Link from "@/components/link";
import { DataTable, type Cells } from "@/components/data-table";
import { CommandLine, deskPage } from "@/components/shell";
import { Badge, Card, Stat, Stats, When } from "@/components/ui";
import { count, words } from "@/lib/format";
import { pathOf } from "@/lib/pages";
import type { Params } from "@/lib/params";
import { flag, numeric, text } from "@/lib/schema";
import { drift, drills, events, halts, pauses } from "@/lib/specs/audit";
import type { Ledger } from "@/lib/store";
import { tablePage } from "@/lib/tables";

export const metadata = { title: "Audit" };

type Asked = Readonly<{ params: Promise<{ desk: string }>; searchParams: Promise<Params> }>;

export default async function Audit({ params, searchParams }: Asked) {
  const { desk } = await params;
  const asked = await searchParams;
  const path = pathOf(desk, "audit");
  return deskPage(desk, "audit", "Audit", (ledger) => factsOf(ledger, asked), (facts) => (
    <div className="grid gap-4">
      <Card title="The chain">
        <Stats>
          <Stat name="Records" value={count(numeric(facts.head?.id))} under="each sealed onto the one before" />
          <Stat name="Newest" value={<span className="text-sm"><When at={text(facts.head?.ts)} seconds /></span>} under={words(text(facts.head?.kind))} />
          <Stat name="Newest links" value={facts.linked ? "hold" : "do not hold"} tone={facts.linked ? "good" : "bad"}
            under="the tail shown here; every tick checks it too" />
        </Stats>
        <p className="mt-3">Head <code className="select-all break-all text-xs">{text(facts.head?.hash) ?? "none yet"}</code></p>
        <CommandLine label="The whole record against every table:" command="bot audit verify" />
        <CommandLine label="What a witness keeps:" command="bot audit head" />
      </Card>
      <Card title="Halts and releases"><DataTable page={facts.halts} params={asked} path={path} empty="Nobody has set a halt yet." /></Card>
      <Card title="Pauses"><DataTable page={facts.pauses} params={asked} path={path} empty="No symbol was ever paused." /></Card>
      <Card title="Differences between broker and books"><DataTable page={facts.drift} params={asked} path={path} cells={DRIFT_CELLS} empty="None: broker and books have always agreed." /></Card>
      <Card title="Drills"><DataTable page={facts.drills} params={asked} path={path} cells={DRILL_CELLS} empty="No drill was run here yet: bot drill plays every known failure." /></Card>
      <Card title="Events">
        <DataTable page={facts.events} params={asked} path={path} cells={eventCells(desk)} empty="No event fits." />
      </Card>
    </div>
  ));
}

function factsOf(ledger: Ledger, asked: Params) {
  const newest = ledger.rows("dashboard_events", { columns: ["id", "ts", "kind", "hash", "hash_before"], order: [["id", "down"]], limit: 30 });
  return {
    head: newest[0] ?? null,
    linked: newest.every((row, index) => index === 0 || newest[index - 1]?.hash_before === row.hash),
    halts: tablePage(ledger, halts, asked), pauses: tablePage(ledger, pauses, asked), drift: tablePage(ledger, drift, asked),
    drills: tablePage(ledger, drills, asked), events: tablePage(ledger, events, asked),
  };
}

const DRIFT_CELLS: Cells<"dashboard_drift"> = {
  kind: (row) => <Badge tone={text(row.ended_at) !== null ? "plain" : text(row.kind) === "pending" ? "warn" : "bad"}>{text(row.kind)}</Badge>,
};

const DRILL_CELLS: Cells<"dashboard_drills"> = {
  passed: (row) => <Badge tone={flag(row.passed) ? "good" : "bad"}>{flag(row.passed) ? "passed" : "failed"}</Badge>,
  desk_hash: (row) => <code className="text-xs">{(text(row.desk_hash) ?? "").slice(0, 12)}</code>,
};

function eventCells(desk: string): Cells<"dashboard_events"> {
  return {
    tick_id: (row) => (row.tick_id === null ? <span className="text-muted">–</span> : <Link href={pathOf(desk, `ticks/${row.tick_id}`)}>{String(row.tick_id)}</Link>),
    payload_json: (row) => (
      <details className="max-w-xl">
        <summary className="text-xs">{(text(row.payload_json) ?? "").slice(0, 60)}…</summary>
        <code className="block whitespace-pre-wrap break-all text-xs">{text(row.payload_json)}</code>
      </details>
    ),
    hash: (row) => <code className="text-xs" title={text(row.hash) ?? ""}>{(text(row.hash) ?? "").slice(0, 12)}</code>,
  };
}
