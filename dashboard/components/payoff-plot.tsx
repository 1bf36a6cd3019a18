import { MINUS, number } from "@/lib/format";
import { payoffOf, type Held } from "@/lib/payoff";

const WIDTH = 320;
const HEIGHT = 120;
const PAD = 4;

/** The gain at expiry over prices of the underlying: loss below the line, gain above it, the present price marked. */
export function PayoffPlot({ underlying, held, now }: Readonly<{ underlying: string; held: readonly Held[]; now: number }>) {
  const { points, breakevens } = payoffOf(held, now);
  const low = points[0]?.[0] ?? 0;
  const high = points.at(-1)?.[0] ?? 1;
  const gains = points.map(([, gain]) => gain);
  const top = Math.max(0, ...gains);
  const bottom = Math.min(0, ...gains);
  const x = (price: number): number => PAD + ((price - low) / (high - low || 1)) * (WIDTH - 2 * PAD);
  const y = (gain: number): number => PAD + ((top - gain) / (top - bottom || 1)) * (HEIGHT - 2 * PAD);
  const line = points.map(([price, gain]) => `${x(price).toFixed(1)},${y(gain).toFixed(1)}`).join(" ");
  const zero = y(0).toFixed(1);
  const said = `At expiry, ${underlying} from ${number(low)} to ${number(high)}: most to gain ${number(top, 0)} dollars, most to lose in this range ${number(-bottom, 0)}; even at ${breakevens.map((price) => number(price)).join(" and ") || "no price in this range"}`;
  return (
    <figure>
      <svg role="img" aria-label={said} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" className="h-40 w-full">
        <title>{said}</title>
        <clipPath id={`gain-${underlying}`}><rect x="0" y="0" width={WIDTH} height={zero} /></clipPath>
        <clipPath id={`loss-${underlying}`}><rect x="0" y={zero} width={WIDTH} height={HEIGHT} /></clipPath>
        <polygon points={`${PAD},${zero} ${line} ${WIDTH - PAD},${zero}`} fill="var(--good)" opacity="0.25" clipPath={`url(#gain-${underlying})`} />
        <polygon points={`${PAD},${zero} ${line} ${WIDTH - PAD},${zero}`} fill="var(--bad)" opacity="0.25" clipPath={`url(#loss-${underlying})`} />
        <line x1={PAD} x2={WIDTH - PAD} y1={zero} y2={zero} stroke="var(--muted)" vectorEffect="non-scaling-stroke" />
        <line x1={x(now)} x2={x(now)} y1={PAD} y2={HEIGHT - PAD} stroke="var(--muted)" strokeDasharray="3 3" vectorEffect="non-scaling-stroke" />
        <polyline points={line} fill="none" stroke="var(--series-one)" strokeWidth="2" vectorEffect="non-scaling-stroke" />
        {/* A stroke that does not scale is round at any width. */}
        {breakevens.map((price) => <path key={price} d={`M ${x(price)} ${zero} h 0.001`} stroke="var(--text)" strokeWidth="7" strokeLinecap="round" vectorEffect="non-scaling-stroke" />)}
      </svg>
      <figcaption className="flex flex-wrap justify-between gap-x-4 text-xs text-muted">
        <span>{number(low)}</span>
        <span>now {number(now)}{breakevens.length === 0 ? "" : `; even at ${breakevens.map((price) => number(price)).join(", ")}`}</span>
        <span>{number(high)}</span>
        <span className="basis-full">
          {top > 0 ? `at most +$${number(top, 0)}${isRising(points) ? " at the right edge" : ""}` : "no gain at any price"}; at the left edge {bottom < 0 ? `${MINUS}$${number(-bottom, 0)}` : "$0"}
        </span>
      </figcaption>
    </figure>
  );
}

/** Tell whether the gain still grows where the picture ends on the right. */
function isRising(points: readonly (readonly [price: number, gain: number])[]): boolean {
  const last = points.at(-1);
  const before = points.at(-2);
  return last !== undefined && before !== undefined && last[1] > before[1];
}
