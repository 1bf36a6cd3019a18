import Link from "@/components/link";
import type { ReactNode } from "react";
import { OrderLine } from "@/components/order-line";
import { deskPage } from "@/components/shell";
import { stagesOf, StageBars } from "@/components/stage-bars";
import { Badge, Card, Command, Empty, Notice, Series, Stat, Stats, When } from "@/components/ui";
import { count, dollars, duration, number, percent, plain, price, words } from "@/lib/format";
import { verdictsOf, type Check, type Verdict } from "@/lib/judged";
import { pathOf } from "@/lib/pages";
import { param } from "@/lib/params";
import { json, numeric, text, type Row } from "@/lib/schema";
import { spelled } from "@/lib/series";
import type { Ledger } from "@/lib/store";

export const metadata = { title: "Tick" };

const INTENTS_MAX = 200;

type Asked = Readonly<{ params: Promise<{ desk: string; id: string }> }>;

export default async function Tick({ params }: Asked) {
  const { desk, id } = await params;
  const number_ = Number(param({ id }, "id", "number") || "0");
  return deskPage(desk, "ticks", `Tick ${number_ || id}`, (ledger) => factsOf(ledger, number_), (facts) => (
    facts === null ? <Notice tone="warn" title="There is no such tick"><p>Choose one from <Link href={pathOf(desk, "ticks")}>Ticks</Link>.</p></Notice>
      : <Body desk={desk} facts={facts} />
  ));
}

type Facts = NonNullable<ReturnType<typeof factsOf>>;

function factsOf(ledger: Ledger, id: number) {
  const tick = ledger.one("dashboard_ticks", { where: [{ column: "id", is: "=", value: id }] });
  if (tick === null) return null;
  const of = [{ column: "tick_id", is: "=", value: id }] as const;
  return {
    tick,
    intents: ledger.rows("dashboard_intents", { where: of, order: [["position", "up"]], limit: INTENTS_MAX }),
    notes: ledger.rows("dashboard_notes", { where: of, order: [["id", "up"]], limit: INTENTS_MAX }),
    verdicts: verdictsOf(ledger.one("dashboard_checks", { where: of })?.blob),
    orders: ledger.rows("dashboard_orders", { where: of, order: [["id", "up"]], limit: INTENTS_MAX }),
    steps: ledger.rows("dashboard_transitions", { where: of, order: [["id", "up"]], limit: INTENTS_MAX }),
    fills: ledger.rows("dashboard_fills", { where: of, order: [["id", "up"]], limit: INTENTS_MAX }),
    before: ledger.one("dashboard_ticks", { columns: ["id"], where: [{ column: "id", is: "<", value: id }], order: [["id", "down"]] }),
    after: ledger.one("dashboard_ticks", { columns: ["id"], where: [{ column: "id", is: ">", value: id }], order: [["id", "up"]] }),
  };
}

