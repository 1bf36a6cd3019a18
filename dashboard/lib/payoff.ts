/** What a set of positions in one underlying is worth at expiry, over a range of prices. For drawing: floats. */

export type Held = Readonly<{ kind: "share" | "put" | "call"; qty: number; strike: number; entry: number }>;
export type Payoff = Readonly<{ points: readonly (readonly [price: number, gain: number])[]; breakevens: readonly number[] }>;

const MULTIPLIER = 100;
const STEPS = 160;

/** Give gain or loss at expiry against the price of the underlying, from 30 % below to 30 % above the present one or past every strike. */
export function payoffOf(held: readonly Held[], now: number): Payoff {
  const strikes = held.filter((one) => one.kind !== "share").map((one) => one.strike);
  const low = Math.max(0, Math.min(now * 0.7, ...strikes.map((strike) => strike * 0.9)));
  const high = Math.max(now * 1.3, ...strikes.map((strike) => strike * 1.1));
  const at = Array.from({ length: STEPS + 1 }, (_, index) => low + ((high - low) * index) / STEPS);
  const prices = [...new Set([...at, ...strikes])].sort((left, right) => left - right);
  const points = prices.map((price): readonly [number, number] => [price, held.reduce((sum, one) => sum + gainOf(one, price), 0)]);
  const breakevens = points.slice(1).flatMap(([price, gain], index) => {
    const [before, was] = points[index] as readonly [number, number];
    return was * gain < 0 ? [before + ((price - before) * -was) / (gain - was)] : [];
  });
  return { points, breakevens };
}

function gainOf({ kind, qty, strike, entry }: Held, price: number): number {
  if (kind === "share") return qty * (price - entry);
  const worth = kind === "put" ? Math.max(0, strike - price) : Math.max(0, price - strike);
  return qty * MULTIPLIER * (worth - entry);
}
