import Link from "@/components/link";
import { DataTable, type Cells } from "@/components/data-table";
import { LineChart, type Mark, type Point } from "@/components/line-chart";
import { deskPage, type Desk } from "@/components/shell";
import { SCALE_WIDTH } from "@/components/line-chart-shape";
import { Badge, Card, Empty, Gain, GainPercent, Stat, Stats, When, type Tone } from "@/components/ui";
import { count, dollars, percent, plain, price, words } from "@/lib/format";
import { pathOf } from "@/lib/pages";
import { addressOf, param, type Params } from "@/lib/params";
import { numeric, text, type Row } from "@/lib/schema";
import { cycles, legs } from "@/lib/specs/positions";
import type { Ledger } from "@/lib/store";
import { tablePage } from "@/lib/tables";
import { dayAfter, dayText, momentOf, newYorkDay } from "@/lib/time";

export const metadata = { title: "Wheel" };

/** Days of price before a cycle began, so that its first leg does not stand at the edge. */
const LEAD_DAYS = 10;
const OPEN_MAX = 60;

type Cycle = Row<"dashboard_cycles">;
type Leg = Row<"dashboard_legs">;
type Asked = Readonly<{ params: Promise<{ desk: string }>; searchParams: Promise<Params> }>;

export default async function Wheel({ params, searchParams }: Asked) {
  const { desk: name } = await params;
  const asked = await searchParams;
  const path = pathOf(name, "wheel");
  return deskPage(name, "wheel", "Wheel", (ledger, desk) => factsOf(ledger, desk, asked), (facts) => (
    <div className="grid gap-4">
      <Card title="Turns under way">
        {facts.open.length === 0 ? <Empty>No symbol is in a cycle: the first put that fills opens one.</Empty> : (
          <ul className="grid gap-2 sm:grid-cols-2 xl:grid-cols-3">
            {facts.open.map((cycle) => (
              <li key={text(cycle.id)}>
                <Link href={addressOf(path, { symbol: text(cycle.symbol) ?? "" }, {})} className="block rounded border border-line p-3 text-text aria-[current=true]:border-accent"
                  aria-current={text(cycle.id) === text(facts.cycle?.id) ? "true" : undefined}>
                  <span className="flex items-baseline justify-between gap-2"><span className="font-semibold">{text(cycle.symbol)}</span><Phase cycle={cycle} /></span>
                  <span className="mt-1 flex justify-between gap-2 text-xs text-muted"><span>premium kept <Gain amount={text(cycle.premium)} arrow={false} /></span><span>{count(numeric(cycle.days))} days</span></span>
                </Link>
              </li>
            ))}
          </ul>
        )}
      </Card>
      {facts.cycle === null ? null : <CycleCard cycle={facts.cycle} legs={facts.cycleLegs} lots={facts.lots} prices={facts.prices} />}
      <Card title={facts.cycle === null ? "Legs" : `Legs of ${text(facts.cycle.symbol)}, all cycles`}><DataTable page={facts.legs} params={asked} path={path} cells={LEG_CELLS} empty="No option leg fits." /></Card>
      <Card title="Cycles, newest first">
        <DataTable page={facts.cycles} params={asked} path={path} cells={CYCLE_CELLS} empty="No cycle fits." />
      </Card>
    </div>
  ));
}

function factsOf(ledger: Ledger, desk: Desk, asked: Params) {
  const symbol = param(asked, "symbol", "symbol");
  const page = tablePage(ledger, cycles, asked);
  const newest = ledger.rows("dashboard_cycles", { order: [["opened_at", "down"]], limit: OPEN_MAX * 2 });
  const open = newest.filter((row) => text(row.closed_at) === null).slice(0, OPEN_MAX)
    .sort((left, right) => (text(left.symbol) ?? "").localeCompare(text(right.symbol) ?? ""));
  const cycle = (symbol === "" ? (open[0] ?? newest[0]) : ledger.one("dashboard_cycles", { where: [{ column: "symbol", is: "=", value: symbol }], order: [["opened_at", "down"]] })) ?? null;
  const day = text(desk.session_day) ?? (text(desk.ts) ?? "").slice(0, 10);
  return {
    open, cycles: page, cycle, legs: tablePage(ledger, legs, symbol === "" && cycle !== null ? { ...asked, symbol: text(cycle.symbol) ?? "" } : asked),
    cycleLegs: cycle === null ? [] : ledger.rows("dashboard_legs", { where: [{ column: "cycle", is: "=", value: text(cycle.id) ?? "" }], order: [["opened_at", "up"]], limit: 200 }),
    lots: cycle === null ? [] : ledger.rows("dashboard_lots", { where: [{ column: "cycle", is: "=", value: text(cycle.id) ?? "" }], order: [["opened_at", "up"]], limit: 50 }),
    prices: cycle === null ? [] : pricesOf(ledger, cycle, day),
  };
}

