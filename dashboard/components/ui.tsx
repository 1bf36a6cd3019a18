/** The small parts every page is made of. All of them are drawn on the server and need no JavaScript. */

import Link from "@/components/link";
import type { ReactNode } from "react";
import { commandHere } from "@/lib/command-home";
import { dollars, MINUS, percent, plain } from "@/lib/format";
import { signOf, isDecimal } from "@/lib/money";
import { seriesText } from "@/lib/series";
import { momentOf, sessionTime } from "@/lib/time";

export type Tone = "good" | "warn" | "bad" | "plain" | "accent";

const TONE_TEXT: Readonly<Record<Tone, string>> = {
  good: "text-good", warn: "text-warn", bad: "text-bad", plain: "text-text", accent: "text-accent",
};
const TONE_BADGE: Readonly<Record<Tone, string>> = {
  good: "bg-good-ground text-good", warn: "bg-warn-ground text-warn", bad: "bg-bad-ground text-bad",
  plain: "bg-raised text-text", accent: "bg-raised text-accent",
};
/** A mark beside each colour: colour alone never carries a meaning. */
const TONE_MARK: Readonly<Record<Tone, string>> = { good: "●", warn: "▲", bad: "■", plain: "", accent: "" };

/** A titled area of a page; `wide` spans both columns. */
export function Card({ title, children, wide = false, aside, id }: Readonly<{
  title: string; children: ReactNode; wide?: boolean; aside?: ReactNode; id?: string;
}>) {
  return (
    <section id={id} aria-label={title} className={`min-w-0 rounded-lg border border-line bg-surface p-4 ${wide ? "lg:col-span-2" : ""}`}>
      <div className="mb-3 flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h2>{title}</h2>
        {aside === undefined ? null : <div className="text-xs text-muted">{aside}</div>}
      </div>
      {children}
    </section>
  );
}

/** Two columns on a wide screen, one on a phone. */
export function Grid({ children }: Readonly<{ children: ReactNode }>) {
  return <div className="grid grid-cols-1 gap-4 lg:grid-cols-2">{children}</div>;
}

/** One number with its name. */
export function Stat({ name, value, under, tone = "plain" }: Readonly<{
  name: string; value: ReactNode; under?: ReactNode; tone?: Tone;
}>) {
  return (
    <div className="min-w-0">
      <dt className="text-xs text-muted">{name}</dt>
      <dd className={`mt-0.5 break-words text-lg font-semibold leading-tight [&_time]:whitespace-normal ${TONE_TEXT[tone]}`}>{value}</dd>
      {under === undefined ? null : <dd className="text-xs text-muted">{under}</dd>}
    </div>
  );
}

/** Numbers side by side, wrapping on a phone. */
export function Stats({ children }: Readonly<{ children: ReactNode }>) {
  return <dl className="grid grid-cols-2 gap-x-6 gap-y-4 sm:grid-cols-3 xl:grid-cols-4">{children}</dl>;
}

/** A word in a coloured box, with a mark of its own for each colour. */
export function Badge({ tone, children }: Readonly<{ tone: Tone; children: ReactNode }>) {
  return (
    <span className={`inline-flex items-center gap-1 whitespace-nowrap rounded px-1.5 py-0.5 text-xs font-medium ${TONE_BADGE[tone]}`}>
      {TONE_MARK[tone] === "" ? null : <span aria-hidden="true" className="text-[0.6rem]">{TONE_MARK[tone]}</span>}
      {children}
    </span>
  );
}

/** An amount of dollars whose sign is said by an arrow as well as by colour. */
export function Gain({ amount, arrow = true }: Readonly<{ amount: string | null; arrow?: boolean }>) {
  if (amount === null || !isDecimal(amount)) return <span className="text-muted">–</span>;
  const sign = signOf(amount);
  const tone = sign > 0 ? "text-good" : sign < 0 ? "text-bad" : "text-text";
  return (
    <span className={`whitespace-nowrap ${tone}`}>
      {arrow && sign !== 0 ? <span aria-hidden="true">{sign > 0 ? "▲ " : "▼ "}</span> : null}
      {dollars(amount, { signed: true })}
    </span>
  );
}

