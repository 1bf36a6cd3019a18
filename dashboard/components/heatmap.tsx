import { dollars } from "@/lib/format";
import { signOf } from "@/lib/money";
import { dayAfter, dayText } from "@/lib/time";

export type HeatDay = Readonly<{ day: string; pnl: string; size: number }>;

const CELL = 17;
const GAP = 3;
const TOP = 16;

/** A year of days, a week a column: colour and a sign for gain or loss, stronger the larger; the amount in each cell's title. */
export function Heatmap({ days, last, weeks }: Readonly<{ days: readonly HeatDay[]; last: string; weeks: number }>) {
  const known = new Map(days.map((day) => [day.day, day]));
  const most = Math.max(1e-9, ...days.map((day) => Math.abs(day.size)));
  const weekday = (new Date(`${last}T00:00:00Z`).getUTCDay() + 6) % 7;
  const first = dayAfter(last, -weekday - 7 * (weeks - 1));
  const cells: { day: string; column: number; row: number }[] = [];
  for (let column = 0; column < weeks; column++)
    for (let row = 0; row < 5; row++) {
      const day = dayAfter(first, column * 7 + row);
      if (day <= last) cells.push({ day, column, row });
    }
  const width = 26 + weeks * (CELL + GAP);
  const height = TOP + 5 * (CELL + GAP);
  const months = cells.filter((cell) => cell.row === 0 && Number(cell.day.slice(8)) <= 7);
  const largest = days.reduce<HeatDay | null>((found, day) => (found === null || Math.abs(day.size) > Math.abs(found.size) ? day : found), null);
  const gains = days.filter((day) => signOf(day.pnl) > 0).length;
  const losses = days.filter((day) => signOf(day.pnl) < 0).length;
  return (
    <figure>
      {/* From right to left, so that a narrow screen begins at the newest week. */}
      <div tabIndex={0} role="region" aria-label="Days of gain and loss" dir="rtl" className="overflow-x-auto">
      <svg role="img" aria-label={`${gains} days of gain and ${losses} days of loss`} viewBox={`0 0 ${width} ${height}`} width={width} height={height} direction="ltr" className="mr-auto max-w-none">
        {["Mon", "", "Wed", "", "Fri"].map((name, row) => (
          <text key={row} x={0} y={TOP + 12 + row * (CELL + GAP)} fontSize="10" fill="var(--muted)">{name}</text>
        ))}
        {months.map((cell) => (
          <text key={cell.day} x={26 + cell.column * (CELL + GAP)} y={10} fontSize="10" fill="var(--muted)">
            {new Date(`${cell.day}T00:00:00Z`).toLocaleString("en-US", { month: "short", timeZone: "UTC" })}
          </text>
        ))}
        {cells.map((cell) => <HeatCell key={cell.day} {...cell} known={known.get(cell.day)} most={most} />)}
      </svg>
      </div>
      <figcaption className="mt-2 flex flex-wrap gap-x-4 text-xs text-muted">
        <span>{gains} days of gain</span><span>{losses} days of loss (with a dash)</span><span>stronger is larger, up to {dollars(largest?.pnl ?? null, { signed: true })}</span>
      </figcaption>
    </figure>
  );
}

function HeatCell({ day, column, row, known, most }: Readonly<{
  day: string; column: number; row: number; known: HeatDay | undefined; most: number;
}>) {
  const x = 26 + column * (CELL + GAP);
  const y = TOP + row * (CELL + GAP);
  const sign = known === undefined ? 0 : signOf(known.pnl);
  const strength = known === undefined ? 0 : 0.25 + 0.75 * Math.sqrt(Math.abs(known.size) / most);
  return (
    <g>
      <title>{`${dayText(day)}: ${known === undefined ? "no session" : dollars(known.pnl, { signed: true })}`}</title>
      <rect x={x} y={y} width={CELL} height={CELL} rx={2} fill="var(--raised)" />
      {sign === 0 ? null : <rect x={x} y={y} width={CELL} height={CELL} rx={2} fill={sign > 0 ? "var(--good)" : "var(--bad)"} opacity={strength.toFixed(2)} />}
      {sign < 0 ? <line x1={x + 4.5} x2={x + CELL - 4.5} y1={y + CELL / 2} y2={y + CELL / 2} stroke="var(--text)" strokeWidth="1.4" /> : null}
    </g>
  );
}
