import { DataTable, type Cells } from "@/components/data-table";
import { deskPage } from "@/components/shell";
import { Badge, Card, Gain, Stat, Stats } from "@/components/ui";
import { dollars } from "@/lib/format";
import { add, compare } from "@/lib/money";
import { pathOf } from "@/lib/pages";
import type { Params } from "@/lib/params";
import { flag, text } from "@/lib/schema";
import { books, strategies } from "@/lib/specs/ahead";
import { tablePage } from "@/lib/tables";

export const metadata = { title: "Strategies" };

type Asked = Readonly<{ params: Promise<{ desk: string }>; searchParams: Promise<Params> }>;

export default async function Strategies({ params, searchParams }: Asked) {
  const { desk: name } = await params;
  const asked = await searchParams;
  const path = pathOf(name, "strategies");
  return deskPage(name, "strategies", "Strategies", (ledger) => {
    const page = tablePage(ledger, books, asked);
    return { strategies: tablePage(ledger, strategies, asked), books: page, cash: add(page.rows.flatMap((row) => text(row.cash) ?? [])) };
  }, (facts, desk) => (
    <div className="grid gap-4">
      <Card title="Who plans"><DataTable page={facts.strategies} params={asked} path={path} cells={STRATEGY_CELLS} empty="desk.toml names no strategy." /></Card>
      <Card title="Their books: together they are the account">
        <DataTable page={facts.books} params={asked} path={path} cells={BOOK_CELLS} empty="No tick has settled yet." />
        {facts.books.rows.length === 0 ? null : (
          <div className="mt-4 border-t border-line pt-3">
            <Stats>
              <Stat name="Cash of all books" value={dollars(facts.cash)} />
              <Stat name="The broker's cash" value={dollars(text(desk.cash))} />
              <Stat name="Difference" value={sameCash(facts.cash, text(desk.cash)) ? "none" : "see Audit"} tone={sameCash(facts.cash, text(desk.cash)) ? "good" : "warn"}
                under="pending items are listed under Audit" />
            </Stats>
          </div>
        )}
      </Card>
    </div>
  ));
}

function sameCash(ours: string, brokers: string | null): boolean {
  return brokers !== null && compare(ours, brokers) === 0;
}

const STRATEGY_CELLS: Cells<"dashboard_strategies"> = {
  enabled: (row) => <Badge tone={flag(row.enabled) ? "good" : "plain"}>{flag(row.enabled) ? "plans" : "off"}</Badge>,
};

const BOOK_CELLS: Cells<"dashboard_books"> = { income: (row) => <Gain amount={text(row.income)} /> };
