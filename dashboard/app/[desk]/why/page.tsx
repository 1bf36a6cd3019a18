import Link from "@/components/link";
import { DataTable, type Cells } from "@/components/data-table";
import { deskPage, type Desk } from "@/components/shell";
import { Badge, Card, Empty, Fold, Measure, When } from "@/components/ui";
import { count, words } from "@/lib/format";
import { pathOf } from "@/lib/pages";
import { addressOf, param, type Params } from "@/lib/params";
import { numeric, text, type Row } from "@/lib/schema";
import { nearest, notes, refusals, refusalsDaily } from "@/lib/specs/why";
import { spelled } from "@/lib/series";
import type { Ledger } from "@/lib/store";
import { tablePage } from "@/lib/tables";
import { dayAfter, dayText } from "@/lib/time";

export const metadata = { title: "Why" };

const DAYS = 14;
const ROWS_MAX = 4_000;

type Asked = Readonly<{ params: Promise<{ desk: string }>; searchParams: Promise<Params> }>;

export default async function Why({ params, searchParams }: Asked) {
  const { desk: name } = await params;
  const asked = await searchParams;
  const path = pathOf(name, "why");
  return deskPage(name, "why", "Why it did not trade", (ledger, desk) => factsOf(ledger, desk, asked), (facts) => (
    <div className="grid gap-4">
      <Card title={`Refusals by gate, ${DAYS} days to ${dayText(facts.day)}`} aside="each number opens that day and gate; alone: the only gate that stood in the way">
        {facts.gates.length === 0 ? <Empty>No gate refused anything in these days. What planners passed over before any gate is below.</Empty>
          : <GateDays gates={facts.gates} days={facts.days} path={path} />}
      </Card>
      <Card title={`Nearest misses of ${dayText(facts.filtered)}`}>
        <DataTable page={facts.nearest} params={{ ...asked, day: facts.filtered }} path={path} cells={missCells(name)} filters={false}
          empty="No gate missed anything on that day." />
      </Card>
      <Card title="Refusals">
        <DataTable page={facts.refusals} params={asked} path={path} cells={refusalCells(name)} empty="No refusal fits." />
      </Card>
      <Card title="Chances that planners passed over, before any gate">
        <DataTable page={facts.notes} params={asked} path={path} cells={noteCells(name)} empty="Nothing fits: planners noted no chance passed over." />
      </Card>
      <Card title={`Refusals by gate and symbol on ${dayText(facts.filtered)}`}>
        <Fold title={facts.daily.rows.length === 0 ? "none" : "one line a gate and symbol"}>
          <DataTable page={facts.daily} params={asked} path={path} empty="No day has a refusal yet." />
        </Fold>
      </Card>
    </div>
  ));
}

type GateRow = Readonly<{ gate: string; total: number; sole: number; by: ReadonlyMap<string, number> }>;

function factsOf(ledger: Ledger, desk: Desk, asked: Params) {
  const day = text(desk.session_day) ?? (text(desk.ts) ?? "").slice(0, 10);
  const since = dayAfter(day, 1 - DAYS);
  const daily = ledger.rows("dashboard_refusals_daily", {
    columns: ["day", "gate", "count", "sole"], where: [{ column: "day", is: ">=", value: since }], order: [["day", "up"]], limit: ROWS_MAX,
  });
  const filtered = param(asked, "day", "day") || day;
  return {
    day, filtered,
    days: [...new Set(daily.map((row) => text(row.day) ?? ""))].sort(),
    gates: gatesOf(daily),
    nearest: tablePage(ledger, nearest, { ...asked, day: filtered }),
    refusals: tablePage(ledger, refusals, asked),
    notes: tablePage(ledger, notes, asked),
    daily: tablePage(ledger, refusalsDaily, { ...asked, day: filtered }),
  };
}

function gatesOf(rows: readonly Pick<Row<"dashboard_refusals_daily">, "day" | "gate" | "count" | "sole">[]): readonly GateRow[] {
  const found = new Map<string, { total: number; sole: number; by: Map<string, number> }>();
  for (const row of rows) {
    const gate = text(row.gate) ?? "";
    const known = found.get(gate) ?? { total: 0, sole: 0, by: new Map<string, number>() };
    const times = numeric(row.count) ?? 0;
    const day = text(row.day) ?? "";
    known.total += times;
    known.sole += numeric(row.sole) ?? 0;
    known.by.set(day, (known.by.get(day) ?? 0) + times);
    found.set(gate, known);
  }
  return [...found].map(([gate, row]) => ({ gate, ...row })).sort((left, right) => right.total - left.total);
}

