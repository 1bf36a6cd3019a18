import { DataTable, type Cells } from "@/components/data-table";
import { PayoffPlot } from "@/components/payoff-plot";
import { deskPage } from "@/components/shell";
import { Badge, Card, Empty, Fold, Gain, Grid, Series, Stat, Stats, When } from "@/components/ui";
import { dollars, duration, number, percent, price, words } from "@/lib/format";
import { add } from "@/lib/money";
import { pathOf } from "@/lib/pages";
import type { Params } from "@/lib/params";
import type { Held } from "@/lib/payoff";
import { flag, numeric, text, type Row } from "@/lib/schema";
import { lots, options, shares } from "@/lib/specs/positions";
import type { Ledger } from "@/lib/store";
import { isAsked, tablePage } from "@/lib/tables";

export const metadata = { title: "Positions" };

type Position = Row<"dashboard_positions">;
type Asked = Readonly<{ params: Promise<{ desk: string }>; searchParams: Promise<Params> }>;

export default async function Positions({ params, searchParams }: Asked) {
  const { desk: name } = await params;
  const asked = await searchParams;
  const path = pathOf(name, "positions");
  return deskPage(name, "positions", "Positions", (ledger) => factsOf(ledger, asked), (facts, desk) => (
    <div className="grid gap-4">
      <Card title="In all" aside={<>as of <When at={text(desk.ts)} /></>}>
        <Stats>
          <Stat name="Open P&L" value={<Gain amount={facts.unrealized} />} under="against what was paid, at our own marks" />
          <Stat name="Value" value={dollars(facts.value)} />
          <Stat name="Collateral of puts" value={dollars(text(desk.collateral))} under={`${percent(text(desk.collateral_fraction))} of equity`} />
          <Stat name="Idle cash" value={dollars(text(desk.cash_idle))} under={`${percent(text(desk.cash_idle_fraction))} of equity`} />
        </Stats>
      </Card>
      <Card title="Options, nearest expiry first">
        <DataTable page={facts.options} params={asked} path={path} cells={OPTION_CELLS} empty="No option is open." />
      </Card>
      <Card title="Shares">
        <DataTable page={facts.shares} params={asked} path={path} cells={SHARE_CELLS} empty="No shares are held." />
      </Card>
      <Card title="Gain and loss at expiry, by underlying" aside="green: gain; red: loss; dot: break-even; dashed: price now">
        {facts.pictures.length === 0 ? <Empty>Nothing is held whose picture could be drawn.</Empty> : (
          <Grid>
            {facts.pictures.map((picture) => (
              <div key={picture.underlying}>
                <p className="mb-1 font-medium">{picture.underlying}</p>
                <PayoffPlot {...picture} />
              </div>
            ))}
          </Grid>
        )}
      </Card>
      <Card title="Lots, open and gone">
        <Fold title={facts.lots.rows.length === 0 ? "none" : "each lot with its three bases"} open={isAsked(asked, lots)}>
          <DataTable page={facts.lots} params={asked} path={path} empty="No shares have come in yet." />
        </Fold>
      </Card>
    </div>
  ));
}

function factsOf(ledger: Ledger, asked: Params) {
  const held = ledger.rows("dashboard_positions", { order: [["underlying", "up"], ["symbol", "up"]], limit: 500 });
  const all = (column: "unrealized" | "value"): string => add(held.flatMap((row) => text(row[column]) ?? []));
  return {
    unrealized: all("unrealized"), value: all("value"), pictures: picturesOf(held),
    options: tablePage(ledger, options, asked), shares: tablePage(ledger, shares, asked), lots: tablePage(ledger, lots, asked),
  };
}

function picturesOf(rows: readonly Position[]) {
  const groups = new Map<string, Position[]>();
  for (const row of rows) groups.set(text(row.underlying) ?? "", [...(groups.get(text(row.underlying) ?? "") ?? []), row]);
  return [...groups].flatMap(([underlying, held]) => {
    const now = held.map((row) => numeric(row.underlying_price)).find((value) => value !== null) ?? null;
    const parts = held.flatMap(heldOf);
    return now === null || parts.length !== held.length ? [] : [{ underlying, held: parts, now }];
  });
}

function heldOf(row: Position): readonly Held[] {
  const qty = numeric(row.qty);
  const share = text(row.kind) === "share";
  const entry = numeric(share ? (row.basis_strike ?? row.avg_entry_price) : (row.credit ?? row.avg_entry_price));
  if (qty === null || entry === null) return [];
  if (share) return [{ kind: "share", qty, strike: 0, entry }];
  const strike = numeric(row.strike);
  const right = text(row.right);
  return strike === null || (right !== "put" && right !== "call") ? [] : [{ kind: right, qty, strike, entry }];
}

/** A stop or cover that is there, a waiver, or a gap: a mark and a word each. */
function Protection({ row }: Readonly<{ row: Pick<Position, "protection" | "protection_ok"> }>) {
  const said = words(text(row.protection));
  // Waived on purpose is neither guarded nor a gap.
  return <Badge tone={!flag(row.protection_ok) ? "bad" : said.startsWith("none") ? "plain" : "good"}>{said}</Badge>;
}

const COMMON: Cells<"dashboard_positions"> = {
  mark: (row) => <span className="whitespace-nowrap" title={words(text(row.mark_source))}>{price(text(row.mark))} <span className="text-xs text-muted">{words(text(row.mark_source))}</span></span>,
  unrealized: (row) => <Gain amount={text(row.unrealized)} />,
  protection: (row) => <Protection row={row} />,
  quote_age_seconds: (row) => <>{duration(numeric(row.quote_age_seconds))}</>,
  owner: (row) => (text(row.owner) === "foreign" ? <Badge tone="warn">foreign</Badge> : <>{text(row.owner)}</>),
};

const OPTION_CELLS: Cells<"dashboard_positions"> = {
  ...COMMON,
  symbol: (row) => <><Series symbol={text(row.symbol)} />{text(row.owner) === "foreign" ? <> <Badge tone="warn">foreign</Badge></> : null}</>,
  dte: (row) => {
    const days = numeric(row.dte);
    return days === null ? null : <Badge tone={days <= 7 ? "warn" : "plain"}>{days === 1 ? "1 day" : `${days} days`}</Badge>;
  },
  moneyness_fraction: (row) => {
    const room = numeric(row.moneyness_fraction);
    return room === null ? null : <span className="whitespace-nowrap">{percent(Math.abs(room))} <abbr title={room >= 0 ? "out of the money" : "in the money"} className={`no-underline ${room >= 0 ? "" : "font-semibold text-warn"}`}>{room >= 0 ? "out" : "in ▲"}</abbr></span>;
  },
  delta: (row) => <>{number(numeric(row.delta), 2)}</>,
  profit_fraction: (row) => <>{percent(numeric(row.profit_fraction), 0)}</>,
};

const SHARE_CELLS: Cells<"dashboard_positions"> = COMMON;
