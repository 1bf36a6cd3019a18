/** The frame of every page of a desk: whose money it is, how the desk stands, where to go. */

import { cookies } from "next/headers";
import Link from "@/components/link";
import type { ReactNode } from "react";
import { drawnFor } from "@/lib/command-home";
import { duration, words } from "@/lib/format";
import { haltedBy, haltFileOf, type HaltFile } from "@/lib/halt-file";
import { refreshSeconds, type Home } from "@/lib/homes";
import { PAGES, pathOf, type PageName } from "@/lib/pages";
import { text, type Row } from "@/lib/schema";
import { desks, read, type Ledger, type Trouble } from "@/lib/store";
import { THEMES } from "@/lib/themes";
import { ageSeconds, sessionTime } from "@/lib/time";
import { Refresh } from "./refresh";
import { ThemeChoice } from "./theme";
import { Badge, Command, Notice, type Tone } from "./ui";

export type Desk = Row<"dashboard_desk">;

/** How long a tick that was due may keep the owner waiting: it is late after a slot, and missing after three. */
const LATE_SECONDS = 900;
const MISSING_SECONDS = 2_700;

/** Read what a page needs in one transaction and draw it inside the frame; a ledger that cannot be read gets words instead. */
export async function deskPage<T>(name: string, page: PageName, title: string,
  ask: (ledger: Ledger, desk: Desk) => T, draw: (facts: T, desk: Desk, home: Home) => ReactNode,
): Promise<ReactNode> {
  const got = await read(name, (ledger) => {
    const desk = ledger.one("dashboard_desk");
    return desk === null ? null : { desk, facts: ask(ledger, desk) };
  });
  const homes = await desks();
  drawnFor(got.home, homes.length);
  const trouble: Trouble | null = got.ok
    ? got.value === null
      ? { kind: "empty", title: "No tick has finished yet", todo: "Run `bot tick` once; this page shows it by itself." }
      : null
    : got.trouble;
  const file = got.home === null ? null : haltFileOf(got.home);
  const desk = got.ok && got.value !== null ? haltedBy(got.value.desk, file) : null;
  const age = desk === null ? null : tickAge(desk, new Date());
  return (
    <>
      <Header name={name} page={page} homes={homes} desk={desk} />
      <main id="content" className="mx-auto max-w-7xl px-4 pb-16 pt-4">
        <h1 className="mb-4">{title}</h1>
        {trouble !== null ? <TroubleView trouble={trouble} /> : null}
        {trouble !== null && file !== null ? <HaltNotice file={file} /> : null}
        {desk !== null && age !== null && age.late && page !== "" ? (
          <p className="mb-4 text-warn">
            <span aria-hidden="true">▲ </span>All of this is as of {sessionTime(text(desk.ts))}: {age.words}. See <Link href={pathOf(name, "")}>Overview</Link>.
          </p>
        ) : null}
        {got.ok && got.value !== null && desk !== null ? draw(got.value.facts, desk, got.home) : null}
      </main>
      <Refresh seconds={refreshSeconds(process.env)} />
    </>
  );
}

/** Say what is wrong with a ledger and what to do. */
export function TroubleView({ trouble }: Readonly<{ trouble: Trouble }>) {
  const tone: Tone = ["missing", "empty", "locked"].includes(trouble.kind) ? "warn" : "bad";
  return <Notice tone={tone} title={trouble.title}><p>{trouble.todo}</p></Notice>;
}

async function Header({ name, page, homes, desk }: Readonly<{ name: string; page: PageName; homes: readonly Home[]; desk: Desk | null }>) {
  const chosen = (await cookies()).get("theme")?.value;
  return (
    <header className="border-b border-line bg-surface">
      <div className="mx-auto flex max-w-7xl flex-wrap items-center gap-x-3 gap-y-2 px-4 pt-3">
        <Link href={pathOf(name, "")} className="font-semibold text-text">Escapement</Link>
        {homes.length > 1 ? (
          <nav aria-label="Desks" className="flex flex-wrap gap-2 text-xs">
            <Link href="/">all</Link>
            {homes.map((home) => (
              <Link key={home.name} href={pathOf(home.name, page)} aria-current={home.name === name ? "true" : undefined}
                className={home.name === name ? "font-semibold text-text" : ""}>{home.name}</Link>
            ))}
          </nav>
        ) : null}
        {desk === null ? null : <Standing desk={desk} />}
        <div className="ml-auto"><ThemeChoice initial={THEMES.find((one) => one === chosen) ?? "system"} /></div>
      </div>
      <nav aria-label="Pages" className="mx-auto flex max-w-7xl gap-x-1 overflow-x-auto px-3 pt-2">
        {PAGES.map(([path, title]) => (
          <Link key={path} href={pathOf(name, path)} aria-current={path === page ? "page" : undefined}
            className={`whitespace-nowrap border-b-2 px-2 pb-1.5 text-[0.8125rem] ${path === page ? "border-accent font-semibold text-text" : "border-transparent text-muted"}`}>
            {title}
          </Link>
        ))}
      </nav>
    </header>
  );
}

/** Whose money, whether orders are sent, how old the newest tick is, and the halt: on screen always. */
export function Standing({ desk }: Readonly<{ desk: Desk }>) {
  const money = text(desk.money) ?? "";
  const halt = text(desk.halt_level) ?? "run";
  const age = tickAge(desk, new Date());
  return (
    <div className="flex flex-wrap items-center gap-2">
      <Badge tone={money.startsWith("LIVE") ? "accent" : "plain"}>{money}</Badge>
      <Badge tone="plain">{text(desk.mode) === "live" ? "sends orders" : "dry: sends nothing"}</Badge>
      <Badge tone="plain">{text(desk.broker)} {text(desk.account)}</Badge>
      <Badge tone={age.tone}>{age.words}</Badge>
      <Badge tone={halt === "run" ? "good" : halt === "stop" ? "bad" : "warn"}>{halt === "run" ? "no halt" : `halt: ${words(halt)}`}</Badge>
    </div>
  );
}

function HaltNotice({ file }: Readonly<{ file: HaltFile }>) {
  return (
    <div className="mt-4">
      <Notice tone="bad" title="A file named HALT stops this desk">
        <p>{file.reason}; nothing is sent while it is there. To remove it: <Command>{file.command}</Command></p>
      </Notice>
    </div>
  );
}

/** Say how old the newest tick is, and whether that is as it should be. */
export function tickAge(desk: Desk, now: Date): Readonly<{ words: string; tone: Tone; late: boolean }> {
  const seconds = ageSeconds(text(desk.ts), now);
  if (seconds === null) return { words: "no tick yet", tone: "warn", late: true };
  if (text(desk.environment) === "simulated" && seconds < 0) return { words: "tick in simulated time", tone: "plain", late: false };
  const words = `tick ${duration(seconds)} ago`;
  // Between sessions no tick is due: what counts is how long the next one is overdue.
  const overdue = ageSeconds(text(desk.next_slot), now) ?? 0;
  if (overdue > MISSING_SECONDS) return { words: `${words}: missing`, tone: "bad", late: true };
  if (overdue > LATE_SECONDS) return { words: `${words}: late`, tone: "warn", late: true };
  return { words, tone: "good", late: false };
}

/** The exact command that changes something, for the owner to copy. */
export function CommandLine({ label, command }: Readonly<{ label: string; command: string }>) {
  return <p className="mt-2 text-xs text-muted">{label} <Command>{command}</Command></p>;
}