function Body({ desk, facts }: Readonly<{ desk: string; facts: Facts }>) {
  const { tick } = facts;
  const errors = json(tick.errors_json);
  return (
    <div className="grid gap-4">
      <nav aria-label="Neighbours" className="flex gap-4 text-xs">
        {facts.before === null ? null : <Link href={pathOf(desk, `ticks/${facts.before.id}`)}>← tick {String(facts.before.id)}</Link>}
        {facts.after === null ? null : <Link href={pathOf(desk, `ticks/${facts.after.id}`)}>tick {String(facts.after.id)} →</Link>}
      </nav>
      {text(tick.status) === "done" ? null : (
        <Notice tone="bad" title={`This tick ended: ${text(tick.status)}`}><p>{text(tick.note)}</p></Notice>
      )}
      <Card title="The tick">
        <Stats>
          <Stat name="When" value={<span className="text-sm"><When at={text(tick.ts)} seconds /></span>} under={<>slot <When at={text(tick.slot)} date={false} /></>} />
          <Stat name="Mode" value={text(tick.mode) === "live" ? "sends orders" : "dry"} under={text(tick.halt) === "run" ? "no halt" : `halt: ${words(text(tick.halt))}`} />
          <Stat name="Equity" value={dollars(text(tick.equity))} under={`cash ${dollars(text(tick.cash))}`} />
          <Stat name="Took" value={`${number(numeric(tick.duration_ms), 0)} ms`} under={`code ${text(tick.code_version)}`} />
        </Stats>
        {Array.isArray(errors) && errors.length > 0 ? <ul className="mt-3 list-disc pl-5">{errors.map((error, index) => <li key={index}>{String(error)}</li>)}</ul> : null}
        {text(tick.note) ? <p className="mt-3">{spelled(text(tick.note))}</p> : null}
        <p className="mt-3 text-xs text-muted">The same in words: <Command>{`bot why --tick ${tick.id}`}</Command></p>
      </Card>
      <Card title="1. Seen"><Seen tick={tick} /></Card>
      <Card title={`2. Wanted and judged: ${count(numeric(tick.intents))} wanted, ${count(numeric(tick.approved))} allowed`}>
        <Judged facts={facts} />
      </Card>
      <Card title={`3. Passed over by planners: ${facts.notes.length}`}>
        {facts.notes.length === 0 ? <Empty>No planner noted a chance it passed over.</Empty> : (
          <Plainlist items={facts.notes.map((note) => (
            <><span className="font-medium">{text(note.symbol) === "*" ? "all symbols" : text(note.symbol)}</span> {text(note.subject)}: {spelled(text(note.reason))}{numbers(text(note.value), text(note.limit), text(note.unit))}</>
          ))} />
        )}
      </Card>
      <Card title="4. Sent and answered"><Sent facts={facts} /></Card>
      <Card title="Where the time went"><StageBars stages={stagesOf(json(tick.stages_json))} /></Card>
    </div>
  );
}

type SeenQuote = Readonly<{ symbol: string; bid: string; ask: string; source: string; age: number }>;

