import Link from "@/components/link";
import { DataTable, type Cells } from "@/components/data-table";
import { OrderLine, type Step } from "@/components/order-line";
import { PriceLine } from "@/components/price-line";
import { deskPage } from "@/components/shell";
import { Badge, Card, Fold, Gain, Series, When, type Tone } from "@/components/ui";
import { plain, price, words } from "@/lib/format";
import { pathOf } from "@/lib/pages";
import type { Params } from "@/lib/params";
import { text } from "@/lib/schema";
import { spelled } from "@/lib/series";
import { fills, intents, orders } from "@/lib/specs/orders";
import type { Ledger } from "@/lib/store";
import { isAsked, tablePage } from "@/lib/tables";
import { sessionTime } from "@/lib/time";

export const metadata = { title: "Orders" };

type Asked = Readonly<{ params: Promise<{ desk: string }>; searchParams: Promise<Params> }>;

export default async function Orders({ params, searchParams }: Asked) {
  const { desk } = await params;
  const asked = await searchParams;
  const path = pathOf(desk, "orders");
  return deskPage(desk, "orders", "Orders", (ledger) => factsOf(ledger, asked), (facts) => (
    <div className="grid gap-4">
      <Card title="Orders: what was wanted, sent and filled">
        <p className="mb-3 text-xs text-muted">
          On the price line: <span aria-hidden="true">▼</span> our limit, solid bar the mid when it was planned, dashed bar the natural price, dot the fill.
          Fill against mid is dollars for the whole order; positive is better than mid. The last column opens to each step, the reason and our id.
        </p>
        <DataTable page={facts.orders} params={asked} path={path} cells={orderCells(desk, facts.steps)}
          empty="No order fits: a dry desk writes intents, not orders." />
      </Card>
      <Card title="Newest fills">
        <Fold title={`the newest ${facts.fills.rows.length}, each with its execution`} open={isAsked(asked, fills)}>
          <DataTable page={facts.fills} params={asked} path={path} empty="Nothing has filled yet." />
        </Fold>
      </Card>
      <Card title="Newest intents">
        <Fold title={`the newest ${facts.intents.rows.length}, allowed or refused`} open={isAsked(asked, { ...intents, filters: [] })}>
          <DataTable page={facts.intents} params={asked} path={path} filters={false} cells={intentCells(desk)} empty="No planner has wanted anything yet." />
        </Fold>
      </Card>
    </div>
  ));
}

function factsOf(ledger: Ledger, asked: Params) {
  const page = tablePage(ledger, orders, asked);
  const steps = new Map<string, readonly Step[]>();
  for (const row of page.rows) {
    const id = text(row.client_order_id) ?? "";
    steps.set(id, ledger.rows("dashboard_transitions", { where: [{ column: "client_order_id", is: "=", value: id }], order: [["id", "up"]], limit: 30 }));
  }
  return { orders: page, steps, fills: tablePage(ledger, fills, asked), intents: tablePage(ledger, intents, asked) };
}

const STATES: Readonly<Record<string, Tone>> = { done: "good", working: "accent", unknown: "bad", sending: "warn", refused: "warn", not_sent: "warn" };

function orderCells(desk: string, steps: ReadonlyMap<string, readonly Step[]>): Cells<"dashboard_orders"> {
  return {
    planned_at: (row) => <Link href={pathOf(desk, `ticks/${row.tick_id}`)}><When at={text(row.planned_at)} /></Link>,
    symbol: (row) => (
      <>
        <span className="whitespace-nowrap">{words(text(row.side))} {plain(text(row.qty))} <Series symbol={text(row.symbol)} /></span>
        <span className="block whitespace-nowrap text-xs text-muted">{words(text(row.purpose))}, {text(row.strategy)}</span>
      </>
    ),
    filled_qty: (row) => <span className="whitespace-nowrap">{plain(text(row.filled_qty))} of {plain(text(row.qty))}</span>,
    limit_price: (row) => (text(row.limit_price) === null && text(row.stop_price) !== null ? <>stop {price(text(row.stop_price))}</>
      : text(row.trail_percent) === null ? null : <>trail {plain(text(row.trail_percent))} %</>),
    slippage: (row) => (
      <span className="inline-flex items-center gap-2">
        <PriceLine points={[
          { name: "limit", value: text(row.limit_price), mark: "limit" }, { name: "mid", value: text(row.mid_price), mark: "mid" },
          { name: "natural", value: text(row.natural_price), mark: "natural" }, { name: "fill", value: text(row.filled_avg_price), mark: "fill" },
        ]} />
        <span className="inline-block min-w-16">{text(row.slippage) === null ? <span className="text-muted">–</span> : <Gain amount={text(row.slippage)} />}</span>
      </span>
    ),
    state: (row) => {
      const own = steps.get(text(row.client_order_id) ?? "") ?? [];
      const end = own.at(-1);
      return (
        <details className="min-w-64 max-w-md">
          <summary>
            <Badge tone={toneOf(row)}>{words(text(row.state))}{text(row.status) ? `: ${words(text(row.status))}` : ""}</Badge>
            <span className="ml-2 whitespace-nowrap text-xs text-muted">
              {own.length < 2 || end === undefined ? "" : `${clock(text(own[0]?.at)).slice(0, 8)} → ${clock(text(end.at))}`}
            </span>
          </summary>
          <div className="mt-1 grid gap-1.5">
            <OrderLine steps={own} />
            <p className="text-xs">{spelled(text(row.reason))}</p>
            <code className="select-all text-xs text-muted">{text(row.client_order_id)}</code>
          </div>
        </details>
      );
    },
  };
}

function clock(at: string | null): string {
  return sessionTime(at, { seconds: true, date: false });
}

/** Done is good where something filled; what was only taken back is neither good nor bad. */
function toneOf(row: Readonly<{ state: unknown; filled_qty: unknown }>): Tone {
  const tone = STATES[String(row.state)] ?? "plain";
  return tone === "good" && Number(row.filled_qty ?? 0) === 0 ? "plain" : tone;
}

function intentCells(desk: string): Cells<"dashboard_intents"> {
  return {
    ts: (row) => <Link href={pathOf(desk, `ticks/${row.tick_id}`)}><When at={text(row.ts)} /></Link>,
    approved: (row) => <Badge tone={row.approved === 1 ? "good" : "warn"}>{row.approved === 1 ? "allowed" : "refused"}</Badge>,
    refused_by: (row) => <span className="break-words">{(text(row.refused_by) ?? "").split(",").map(words).join(", ")}</span>,
  };
}