function pricesOf(ledger: Ledger, cycle: Cycle, day: string): readonly Point[] {
  const begin = momentOf(text(cycle.opened_at));
  const end = momentOf(text(cycle.closed_at));
  const since = begin === null ? day : dayAfter(newYorkDay(begin), -LEAD_DAYS);
  const until = end === null ? day : dayAfter(newYorkDay(end), LEAD_DAYS);
  const rows = ledger.rows("dashboard_prices", {
    columns: ["day", "price_sort"],
    where: [{ column: "symbol", is: "=", value: text(cycle.symbol) ?? "" }, { column: "day", is: ">=", value: since }, { column: "day", is: "<=", value: until }],
    order: [["day", "up"]], limit: 800,
  });
  const first = text(rows[0]?.day) ?? "";
  // Where no earlier price is known, empty days stand before the first, so that its mark has room.
  const room = rows.length < 2 || (begin !== null && first < newYorkDay(begin)) ? []
    : Array.from({ length: Math.max(3, Math.ceil(rows.length / 12)) }, (_, index) => index + 1).reverse().map((days): Point => [dayAfter(first, -days), null]);
  return [...room, ...rows.map((row): Point => [text(row.day) ?? "", numeric(row.price_sort)])];
}

const PHASES: Readonly<Record<string, Tone>> = { short_put: "accent", shares: "accent", covered_call: "accent", closed: "plain" };

function Phase({ cycle }: Readonly<{ cycle: Cycle }>) {
  return <Badge tone={PHASES[text(cycle.phase) ?? ""] ?? "plain"}>{words(text(cycle.phase))}</Badge>;
}

function CycleCard({ cycle, legs: own, lots, prices }: Readonly<{
  cycle: Cycle; legs: readonly Leg[]; lots: readonly Row<"dashboard_lots">[]; prices: readonly Point[];
}>) {
  const symbol = text(cycle.symbol) ?? "";
  const opened = momentOf(text(cycle.opened_at));
  const days = new Set(prices.map((point) => point[0]));
  const marks = own.flatMap((leg) => marksOf(leg)).filter((mark) => days.has(mark.at)).sort((left, right) => String(left.at).localeCompare(String(right.at)));
  return (
    <Card title={`${symbol}: the cycle since ${opened === null ? "–" : dayText(newYorkDay(opened))}`} aside={<Turn cycle={cycle} />}>
      <Stats>
        <Stat name="Premium kept" value={<Gain amount={text(cycle.premium)} />} under="options sold less bought back, so far" />
        <Stat name="P&L" value={text(cycle.pnl) === null ? "open" : <Gain amount={text(cycle.pnl)} />} under={<>option cash {dollars(text(cycle.option_cash))}, share cash {dollars(text(cycle.share_cash))}</>} />
        <Stat name={text(cycle.closed_at) === null ? "Return on collateral, so far" : "Return on collateral"} value={isUnsettled(cycle) ? "open" : <GainPercent fraction={numeric(cycle.return_fraction)} />}
          under={isUnsettled(cycle) ? `known when the shares are gone; ${count(numeric(cycle.days))} days` : <>{percent(numeric(cycle.annualized_fraction), 1, { signed: true })} a year, {count(numeric(cycle.days))} days</>} />
        <Stat name="Legs" value={count(numeric(cycle.legs))} under={`${count(numeric(cycle.assignments))} assigned; fees ${dollars(text(cycle.fees))}; dividends ${dollars(text(cycle.dividends))}`} />
      </Stats>
      {lots.length === 0 ? null : (
        <ul className="mt-4 grid gap-1 text-[0.8125rem]">
          {lots.map((lot) => (
            <li key={text(lot.id)}>
              Lot of {plain(text(lot.qty))} since <When at={text(lot.opened_at)} />: paid {price(text(lot.basis_strike))}, tax basis {price(text(lot.basis_tax))}, wheel basis{" "}
              {price(text(lot.basis_wheel))}{text(lot.closed_at) === null ? "" : ", gone"}
            </li>
          ))}
        </ul>
      )}
      <div className="mt-4">
        {prices.length < 2 ? <Empty>No daily prices of {symbol} are recorded for these days yet.</Empty> : (
          <LineChart label={`${symbol} over the cycle with ${own.length} legs`} points={prices} marks={marks} lines={[{ name: `${symbol} at the day's last tick`, tone: "one" }]} />
        )}
      </div>
      <LegLines legs={own} prices={prices} />
    </Card>
  );
}