/** A fraction as a signed percentage, coloured and signed. */
export function GainPercent({ fraction, digits = 2 }: Readonly<{ fraction: number | string | null; digits?: number }>) {
  const shown = percent(fraction, digits, { signed: true });
  const tone = shown.startsWith("+") ? "text-good" : shown.startsWith(MINUS) ? "text-bad" : "text-text";
  return <span className={`whitespace-nowrap ${tone}`}>{shown}</span>;
}

/** A moment in session time; UTC in its title. */
export function When({ at, seconds = false, date = true }: Readonly<{ at: string | null; seconds?: boolean; date?: boolean }>) {
  const moment = momentOf(at);
  if (moment === null) return <span className="text-muted">–</span>;
  return (
    <time dateTime={moment.toISOString()} title={`${moment.toISOString().replace("T", " ").slice(0, 19)} UTC`} className="whitespace-nowrap">
      <Short said={sessionTime(at, { seconds, date })} year={String(new Date().getUTCFullYear())} />
    </time>
  );
}

/** A moment without its weekday, and without this year, where the screen is narrow. */
function Short({ said, year }: Readonly<{ said: string; year: string }>) {
  const parts = /^(\w{3} )(\d{1,2} \w{3})( \d{4})( .*)$/.exec(said);
  if (parts === null) return <>{said}</>;
  return <><span className="max-sm:hidden">{parts[1]}</span>{parts[2]}<span className={parts[3] === ` ${year}` ? "max-sm:hidden" : ""}>{parts[3]}</span>{parts[4]}</>;
}

/** A share by its symbol, an option in words with its symbol in the title. */
export function Series({ symbol }: Readonly<{ symbol: string | null }>) {
  const said = seriesText(symbol);
  return <span className="whitespace-nowrap font-medium" title={said === null ? undefined : (symbol ?? undefined)}>{said ?? symbol ?? "–"}</span>;
}

/** A number with its limit's unit: fractions as percentages. */
export function Measure({ value, unit }: Readonly<{ value: string | null; unit: string | null }>) {
  if (value === null || value === "") return <span className="text-muted">–</span>;
  return <span className="whitespace-nowrap">{unit === "fraction" ? percent(value, 1) : plain(value)}</span>;
}

/** What is read now and then: a line that opens to the rest; without JavaScript too. */
export function Fold({ title, children, open = false }: Readonly<{ title: ReactNode; children: ReactNode; open?: boolean }>) {
  return (
    <details open={open}>
      <summary className="text-[0.8125rem] text-muted">{title}</summary>
      <div className="mt-3">{children}</div>
    </details>
  );
}

/** A command to copy by hand: the board itself changes nothing. */
export function Command({ children }: Readonly<{ children: string }>) {
  return <code className="inline-block max-w-full select-all overflow-x-auto whitespace-pre rounded bg-raised px-2 py-1 align-middle">{commandHere(children)}</code>;
}

/** What stands where there is nothing to show: why, and what would fill it. */
export function Empty({ children }: Readonly<{ children: ReactNode }>) {
  return <div className="py-1 text-muted">{children}</div>;
}

/** A message across the page. */
export function Notice({ tone, title, children }: Readonly<{ tone: Tone; title: string; children?: ReactNode }>) {
  return (
    <div role={tone === "bad" ? "alert" : "status"} className={`rounded-lg border border-line p-4 ${TONE_BADGE[tone]}`}>
      <p className="font-semibold">
        <span aria-hidden="true" className="mr-2 text-xs">{TONE_MARK[tone]}</span>
        {title}
      </p>
      {children === undefined ? null : <div className="mt-1 text-text">{children}</div>}
    </div>
  );
}

/** Links that choose one of several views of the same thing. */
export function Choice({ label, options, current }: Readonly<{
  label: string; options: readonly Readonly<{ name: string; href: string; value: string }>[]; current: string;
}>) {
  return (
    <nav aria-label={label} className="flex flex-wrap gap-1">
      {options.map((option) => (
        <Link key={option.value} href={option.href} scroll={false} aria-current={option.value === current ? "true" : undefined}
          className={`rounded px-2 py-0.5 text-xs ${option.value === current ? "bg-accent font-semibold text-surface" : "bg-raised text-text"}`}>
          {option.name}
        </Link>
      ))}
    </nav>
  );
}
