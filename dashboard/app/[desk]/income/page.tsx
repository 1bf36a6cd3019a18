import { Bars, type Bar } from "@/components/bars";
import { DataTable, type Cells } from "@/components/data-table";
import { deskPage, type Desk } from "@/components/shell";
import { Card, Empty, Fold, Gain, Stat, Stats, When } from "@/components/ui";
import { add } from "@/lib/money";
import { pathOf } from "@/lib/pages";
import type { Params } from "@/lib/params";
import { numeric, text } from "@/lib/schema";
import { activities, incomeDays, incomeMonths, incomeSymbols, incomeWeeks } from "@/lib/specs/income";
import type { Ledger } from "@/lib/store";
import { isAsked, tablePage } from "@/lib/tables";
import { dayAfter } from "@/lib/time";

export const metadata = { title: "Income" };

const WEEKS = 26;
const MONTHS = 24;

type Asked = Readonly<{ params: Promise<{ desk: string }>; searchParams: Promise<Params> }>;

export default async function Income({ params, searchParams }: Asked) {
  const { desk: name } = await params;
  const asked = await searchParams;
  const path = pathOf(name, "income");
  return deskPage(name, "income", "Income", (ledger, desk) => factsOf(ledger, desk, asked), (facts, desk) => (
    <div className="grid gap-4">
      <Card title="In all" aside={<>as of <When at={text(desk.ts)} /></>}>
        <Stats>
          <Stat name={`In ${facts.monthName}`} value={<Gain amount={facts.month} />} under="options, shares, dividends and interest that ended" />
          <Stat name="Realised since the start" value={<Gain amount={facts.realized} />} />
          <Stat name="Open" value={<Gain amount={facts.open} />} under="what would end today, at our own marks" />
          <Stat name="Dividends" value={<Gain amount={facts.dividends} />} under="part of what was realised" />
        </Stats>
      </Card>
      <Card title={`By month, ${MONTHS} at most`}>
        {facts.months.length === 0 ? <Empty>Nothing has ended yet: an option earns its premium when it ends.</Empty> : <Bars label="Income by month" bars={facts.months} />}
      </Card>
      <Card title={`By week, ${WEEKS} at most`}>
        {facts.weeks.length === 0 ? <Empty>Nothing ended in these weeks.</Empty> : <Bars label="Income by week" bars={facts.weeks} />}
      </Card>
      <Card title="By symbol"><DataTable page={facts.symbols} params={asked} path={path} cells={SYMBOL_CELLS} empty="Nothing has ended and nothing is open." /></Card>
      <Card title="Months">
        <Fold title={lines(facts.monthRows.rows.length)} open={isAsked(asked, incomeMonths)}>
          <DataTable page={facts.monthRows} params={asked} path={path} cells={INCOME_CELLS} empty="No month has income yet." />
        </Fold>
      </Card>
      <Card title="Weeks">
        <Fold title={lines(facts.weekRows.rows.length)} open={isAsked(asked, incomeWeeks)}>
          <DataTable page={facts.weekRows} params={asked} path={path} cells={INCOME_CELLS as Cells<"dashboard_income_weeks">} empty="No week has income yet." />
        </Fold>
      </Card>
      <Card title="Days">
        <Fold title={lines(facts.days.rows.length)} open={isAsked(asked, incomeDays)}>
          <DataTable page={facts.days} params={asked} path={path} cells={INCOME_CELLS as Cells<"dashboard_income">} empty="No day has income yet." />
        </Fold>
      </Card>
      <Card title="The broker's history">
        <Fold title={facts.activities.rows.length === 0 ? "none" : `the newest ${facts.activities.rows.length} entries`} open={isAsked(asked, activities)}>
          <DataTable page={facts.activities} params={asked} path={path} empty="The broker has listed nothing yet." />
        </Fold>
      </Card>
    </div>
  ));
}

function factsOf(ledger: Ledger, desk: Desk, asked: Params) {
  const day = text(desk.session_day) ?? (text(desk.ts) ?? "").slice(0, 10);
  const months = ledger.rows("dashboard_income_months", {
    columns: ["month", "income", "income_sort"], where: [{ column: "month", is: ">=", value: dayAfter(day, -31 * MONTHS).slice(0, 7) }],
    order: [["month", "up"]], limit: 4_000,
  });
  const weeks = ledger.rows("dashboard_income_weeks", {
    columns: ["first_day", "income", "income_sort"], where: [{ column: "first_day", is: ">=", value: dayAfter(day, -7 * WEEKS) }],
    order: [["first_day", "up"]], limit: 4_000,
  });
  const symbols = tablePage(ledger, incomeSymbols, asked);
  const all = (column: "realized" | "open" | "dividends"): string => add(symbols.rows.flatMap((row) => text(row[column]) ?? []));
  return {
    monthName: day.slice(0, 7),
    month: add(months.filter((row) => text(row.month) === day.slice(0, 7)).flatMap((row) => text(row.income) ?? [])),
    realized: all("realized"), open: all("open"), dividends: all("dividends"),
    months: unbroken(barsOf(months.map((row) => [text(row.month) ?? "", text(row.income) ?? "0", numeric(row.income_sort) ?? 0])), monthAfter),
    weeks: unbroken(barsOf(weeks.map((row) => [text(row.first_day) ?? "", text(row.income) ?? "0", numeric(row.income_sort) ?? 0])), (name) => dayAfter(name, 7)),
    symbols, monthRows: tablePage(ledger, incomeMonths, asked), weekRows: tablePage(ledger, incomeWeeks, asked),
    days: tablePage(ledger, incomeDays, asked), activities: tablePage(ledger, activities, asked),
  };
}

function lines(rows: number): string {
  return rows === 0 ? "none" : `the newest ${rows}, by symbol and kind`;
}

/** Put a bar of nothing where a month or week earned nothing, so that the picture keeps time. */
function unbroken(bars: readonly Bar[], next: (name: string) => string): readonly Bar[] {
  const last = bars.at(-1)?.name ?? "";
  const known = new Map(bars.map((bar) => [bar.name, bar]));
  const all: Bar[] = [];
  for (let name = bars[0]?.name ?? ""; name !== "" && name <= last && all.length < WEEKS * 2; name = next(name))
    all.push(known.get(name) ?? { name, amount: "0", size: 0 });
  return all.length === 0 || all.at(-1)?.name !== last ? bars : all;
}

function monthAfter(month: string): string {
  return dayAfter(`${month}-01`, 31).slice(0, 7);
}

/** Add up what belongs to one name; amounts exactly, sizes to draw by. */
function barsOf(rows: readonly (readonly [name: string, amount: string, size: number])[]): readonly Bar[] {
  const found = new Map<string, { amounts: string[]; size: number }>();
  for (const [name, amount, size] of rows) {
    const known = found.get(name) ?? { amounts: [], size: 0 };
    known.amounts.push(amount);
    known.size += size;
    found.set(name, known);
  }
  return [...found].map(([name, { amounts, size }]) => ({ name, amount: add(amounts), size }));
}

const INCOME_CELLS: Cells<"dashboard_income_months"> = { income: (row) => <Gain amount={text(row.income)} /> };

const SYMBOL_CELLS: Cells<"dashboard_income_symbols"> = {
  realized: (row) => <Gain amount={text(row.realized)} />,
  open: (row) => <Gain amount={text(row.open)} />,
};
