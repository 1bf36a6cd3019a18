import { dollars } from "@/lib/format";
import { signOf } from "@/lib/money";

/** One bar: its amount as text, its size to draw by. */
export type Bar = Readonly<{ name: string; amount: string; size: number }>;

const HEIGHT = 110;

/** Amounts over time, gain above the line and loss below it; each bar says its amount. */
export function Bars({ label, bars }: Readonly<{ label: string; bars: readonly Bar[] }>) {
  if (bars.length === 0) return null;
  const top = Math.max(0, ...bars.map((bar) => bar.size));
  const bottom = Math.min(0, ...bars.map((bar) => bar.size));
  const span = top - bottom || 1;
  const step = Math.min(48, Math.max(10, 900 / bars.length));
  const width = step * bars.length;
  const zero = (top / span) * HEIGHT;
  // A day as a label is about 52 wide.
  const every = Math.max(1, Math.ceil(56 / step));
  return (
    <div role="region" aria-label={label} tabIndex={0} dir="rtl" className="overflow-x-auto">
      <svg role="img" aria-label={`${label}: ${bars.length} bars, the last ${bars.at(-1)?.name} ${dollars(bars.at(-1)?.amount)}`}
        width={width} height={HEIGHT + 18} viewBox={`0 0 ${width} ${HEIGHT + 18}`} direction="ltr" className="mr-auto max-w-none">
        <line x1="0" x2={width} y1={zero} y2={zero} stroke="var(--line)" />
        {bars.map((bar, index) => {
          const height = Math.max(1, (Math.abs(bar.size) / span) * HEIGHT);
          const gain = signOf(bar.amount) >= 0;
          return (
            <g key={bar.name}>
              <title>{`${bar.name}: ${dollars(bar.amount, { signed: true })}`}</title>
              <rect x={index * step + step * 0.12} width={step * 0.76} y={gain ? zero - height : zero} height={height} rx="1.5"
                fill={gain ? "var(--good)" : "var(--bad)"} />
              {index % every === 0 ? <text x={index * step + step / 2} y={HEIGHT + 14} fontSize="9" textAnchor="middle" fill="var(--muted)">{bar.name}</text> : null}
            </g>
          );
        })}
      </svg>
    </div>
  );
}