function Seen({ tick }: Readonly<{ tick: Row<"dashboard_ticks"> }>) {
  const seen = json(tick.seen_json) as Readonly<Record<string, unknown>> | null;
  if (seen === null) return <Empty>What this tick saw is in its Snapshot: <Command>{`bot why --tick ${tick.id}`}</Command></Empty>;
  const quotes = (Array.isArray(seen["quotes"]) ? seen["quotes"] : []) as readonly SeenQuote[];
  const chains = (Array.isArray(seen["chains"]) ? seen["chains"] : []) as readonly Readonly<{ underlying: string; right: string; rows: number }>[];
  const inputs = (Array.isArray(seen["inputs"]) ? seen["inputs"] : []) as readonly Readonly<{ name: string; source: string; age: number }>[];
  return (
    <div className="grid gap-3">
      <p>
        {count(Number(seen["positions"] ?? 0))} positions and {count(Number(seen["orders"] ?? 0))} live orders at the broker; Snapshot{" "}
        <code className="break-all text-xs">{text(tick.snapshot_hash)}</code>
      </p>
      {quotes.length === 0 ? null : (
        <div role="region" aria-label="Quotes" tabIndex={0} className="overflow-x-auto">
          <table className="text-left text-[0.8125rem]">
            <caption className="sr-only">Quotes this tick saw</caption>
            <thead><tr className="text-xs text-muted">{["Symbol", "Bid", "Ask", "Age", "From"].map((title) => <th key={title} scope="col" className={`pr-6 font-medium ${["Bid", "Ask", "Age"].includes(title) ? "text-right" : ""}`}>{title}</th>)}</tr></thead>
            <tbody>
              {quotes.map((quote) => (
                <tr key={quote.symbol}>
                  <td className="pr-6"><Series symbol={quote.symbol} /></td><td className="pr-6 text-right">{price(quote.bid)}</td><td className="pr-6 text-right">{price(quote.ask)}</td>
                  <td className="pr-6 text-right">{duration(quote.age)}</td><td className="pr-6">{quote.source}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {chains.length === 0 ? <p className="text-muted">No option chain was asked for: nothing could be written.</p>
        : <p>Chains: {chains.map((chain) => `${chain.underlying} ${chain.right}s (${count(chain.rows)} series)`).join(", ")}</p>}
      {inputs.length === 0 ? null : <p className="text-xs text-muted">Inputs: {inputs.map((input) => `${input.name} ${duration(input.age)} old (${input.source})`).join("; ")}</p>}
    </div>
  );
}

function Judged({ facts }: Readonly<{ facts: Facts }>) {
  if (facts.intents.length === 0) return <Empty>No planner wanted anything.</Empty>;
  return (
    <ol className="grid gap-3">
      {facts.intents.map((intent) => {
        const verdict = facts.verdicts?.[Number(intent.position)];
        return (
          <li key={String(intent.id)} className="min-w-0 break-words border-b border-line/60 pb-3 last:border-0 last:pb-0">
            <p className="flex flex-wrap items-baseline gap-x-2 gap-y-1">
              <Badge tone={intent.approved === 1 ? "good" : "warn"}>{intent.approved === 1 ? "allowed" : "refused"}</Badge>
              <span className="font-medium">{words(text(intent.purpose))}: {words(text(intent.side))} {plain(text(intent.qty))} <Series symbol={text(intent.symbol)} /></span>
              {text(intent.limit_price) === null ? null : <span>at {price(text(intent.limit_price))}</span>}
              <span className="text-muted">{text(intent.strategy)}; became {words(text(intent.status))}</span>
            </p>
            <p className="mt-0.5 text-[0.8125rem]">{spelled(text(intent.reason))}</p>
            {verdict === undefined ? <p className="text-xs text-muted">Refused by: {(text(intent.refused_by) ?? "").split(",").map(words).join(", ") || "none"}</p> : <Checks verdict={verdict} />}
          </li>
        );
      })}
    </ol>
  );
}

function Checks({ verdict }: Readonly<{ verdict: Verdict }>) {
  const refused = verdict.checks.filter((check) => !check.ok);
  return (
    <div className="mt-1 text-[0.8125rem]">
      {refused.map((check) => <p key={check.gate} className="text-warn"><span aria-hidden="true">✕</span> {checkText(check)}</p>)}
      <details>
        <summary className="text-xs text-muted">{count(verdict.checks.length - refused.length)} gates allowed it</summary>
        {/* One text: as elements, twenty wishes of sixty gates would be most of the page's work. */}
        <p className="mt-1 whitespace-pre-line text-xs">{verdict.checks.filter((check) => check.ok).map((check) => `✓ ${checkText(check)}`).join("\n")}</p>
      </details>
    </div>
  );
}

function checkText(check: Check): string {
  return `${words(check.gate)}: ${spelled(check.reason)}${numbers(check.value, check.limit, check.unit)}`;
}

function numbers(value: string | null, limit: string | null, unit: string | null): string {
  if (value === null) return "";
  const said = (given: string): string => (unit === "fraction" ? percent(given) : plain(given));
  return ` (${said(value)}${limit === null ? "" : ` against ${said(limit)}`}${unit && unit !== "fraction" ? ` ${unit}` : ""})`;
}

function Sent({ facts }: Readonly<{ facts: Facts }>) {
  if (facts.orders.length === 0 && facts.steps.length === 0 && facts.fills.length === 0)
    return <Empty>{text(facts.tick.mode) === "dry" ? "A dry tick sends nothing." : "Nothing was sent and nothing new was heard."}</Empty>;
  const ids = [...new Set(facts.steps.map((step) => text(step.client_order_id) ?? ""))];
  return (
    <div className="grid gap-3">
      {ids.map((id) => (
        <div key={id}>
          <p className="mb-1"><code className="text-xs">{id}</code> {words(text(facts.orders.find((order) => text(order.client_order_id) === id)?.purpose)).replace("–", "an earlier tick's order")}</p>
          <OrderLine steps={facts.steps.filter((step) => text(step.client_order_id) === id)} />
        </div>
      ))}
      {facts.fills.length === 0 ? null : (
        <Plainlist items={facts.fills.map((fill) => <>Filled: {words(text(fill.side))} {plain(text(fill.qty))} <Series symbol={text(fill.symbol)} /> at {price(text(fill.price))}, <When at={text(fill.at)} seconds /></>)} />
      )}
    </div>
  );
}

function Plainlist({ items }: Readonly<{ items: readonly ReactNode[] }>) {
  return <ul className="grid gap-1 text-[0.8125rem]">{items.map((item, index) => <li key={index}>{item}</li>)}</ul>;
}
