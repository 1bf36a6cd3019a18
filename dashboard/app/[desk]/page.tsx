import Link from "@/components/link";
import { Suspense } from "react";
import { BrokerWord, isBrokerAsked } from "@/components/broker-word";
import { DataTable, type Cells } from "@/components/data-table";
import { Heatmap, type HeatDay } from "@/components/heatmap";
import { LineChart } from "@/components/line-chart";
import { Meter } from "@/components/meter";
import { CommandLine, deskPage, tickAge, type Desk } from "@/components/shell";
import { Badge, Card, Choice, Command, Empty, Fold, Gain, GainPercent, Grid, Measure, Notice, Series, Stat, Stats, When } from "@/components/ui";
import { count, dollars, percent, plain, price, words } from "@/lib/format";
import { pathOf } from "@/lib/pages";
import { addressOf, choiceParam, type Params } from "@/lib/params";
import { flag, json, numeric, text, type Row } from "@/lib/schema";
import { readReturns, SPANS, type Returns, type Span } from "@/lib/spans";
import { equity, invariants, trips } from "@/lib/specs/overview";
import type { Ledger } from "@/lib/store";
import { spelled } from "@/lib/series";
import { isAsked, tablePage } from "@/lib/tables";
import { ageSeconds, dayAfter, dayText } from "@/lib/time";

export const metadata = { title: "Overview" };

const HEAT_WEEKS = 53;
const EVENTS = 6;

type Asked = Readonly<{ params: Promise<{ desk: string }>; searchParams: Promise<Params> }>;

export default async function Overview({ params, searchParams }: Asked) {
  const { desk: name } = await params;
  const asked = await searchParams;
  const span = choiceParam(asked, "span", ["3M", ...SPANS.filter((one) => one !== "3M")]);
  const path = pathOf(name, "");
  return deskPage(name, "", "Overview", (ledger, desk) => factsOf(ledger, desk, span, asked), (facts, desk) => (
    <div className="grid gap-4">
      <Health desk={desk} broken={facts.broken} />
      <Grid>
        <Card title="Money" wide aside={<>as of <When at={text(desk.ts)} /></>}>
          <Money desk={desk} />
          {isBrokerAsked(desk) ? (
            <div className="mt-4 border-t border-line pt-3 text-[0.8125rem]">
              <h3 className="mb-1 text-xs font-medium text-muted">The broker&apos;s own word</h3>
              <Suspense fallback={<p className="text-muted">Asking the broker; everything else here is the ledger&apos;s.</p>}><BrokerWord desk={desk} /></Suspense>
            </div>
          ) : null}
        </Card>
        <Card title="Return, money moved in and out left aside" wide
          aside={<Choice label="Span" current={span} options={SPANS.map((one) => ({ name: one, value: one, href: addressOf(path, asked, { span: one }) }))} />}>
          <ReturnChart returns={facts.returns} benchmark={text(desk.benchmark) ?? "benchmark"} span={span} />
        </Card>
        <Card title="How close to a halt">
          <Meters desk={desk} trips={facts.trips.rows} />
        </Card>
        <Card title="Newest events" aside={<Link href={pathOf(name, "audit")}>All events</Link>}>
          <Events events={facts.events} />
          <h3 className="mb-1 mt-4 text-xs font-medium text-muted">Newest fills</h3>
          <Fills fills={facts.fills} name={name} />
        </Card>
        <Card title="A year of days" wide>
          {facts.heat.length === 0 ? <Empty>No session has ended yet: each finished day gets a cell.</Empty>
            : <Heatmap days={facts.heat} last={facts.day} weeks={HEAT_WEEKS} />}
        </Card>
        <Card title="Invariants: zero is green" wide aside={<>as of <When at={text(desk.ts)} /></>}>
          <Invariants facts={facts} asked={asked} path={path} />
        </Card>
        <Card title="Trip wires" wide>
          <Fold title={wiresWord(facts.trips.rows)}>
            <DataTable page={facts.trips} params={asked} path={path} cells={TRIP_CELLS}
              empty="No live tick has read a trip wire yet: a dry desk counts none." />
          </Fold>
        </Card>
        <Card title="Equity day by day" wide>
          <Fold title={facts.equity.rows.length === 0 ? "no session has ended yet" : `${facts.equity.rows.length} sessions, newest first`} open={isAsked(asked, equity)}>
            <DataTable page={facts.equity} params={asked} path={path} cells={EQUITY_CELLS} empty="No session has ended yet." />
          </Fold>
        </Card>
      </Grid>
    </div>
  ));
}

type Facts = ReturnType<typeof factsOf>;

