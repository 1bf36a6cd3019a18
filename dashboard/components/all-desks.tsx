/** Several desks on one page, each with how it stands, and their money added up exactly. */

import Link from "@/components/link";
import { dollars, words } from "@/lib/format";
import { haltedBy, haltFileOf } from "@/lib/halt-file";
import { refreshSeconds, type Home } from "@/lib/homes";
import { add } from "@/lib/money";
import { pathOf } from "@/lib/pages";
import { text, type Row } from "@/lib/schema";
import { read } from "@/lib/store";
import { dayText } from "@/lib/time";
import { Refresh } from "./refresh";
import { Standing, TroubleView } from "./shell";
import { Card, Gain, Stat, Stats } from "./ui";

export async function AllDesks({ homes }: Readonly<{ homes: readonly Home[] }>) {
  const states = await Promise.all(homes.map(async (home) => ({ home, got: await read(home.name, (ledger) => ledger.one("dashboard_desk")), file: haltFileOf(home) })));
  const rows = states.flatMap(({ got }) => (got.ok && got.value !== null ? [got.value] : []));
  // Play money and real money are never added to each other.
  const kinds = [...new Set(rows.map((row) => text(row.money) ?? ""))].sort();
  return (
    <>
      <header className="border-b border-line bg-surface px-4 py-3"><span className="font-semibold">Escapement</span></header>
      <main id="content" className="mx-auto max-w-7xl px-4 pb-16 pt-4">
        <h1 className="mb-4">All desks</h1>
        <div className="grid gap-4">
          {kinds.map((kind) => {
            const same = rows.filter((row) => text(row.money) === kind);
            const sum = (column: "equity" | "cash" | "day_pnl"): string => add(same.flatMap((row) => text(row[column]) ?? []));
            return (
              <Card key={kind} title={`${kind}, ${same.length === 1 ? "one desk" : `${same.length} desks`} added up`}>
                <Stats>
                  <Stat name="Equity" value={dollars(sum("equity"))} />
                  <Stat name="Cash" value={dollars(sum("cash"))} />
                  <Stat name="Day P&L" value={<Gain amount={sum("day_pnl")} />} under={daysOf(same)} />
                </Stats>
              </Card>
            );
          })}
          {states.map(({ home, got, file }) => (
            <Card key={home.name} title={home.name} aside={<Link href={pathOf(home.name, "")}>Open</Link>}>
              {!got.ok ? <TroubleView trouble={got.trouble} /> : got.value === null ? <p>No tick has finished yet.</p> : (
                <div className="grid gap-3">
                  <Standing desk={haltedBy(got.value, file)} />
                  <Stats>
                    <Stat name="Equity" value={dollars(text(got.value.equity))} />
                    <Stat name="Cash" value={dollars(text(got.value.cash))} />
                    <Stat name={`Day P&L, ${dayText(text(got.value.session_day))}`} value={<Gain amount={text(got.value.day_pnl)} />} />
                    <Stat name="Halt" value={haltWord(text(haltedBy(got.value, file).halt_level))} under={text(haltedBy(got.value, file).halt_reason) || undefined} />
                  </Stats>
                </div>
              )}
            </Card>
          ))}
        </div>
      </main>
      <Refresh seconds={refreshSeconds(process.env)} />
    </>
  );
}

function haltWord(level: string | null): string {
  return level === null || level === "run" ? "none" : words(level);
}

/** Name the days that were added up: desks need not have ticked on the same one. */
function daysOf(rows: readonly Row<"dashboard_desk">[]): string {
  return [...new Set(rows.map((row) => dayText(text(row.session_day))))].join(" and ");
}