function GateDays({ gates, days, path }: Readonly<{ gates: readonly GateRow[]; days: readonly string[]; path: string }>) {
  const most = Math.max(1, ...gates.flatMap((gate) => [...gate.by.values()]));
  return (
    <div role="region" aria-label="Refusals by gate and day" tabIndex={0} className="overflow-x-auto">
      <table className="text-left text-xs">
        <caption className="sr-only">Refusals by gate and day</caption>
        <thead>
          <tr className="text-muted">
            <th scope="col" className="py-1 pr-3 font-medium">Gate</th>
            <th scope="col" className="px-2 text-right font-medium">All</th>
            <th scope="col" className="px-2 text-right font-medium">Alone</th>
            {days.map((day) => <th key={day} scope="col" className="px-1.5 text-center font-medium"><abbr title={dayText(day)} className="whitespace-nowrap no-underline">{dayText(day).slice(4, -5)}</abbr></th>)}
          </tr>
        </thead>
        <tbody>
          {gates.map((gate) => (
            <tr key={gate.gate}>
              <th scope="row" className="whitespace-nowrap py-0.5 pr-3 font-normal"><Link href={addressOf(path, { gate: gate.gate }, {})}>{words(gate.gate)}</Link></th>
              <td className="px-2 text-right">{count(gate.total)}</td>
              <td className="px-2 text-right">{count(gate.sole)}</td>
              {days.map((day) => {
                const times = gate.by.get(day) ?? 0;
                return (
                  <td key={day} className="p-0.5 text-center">
                    {times === 0 ? <span className="text-muted" aria-label="none">·</span> : (
                      <Link href={addressOf(path, { gate: gate.gate, day }, {})} aria-label={`${words(gate.gate)}: ${times} on ${dayText(day)}`}
                        className="block min-w-7 rounded px-1 py-0.5 text-text"
                        style={{ background: `color-mix(in srgb, var(--warn) ${Math.round(12 + 34 * Math.sqrt(times / most))}%, var(--surface))` }}>
                        {count(times)}
                      </Link>
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Numbers beside their limits: a fraction reads as a percentage, and then needs no unit. */
const MEASURES: Cells<"dashboard_refusals"> = {
  value: (row) => <Measure value={text(row.value)} unit={text(row.unit)} />,
  limit: (row) => <Measure value={text(row.limit)} unit={text(row.unit)} />,
  distance: (row) => <Measure value={text(row.distance)} unit={text(row.unit)} />,
  unit: (row) => (text(row.unit) === "fraction" ? <span className="text-muted">–</span> : null),
};

function missCells(desk: string): Cells<"dashboard_refusals"> {
  return {
    ts: (row) => <Link href={pathOf(desk, `ticks/${row.tick_id}`)}><When at={text(row.ts)} /></Link>,
    gate: (row) => <span className="whitespace-nowrap">{words(text(row.gate))}</span>,
    ...MEASURES,
  };
}

function refusalCells(desk: string): Cells<"dashboard_refusals"> {
  return {
    ...missCells(desk),
    sole: (row) => (row.sole === 1 ? <Badge tone="warn">alone</Badge> : <span className="text-muted">with others</span>),
    reason: (row) => <span className="block min-w-64 max-w-xl">{spelled(text(row.reason))}</span>,
  };
}

function noteCells(desk: string): Cells<"dashboard_notes"> {
  return {
    ts: (row) => <Link href={pathOf(desk, `ticks/${row.tick_id}`)}><When at={text(row.ts)} /></Link>,
    symbol: (row) => (text(row.symbol) === "*" ? <span className="text-muted">all</span> : null),
    reason: (row) => <span className="block min-w-56 max-w-xl">{spelled(text(row.reason))}</span>,
    value: (row) => <Measure value={text(row.value)} unit={text(row.unit)} />,
    limit: (row) => <Measure value={text(row.limit)} unit={text(row.unit)} />,
    unit: (row) => (text(row.unit) === "fraction" ? <span className="text-muted">–</span> : null),
  };
}