/** Tell whether a cycle holds shares it has paid for: what they will fetch is not known, so its return is not either. */
function isUnsettled(cycle: Pick<Cycle, "closed_at" | "share_cash">): boolean {
  return text(cycle.closed_at) === null && Number(text(cycle.share_cash) ?? 0) !== 0;
}

const TURN = [["short_put", "put sold"], ["shares", "shares held"], ["covered_call", "call sold"], ["closed", "closed"]] as const;

/** Where in the cycle: the four places in order, the present one marked. */
function Turn({ cycle }: Readonly<{ cycle: Cycle }>) {
  const phase = text(cycle.phase);
  return (
    <ol aria-label="Where in the cycle" className="flex flex-wrap items-center gap-x-1.5 gap-y-1">
      {TURN.map(([name, said], index) => (
        <li key={name} aria-current={name === phase ? "step" : undefined} className="flex items-center gap-1.5">
          {index === 0 ? null : <span aria-hidden="true">→</span>}
          {name === phase ? <Badge tone={PHASES[name] ?? "plain"}>● {said}</Badge> : <span>{said}</span>}
        </li>
      ))}
    </ol>
  );
}

function marksOf(leg: Leg): readonly Mark[] {
  const opened = momentOf(text(leg.opened_at));
  const closed = momentOf(text(leg.closed_at));
  const name = `${text(leg.right) === "put" ? "P" : "C"} ${plain(text(leg.strike))}`;
  return [
    ...(opened === null ? [] : [{ at: newYorkDay(opened), tone: "plain" as const, text: name, above: true }]),
    ...(closed === null ? [] : [{ at: newYorkDay(closed), tone: text(leg.how) === "assigned" ? ("warn" as const) : ("good" as const), text: words(text(leg.how)), above: false }]),
  ];
}

/** Each leg as a bar from its opening to its end, under the price: the same days from left to right, as the chart places them. */
function LegLines({ legs: own, prices }: Readonly<{ legs: readonly Leg[]; prices: readonly Point[] }>) {
  const days = prices.map((point) => String(point[0]));
  if (own.length === 0 || days.length < 2) return null;
  const place = (moment: Date | null, otherwise: number): number => {
    if (moment === null) return otherwise;
    const at = days.findIndex((day) => day >= newYorkDay(moment));
    return at < 0 ? 100 : ((at + 0.5) / days.length) * 100;
  };
  return (
    <ol aria-label={`${own.length} legs over time`} className="mt-2 grid gap-1" style={{ marginRight: SCALE_WIDTH }}>
      {own.map((leg) => {
        const closed = momentOf(text(leg.closed_at));
        const from = place(momentOf(text(leg.opened_at)), 0);
        const to = Math.max(from + 0.6, place(closed, 100));
        const put = text(leg.right) === "put";
        return (
          <li key={text(leg.id)} className="relative h-5 whitespace-nowrap text-xs leading-5">
            <span className="absolute inset-y-0.5 rounded-sm" style={{
              left: `${from.toFixed(2)}%`, width: `${(to - from).toFixed(2)}%`,
              background: `color-mix(in srgb, var(--series-${put ? "one" : "two"}) ${closed === null ? 45 : 22}%, var(--surface))`,
            }} />
            <span className="absolute" style={from > 50 ? { right: `${Math.max(0, 100 - to).toFixed(2)}%`, paddingRight: 4 } : { left: `${from.toFixed(2)}%`, paddingLeft: 4 }}>
              {put ? "put" : "call"} {plain(text(leg.strike))}, credit {price(text(leg.credit))}, {closed === null ? "open" : words(text(leg.how))}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

const CYCLE_CELLS: Cells<"dashboard_cycles"> = {
  phase: (row) => <Phase cycle={row} />,
  pnl: (row) => (text(row.pnl) === null ? <span className="text-muted">open</span> : <Gain amount={text(row.pnl)} />),
  return_fraction: (row) => (isUnsettled(row) ? <span className="text-muted">open</span> : <GainPercent fraction={numeric(row.return_fraction)} />),
  annualized_fraction: (row) => (isUnsettled(row) ? <span className="text-muted">open</span> : <GainPercent fraction={numeric(row.annualized_fraction)} digits={1} />),
};

const LEG_CELLS: Cells<"dashboard_legs"> = {
  income: (row) => (text(row.income) === null ? <span className="text-muted">open</span> : <Gain amount={text(row.income)} />),
  how: (row) => (text(row.closed_at) === null ? <Badge tone="accent">open</Badge> : <Badge tone={text(row.how) === "assigned" ? "warn" : "plain"}>{words(text(row.how))}</Badge>),
};