function factsOf(ledger: Ledger, desk: Desk, span: Span, asked: Params) {
  const day = text(desk.session_day) ?? (text(desk.ts) ?? "").slice(0, 10);
  const heat = ledger.rows("dashboard_equity", {
    columns: ["day", "pnl", "pnl_sort"], where: [{ column: "day", is: ">=", value: dayAfter(day, -7 * HEAT_WEEKS) }], order: [["day", "up"]], limit: 400,
  });
  const held = tablePage(ledger, invariants, asked);
  return {
    day,
    returns: readReturns(ledger, span, day),
    heat: heat.flatMap((row): HeatDay[] => {
      const pnl = text(row.pnl);
      return pnl === null ? [] : [{ day: text(row.day) ?? "", pnl, size: numeric(row.pnl_sort) ?? 0 }];
    }),
    invariants: held,
    broken: held.rows.filter((row) => !flag(row.ok)),
    trips: tablePage(ledger, trips, asked),
    equity: tablePage(ledger, equity, asked),
    events: ledger.rows("dashboard_happenings", { columns: ["id", "ts", "kind", "payload_json"], order: [["id", "down"]], limit: EVENTS }),
    fills: ledger.rows("dashboard_fills", { columns: ["id", "at", "tick_id", "side", "qty", "symbol", "price"], order: [["id", "down"]], limit: EVENTS }),
  };
}

/** Say in one line whether all invariants hold; the table opens under it, and stands open where one does not. */
function Invariants({ facts, asked, path }: Readonly<{ facts: Facts; asked: Params; path: string }>) {
  const all = facts.invariants.rows.length;
  const off = facts.broken.length;
  if (all === 0) return <Empty>No tick has decided yet: run <Command>bot tick</Command></Empty>;
  return (
    <Fold open={off > 0} title={off === 0 ? <Badge tone="good">all {count(all)} hold</Badge> : <Badge tone="bad">{count(off)} of {count(all)} {off === 1 ? "is" : "are"} off</Badge>}>
      <DataTable page={facts.invariants} params={asked} path={path} cells={INVARIANT_CELLS} empty="No tick has decided yet." />
    </Fold>
  );
}

/** Say how the wires stand: how many, how many tripped, which is nearest. */
function wiresWord(wires: readonly Row<"dashboard_trips">[]): string {
  if (wires.length === 0) return "none was read yet";
  const tripped = wires.filter((wire) => text(wire.tripped_at) !== null && text(wire.cleared_at) === null).length;
  const nearest = [...wires].sort((left, right) => usedOf(right) - usedOf(left))[0];
  const near = nearest === undefined || usedOf(nearest) === 0 ? "" : `; nearest: ${words(text(nearest.name))}, ${percent(usedOf(nearest), 0)} of its limit`;
  return `${wires.length} wires, ${tripped === 0 ? "none tripped" : `${tripped} tripped`}${near}`;
}

/** Green, or what is wrong first: the five seconds of the page. */
function Health({ desk, broken }: Readonly<{ desk: Desk; broken: Facts["broken"] }>) {
  const halt = text(desk.halt_level) ?? "run";
  const age = tickAge(desk, new Date());
  const errors = json(desk.errors_json);
  const failed = text(desk.status) !== "done";
  const wrong: string[] = [];
  if (halt !== "run") wrong.push(`halt: ${words(halt)}`);
  if (age.late) wrong.push(age.words);
  const panic = text(desk.panic) ?? "";
  if (panic !== "") wrong.push("a panic stands");
  if (text(desk.restore)) wrong.push("restored from a backup");
  if (failed) wrong.push(`the newest tick ended ${words(text(desk.status))}`);
  if (broken.length > 0) wrong.push(broken.length === 1 ? "one invariant is off" : `${broken.length} invariants are off`);
  const tone = halt === "stop" || panic !== "" || failed || age.tone === "bad" ? "bad" : wrong.length > 0 ? "warn" : "good";
  return (
    <Notice tone={tone} title={wrong.length === 0 ? "All is well" : `Look here: ${wrong.join("; ")}`}>
      <dl className="grid gap-x-8 gap-y-1 text-[0.8125rem] sm:grid-cols-2">
        <Pair name="Newest tick"><When at={text(desk.ts)} /> ({age.words})</Pair>
        <Pair name="Next tick"><When at={text(desk.next_slot)} /></Pair>
        <Pair name="Session"><Session desk={desk} now={new Date()} /></Pair>
        <Pair name="Halt">{halt === "run" ? "none" : <>{words(halt)}, by {text(desk.halt_author)} since <When at={text(desk.halt_at)} /></>}</Pair>
        {halt === "run" ? null : <Pair name="Why">{text(desk.halt_reason)}</Pair>}
        {halt === "run" ? null : <Pair name="Clears">{text(desk.halt_clears)}</Pair>}
        {panic === "" ? null : <Pair name="Panic">{panic}</Pair>}
        {text(desk.restore) ? <Pair name="Restore">{text(desk.restore)}</Pair> : null}
        {broken.map((row) => <Pair key={text(row.name)} name={words(text(row.name))}>{plain(text(row.value))} {text(row.unit)}: {text(row.detail)}</Pair>)}
        {Array.isArray(errors) ? errors.map((error, index) => <Pair key={index} name="The tick said">{String(error)}</Pair>) : null}
        {text(desk.note) ? <Pair name="The tick">{spelled(text(desk.note))}</Pair> : null}
      </dl>
      {age.late ? <Late /> : null}
      {halt === "run" && wrong.length === 0 ? <CommandLine label="To open nothing new:" command={'bot halt no_new_risk --reason "why"'} /> : null}
      {text(desk.halt_command) ? <CommandLine label="To change it:" command={text(desk.halt_command) ?? ""} /> : null}
    </Notice>
  );
}

