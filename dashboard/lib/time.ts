/** Moments are UTC text in the store and New York time on the page; days are New York days. */

const ZONE = "America/New_York";
const CLOCK = new Intl.DateTimeFormat("en-US", {
  timeZone: ZONE, hourCycle: "h23", weekday: "short", day: "numeric", month: "short", year: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
});
const DAY = new Intl.DateTimeFormat("en-US", { timeZone: "UTC", weekday: "short", day: "numeric", month: "short", year: "numeric" });

type Parts = Readonly<Record<string, string>>;

/** Read a moment of the store; null where it is none. */
export function momentOf(text: string | null | undefined): Date | null {
  if (!text) return null;
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? null : at;
}

/** Show a moment in session time with its zone: "Fri 20 Nov 2026 15:45 EST". */
export function sessionTime(text: string | null | undefined, { seconds = false, date = true } = {}): string {
  const at = momentOf(text);
  if (at === null) return "–";
  const part = partsOf(CLOCK, at);
  const clock = `${part["hour"]}:${part["minute"]}${seconds ? `:${part["second"]}` : ""} ${part["timeZoneName"]}`;
  return date ? `${part["weekday"]} ${part["day"]} ${part["month"]} ${part["year"]} ${clock}` : clock;
}

/** Show a day of the store: "2026-11-20" is "Fri 20 Nov 2026". */
export function dayText(day: string | null | undefined): string {
  if (!day || !/^\d{4}-\d{2}-\d{2}$/.test(day)) return "–";
  const part = partsOf(DAY, new Date(`${day}T00:00:00Z`));
  return `${part["weekday"]} ${part["day"]} ${part["month"]} ${part["year"]}`;
}

/** Give the New York day of a moment, as 2026-11-20. */
export function newYorkDay(at: Date): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone: ZONE, year: "numeric", month: "2-digit", day: "2-digit" }).format(at);
}

/** Give the day so many days later (negative: earlier). */
export function dayAfter(day: string, days: number): string {
  const at = new Date(`${day}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}

/** Seconds from a moment of the store to now; null where there is none. */
export function ageSeconds(text: string | null | undefined, now: Date): number | null {
  const at = momentOf(text);
  return at === null ? null : (now.getTime() - at.getTime()) / 1000;
}

function partsOf(format: Intl.DateTimeFormat, at: Date): Parts {
  return Object.fromEntries(format.formatToParts(at).map((part) => [part.type, part.value]));
}
