import { number } from "@/lib/format";

export type Stage = readonly [name: string, milliseconds: number];

const FILLS = ["var(--series-one)", "var(--series-two)", "var(--series-three)", "var(--good)", "var(--bad)", "var(--muted)",
  "var(--text)", "var(--warn)"];

/** Read the stages of a tick; what is no list of pairs is none. */
export function stagesOf(given: unknown): readonly Stage[] {
  if (!Array.isArray(given)) return [];
  return given.flatMap((pair: unknown): Stage[] =>
    Array.isArray(pair) && typeof pair[0] === "string" && typeof pair[1] === "number" ? [[pair[0], pair[1]]] : []);
}

/** Where the time of one tick went: a bar a stage with its milliseconds. */
export function StageBars({ stages }: Readonly<{ stages: readonly Stage[] }>) {
  const most = Math.max(0.001, ...stages.map(([, taken]) => taken));
  return (
    <table className="w-full text-[0.8125rem]">
      <caption className="sr-only">Milliseconds by stage</caption>
      <tbody>
        {stages.map(([name, taken]) => (
          <tr key={name}>
            <th scope="row" className="w-24 py-0.5 pr-3 text-left font-normal">{name}</th>
            <td className="w-24 whitespace-nowrap pr-3 text-right">{number(taken, 1)} ms</td>
            <td>
              <svg aria-hidden="true" viewBox="0 0 100 6" preserveAspectRatio="none" className="h-2 w-full">
                <rect width={Math.max(0.2, (taken / most) * 100)} height="6" fill="var(--series-one)" />
              </svg>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Durations of many ticks, oldest left, stacked by stage; the slowest is named. */
export function DurationPlot({ ticks }: Readonly<{ ticks: readonly Readonly<{ id: string; stages: readonly Stage[]; total: number }>[] }>) {
  if (ticks.length === 0) return null;
  const most = Math.max(1, ...ticks.map((tick) => tick.total));
  const names = [...new Set(ticks.flatMap((tick) => tick.stages.map(([name]) => name)))];
  const step = 100 / ticks.length;
  const slowest = ticks.reduce((left, right) => (right.total > left.total ? right : left));
  return (
    <figure>
      <p className="text-xs text-muted">up to {number(most, 0)} ms; oldest left, newest right</p>
      <svg role="img" viewBox="0 0 100 30" preserveAspectRatio="none" className="h-32 w-full"
        aria-label={`Durations of ${ticks.length} ticks; the slowest, tick ${slowest.id}, took ${number(slowest.total, 0)} ms`}>
        {ticks.map((tick, index) => {
          let top = 30;
          return (
            <g key={tick.id}>
              <title>{`tick ${tick.id}: ${number(tick.total, 0)} ms`}</title>
              {tick.stages.map(([name, taken]) => {
                const height = (taken / most) * 30;
                top -= height;
                return <rect key={name} x={index * step + step * 0.1} width={step * 0.8} y={top} height={height} fill={FILLS[names.indexOf(name) % FILLS.length]} />;
              })}
            </g>
          );
        })}
      </svg>
      <figcaption className="mt-1 flex flex-wrap gap-x-4 text-xs text-muted">
        {names.map((name, index) => (
          <span key={name} className="inline-flex items-center gap-1.5">
            <svg aria-hidden="true" width="10" height="10"><rect width="10" height="10" rx="2" fill={FILLS[index % FILLS.length]} /></svg>{name}
          </span>
        ))}
        <span>slowest {number(slowest.total, 0)} ms (tick {slowest.id})</span>
      </figcaption>
    </figure>
  );
}