/** What to do where ticks do not come. */
function Late() {
  return (
    <div className="mt-2 text-xs">
      <p>Ticks do not come: nothing here is newer than the newest one. Stops that rest at the broker stay there.</p>
      <p className="mt-1">1. What is wrong: <Command>bot doctor</Command></p>
      <p className="mt-1">2. Whether the timer runs: <Command>systemctl list-timers</Command> or <Command>crontab -l</Command></p>
      <p className="mt-1">3. One tick by hand: <Command>bot tick</Command></p>
    </div>
  );
}

function Session({ desk, now }: Readonly<{ desk: Desk; now: Date }>) {
  const sinceOpen = ageSeconds(text(desk.session_opens_at), now) ?? -1;
  const sinceClose = ageSeconds(text(desk.session_closes_at), now) ?? 1;
  return sinceOpen >= 0 && sinceClose < 0 ? <>open until <When at={text(desk.session_closes_at)} date={false} /></> : <>closed</>;
}

function Pair({ name, children }: Readonly<{ name: string; children: React.ReactNode }>) {
  return (
    <div className="flex gap-2">
      <dt className="w-32 shrink-0 text-muted">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </div>
  );
}

function Money({ desk }: Readonly<{ desk: Desk }>) {
  return (
    <Stats>
      <Stat name="Equity" value={dollars(text(desk.equity))} under="cash plus our own marks" />
      <Stat name={`Day P&L, ${dayText(text(desk.session_day))}`} value={<Gain amount={text(desk.day_pnl)} />} under={<GainPercent fraction={text(desk.day_fraction)} />} />
      <Stat name="Cash" value={dollars(text(desk.cash))} under={`${dollars(text(desk.cash_idle))} idle (${percent(text(desk.cash_idle_fraction))})`} />
      <Stat name="Collateral of puts" value={dollars(text(desk.collateral))} under={`${percent(text(desk.collateral_fraction))} of equity`} />
      <Stat name="Drawdown" value={percent(text(desk.drawdown_fraction), 2)} under="from the peak, net of transfers" />
      <Stat name="Buying power" value={dollars(text(desk.buying_power))} under="the broker's figure" />
    </Stats>
  );
}

function ReturnChart({ returns, benchmark, span }: Readonly<{ returns: Returns; benchmark: string; span: Span }>) {
  if (returns.points.length < 2)
    return <Empty>{span === "1D" ? "Fewer than two ticks on the newest day: the line begins with the second." : "Fewer than two finished sessions in this span: the line begins with the second. A shorter span shows ticks."}</Empty>;
  const shown = (value: number | null): string => percent(value, 2, { signed: true });
  return (
    <>
      <p className="mb-2 text-[0.8125rem]">
        This desk {shown(returns.ours)}; holding the same shares {shown(returns.holding)}; {benchmark} {shown(returns.benchmark)}
      </p>
      <LineChart label={`Return over ${span}: this desk ${shown(returns.ours)}, holding ${shown(returns.holding)}, ${benchmark} ${shown(returns.benchmark)}`}
        unit=" %" points={returns.points} lines={[
          { name: "this desk", tone: "one" }, { name: "holding the same shares", tone: "two", dashed: true }, { name: benchmark, tone: "three" },
        ]} />
    </>
  );
}

