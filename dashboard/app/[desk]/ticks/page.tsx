import Link from "@/components/link";
import { DataTable, type Cells } from "@/components/data-table";
import { deskPage } from "@/components/shell";
import { DurationPlot, stagesOf } from "@/components/stage-bars";
import { Badge, Card, Empty, When, type Tone } from "@/components/ui";
import { words } from "@/lib/format";
import { pathOf } from "@/lib/pages";
import type { Params } from "@/lib/params";
import { flag, json, numeric, text } from "@/lib/schema";
import { spelled } from "@/lib/series";
import { gaps, ticks, troubles } from "@/lib/specs/ticks";
import type { Ledger } from "@/lib/store";
import { tablePage } from "@/lib/tables";

export const metadata = { title: "Ticks" };

/** About three sessions of quarter hours. */
const PLOTTED = 80;

type Asked = Readonly<{ params: Promise<{ desk: string }>; searchParams: Promise<Params> }>;

export default async function Ticks({ params, searchParams }: Asked) {
  const { desk } = await params;
  const asked = await searchParams;
  const path = pathOf(desk, "ticks");
  return deskPage(desk, "ticks", "Ticks", (ledger) => factsOf(ledger, asked), (facts) => (
    <div className="grid gap-4">
      <Card title={`How long the newest ${PLOTTED} took, by stage`}>
        {facts.plotted.length === 0 ? <Empty>No tick has finished yet.</Empty> : <DurationPlot ticks={facts.plotted} />}
      </Card>
      <Card title="Gaps: slots of a session in which no tick ran">
        <DataTable page={facts.gaps} params={asked} path={path} empty="None: every slot since the first tick has its tick. Nothing missed is ever caught up." />
      </Card>
      <Card title="Ticks that failed or died">
        <DataTable page={facts.troubles} params={asked} path={path} cells={troubleCells(desk)} empty="None. A failed tick sends nothing; the next slot starts with the broker's truth." />
      </Card>
      <Card title="Ticks">
        <DataTable page={facts.ticks} params={asked} path={path} cells={tickCells(desk)} empty="No tick fits." />
      </Card>
    </div>
  ));
}

function factsOf(ledger: Ledger, asked: Params) {
  const newest = ledger.rows("dashboard_ticks", { columns: ["id", "duration_ms", "stages_json"], order: [["id", "down"]], limit: PLOTTED });
  return {
    plotted: newest.reverse().flatMap((row) => {
      const total = numeric(row.duration_ms);
      return total === null ? [] : [{ id: String(row.id), total, stages: stagesOf(json(row.stages_json)) }];
    }),
    gaps: tablePage(ledger, gaps, asked),
    ticks: tablePage(ledger, ticks, asked),
    troubles: tablePage(ledger, troubles, asked),
  };
}

const TICK_TONES: Readonly<Record<string, Tone>> = { done: "good", failed: "bad", died: "bad", started: "accent" };

function tickCells(desk: string): Cells<"dashboard_ticks"> {
  return {
    id: (row) => <Link href={pathOf(desk, `ticks/${row.id}`)}>{String(row.id)}</Link>,
    ts: (row) => <><When at={text(row.ts)} />{flag(row.follow_up) ? <span className="text-xs text-muted"> follow-up</span> : null}</>,
    status: (row) => <Badge tone={TICK_TONES[text(row.status) ?? ""] ?? "plain"}>{text(row.status)}</Badge>,
    mode: (row) => <span className="whitespace-nowrap">{text(row.mode) === "live" ? "sends" : "dry"}</span>,
    halt: (row) => (text(row.halt) === "run" ? <span className="text-muted">none</span> : <Badge tone="warn">{words(text(row.halt))}</Badge>),
    note: (row) => <span className="block min-w-48 max-w-md">{spelled(text(row.note))}</span>,
  };
}

function troubleCells(desk: string): Cells<"dashboard_troubles"> {
  return {
    id: (row) => <Link href={pathOf(desk, `ticks/${row.id}`)}>{String(row.id)}</Link>,
    status: (row) => <Badge tone="bad">{text(row.status)}</Badge>,
    note: (row) => <span className="block min-w-48 max-w-2xl">{text(row.note)}</span>,
  };
}
