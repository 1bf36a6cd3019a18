import { price } from "@/lib/format";

type Point = Readonly<{ name: string; value: string | null; mark: "limit" | "mid" | "natural" | "fill" }>;

const WIDTH = 96;

/** Where limit, mid, natural and fill lay to each other when the order was made: a line with a mark each, and in words. */
export function PriceLine({ points }: Readonly<{ points: readonly Point[] }>) {
  // Drawing only: positions on a line, no money is worked out.
  const known = points.flatMap((point) => (point.value === null ? [] : [{ ...point, at: Number(point.value) }]));
  if (known.length < 2) return null;
  const low = Math.min(...known.map((point) => point.at));
  const high = Math.max(...known.map((point) => point.at));
  const place = (at: number): number => (high === low ? WIDTH / 2 : 6 + ((at - low) / (high - low)) * (WIDTH - 12));
  return (
    <svg role="img" width={WIDTH} height="16" viewBox={`0 0 ${WIDTH} 16`}
      aria-label={known.map((point) => `${point.name} ${price(point.value)}`).join(", ")}>
      <title>{known.map((point) => `${point.name} ${price(point.value)}`).join(", ")}</title>
      <line x1="2" x2={WIDTH - 2} y1="8" y2="8" stroke="var(--line)" strokeWidth="2" />
      {known.map((point) => <Shape key={point.mark} x={place(point.at)} mark={point.mark} />)}
    </svg>
  );
}

function Shape({ x, mark }: Readonly<{ x: number; mark: Point["mark"] }>) {
  if (mark === "fill") return <circle cx={x} cy="8" r="4.5" fill="var(--good)" />;
  if (mark === "mid") return <line x1={x} x2={x} y1="1" y2="15" stroke="var(--muted)" strokeWidth="2" />;
  if (mark === "natural") return <line x1={x} x2={x} y1="3" y2="13" stroke="var(--muted)" strokeWidth="1.5" strokeDasharray="2 2" />;
  return <path d={`M ${x - 4} 1 L ${x + 4} 1 L ${x} 7 Z`} fill="var(--accent)" />;
}