function Meters({ desk, trips: wires }: Readonly<{ desk: Desk; trips: readonly Row<"dashboard_trips">[] }>) {
  return (
    <div className="grid gap-4">
      <Meter label="Drawdown" value={numeric(desk.drawdown_fraction)} limit={numeric(desk.drawdown_limit)} level={words(text(desk.drawdown_level))} />
      <Meter label="Loss of the day" value={Math.max(0, -(numeric(desk.day_fraction) ?? 0))} limit={numeric(desk.daily_loss_limit)} level="no new risk" />
      <ul className="grid gap-1 text-[0.8125rem]">
        {wires.filter((wire) => text(wire.tripped_at) !== null && text(wire.cleared_at) === null).map((wire) => (
          <li key={text(wire.name)}><Badge tone="warn">tripped</Badge> {words(text(wire.name))}: {words(text(wire.level))} until {text(wire.clears)}</li>
        ))}
        {wires.filter((wire) => usedOf(wire) >= 0.6).map((wire) => (
          <li key={text(wire.name)}>
            <Badge tone={usedOf(wire) >= 0.8 ? "bad" : "warn"}>near</Badge> {words(text(wire.name))}: <Measure value={text(wire.value)} unit={text(wire.unit)} /> of{" "}
            <Measure value={text(wire.limit)} unit={text(wire.unit)} /> {text(wire.unit) === "fraction" ? "" : text(wire.unit)}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** How much of a wire's limit its newest reading uses. */
function usedOf(wire: Pick<Row<"dashboard_trips">, "value" | "limit">): number {
  const value = numeric(wire.value);
  const limit = numeric(wire.limit);
  return value === null || limit === null || limit <= 0 ? 0 : value / limit;
}

function Events({ events }: Readonly<{ events: readonly Pick<Row<"dashboard_happenings">, "id" | "ts" | "kind" | "payload_json">[] }>) {
  if (events.length === 0) return <Empty>Nothing but ticks so far: halts, trips, approvals and the like stand here.</Empty>;
  return (
    <ol className="grid gap-1.5 text-[0.8125rem]">
      {events.map((event) => (
        <li key={String(event.id)} className="flex flex-wrap gap-x-3"><When at={text(event.ts)} /> <span className="font-medium">{words(text(event.kind))}</span> <span className="min-w-0 break-words text-muted">{factsIn(json(event.payload_json))}</span></li>
      ))}
    </ol>
  );
}

/** The words of an event's facts that a person looks for first. */
function factsIn(facts: unknown): string {
  if (typeof facts !== "object" || facts === null) return "";
  const known = facts as Readonly<Record<string, unknown>>;
  return ["name", "level", "symbol", "author", "reason"].flatMap((name) => {
    const said = known[name];
    return typeof said === "string" && said !== "" ? [spelled(words(said)).slice(0, 160)] : [];
  }).join(", ");
}

type Fill = Pick<Row<"dashboard_fills">, "id" | "at" | "tick_id" | "side" | "qty" | "symbol" | "price">;

function Fills({ fills, name }: Readonly<{ fills: readonly Fill[]; name: string }>) {
  if (fills.length === 0) return <Empty>Nothing has filled yet.</Empty>;
  return (
    <ol className="grid gap-1.5 text-[0.8125rem]">
      {fills.map((fill) => (
        <li key={String(fill.id)} className="flex flex-wrap gap-x-3">
          <Link href={pathOf(name, `ticks/${fill.tick_id}`)}><When at={text(fill.at)} /></Link>
          <span>{words(text(fill.side))} {plain(text(fill.qty))} <Series symbol={text(fill.symbol)} /> at {price(text(fill.price))}</span>
        </li>
      ))}
    </ol>
  );
}

const INVARIANT_CELLS: Cells<"dashboard_invariants"> = {
  detail: (row) => <span className="block min-w-48">{spelled(text(row.detail)) || "–"}</span>,
  name: (row) => <span className="whitespace-nowrap">{words(text(row.name))}</span>,
  ok: (row) => <Badge tone={flag(row.ok) ? "good" : "bad"}>{flag(row.ok) ? "holds" : "off"}</Badge>,
};

const TRIP_CELLS: Cells<"dashboard_trips"> = {
  value: (row) => <Measure value={text(row.value)} unit={text(row.unit)} />,
  limit: (row) => <Measure value={text(row.limit)} unit={text(row.unit)} />,
  unit: (row) => (text(row.unit) === "fraction" ? <span className="text-muted">–</span> : null),
  clears: (row) => <span className="block min-w-56">{text(row.clears)}</span>,
  name: (row) => <span className="whitespace-nowrap">{words(text(row.name))}</span>,
  tripped_at: (row) => text(row.tripped_at) === null ? <span className="text-muted">never</span>
    : <span className="whitespace-nowrap">{text(row.cleared_at) === null ? <Badge tone="warn">now</Badge> : null} <When at={text(row.tripped_at)} /></span>,
};

const EQUITY_CELLS: Cells<"dashboard_equity"> = {
  pnl: (row) => <Gain amount={text(row.pnl)} />,
  pnl_fraction: (row) => <GainPercent fraction={numeric(row.pnl_fraction)} />,
};
