import { DataTable, type Cells } from "@/components/data-table";
import { deskPage } from "@/components/shell";
import { Badge, Card, Command, Empty, Fold, Gain, When, type Tone } from "@/components/ui";
import { words } from "@/lib/format";
import { pathOf } from "@/lib/pages";
import type { Params } from "@/lib/params";
import { text, type Row } from "@/lib/schema";
import { ahead, proposals } from "@/lib/specs/ahead";
import { tablePage } from "@/lib/tables";
import { dayText } from "@/lib/time";

export const metadata = { title: "Week ahead" };

type Ahead = Row<"dashboard_ahead">;
type Asked = Readonly<{ params: Promise<{ desk: string }>; searchParams: Promise<Params> }>;

const TONES: Readonly<Record<string, Tone>> = { warn: "warn", bad: "bad", good: "good" };

export default async function WeekAhead({ params, searchParams }: Asked) {
  const { desk: name } = await params;
  const asked = await searchParams;
  const path = pathOf(name, "ahead");
  return deskPage(name, "ahead", "Week ahead", (ledger) => ({ ahead: tablePage(ledger, ahead, asked), proposals: tablePage(ledger, proposals, asked) }), (facts, desk) => (
    <div className="grid gap-4">
      <Card title="Day by day" aside={<>as of <When at={text(desk.ts)} /></>}>
        {facts.ahead.rows.length === 0 ? <Empty>Nothing is known to come: no expiry, ex-date, earnings or closed day. In words: <Command>bot week</Command></Empty>
          : <Days rows={facts.ahead.rows} />}
      </Card>
      <Card title="The same as a table">
        <Fold title={facts.ahead.rows.length === 0 ? "nothing" : `${facts.ahead.rows.length} lines`}>
          <DataTable page={facts.ahead} params={asked} path={path} cells={AHEAD_CELLS} empty="Nothing is known to come." />
        </Fold>
      </Card>
      <Card title="What waits, or waited, for the owner's word" aside={<Command>bot approve NUMBER</Command>}>
        <DataTable page={facts.proposals} params={asked} path={path} empty="Nothing was ever proposed: this desk does not ask first, or wanted nothing." />
      </Card>
    </div>
  ));
}

function Days({ rows }: Readonly<{ rows: readonly Pick<Ahead, "day" | "kind" | "symbol" | "what" | "amount" | "severity" | "position">[] }>) {
  const days = new Map<string, typeof rows[number][]>();
  for (const row of rows) days.set(text(row.day) ?? "", [...(days.get(text(row.day) ?? "") ?? []), row]);
  return (
    <ol className="grid gap-3">
      {[...days].map(([day, entries]) => (
        <li key={day} className="grid gap-1 border-b border-line/60 pb-3 last:border-0 last:pb-0 sm:grid-cols-[10rem_1fr]">
          <p className="font-medium">{dayText(day)}</p>
          <ul className="grid gap-1">
            {[...entries].sort((left, right) => placeOf(left) - placeOf(right)).map((entry) => (
              <li key={String(entry.position)} className="flex flex-wrap items-baseline gap-x-2">
                <Badge tone={TONES[text(entry.severity) ?? ""] ?? "plain"}>{words(text(entry.kind))}</Badge>
                {text(entry.symbol) ? <span className="font-medium">{text(entry.symbol)}</span> : null}
                <span>{text(entry.what)}</span>
                {text(entry.amount) === null ? null : <span className="ml-auto"><Gain amount={text(entry.amount)} arrow={false} /></span>}
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ol>
  );
}

/** Within a day: what happens first, and the cash after all of it last. */
function placeOf(entry: Readonly<{ kind: unknown }>): number {
  return entry.kind === "cash" ? 1 : 0;
}

const AHEAD_CELLS: Cells<"dashboard_ahead"> = {
  kind: (row) => <Badge tone={TONES[text(row.severity) ?? ""] ?? "plain"}>{words(text(row.kind))}</Badge>,
  what: (row) => <span className="block min-w-48">{text(row.what)}</span>,
};
