"use client";

import { useEffect, useRef } from "react";

export type Line = Readonly<{ name: string; tone: "one" | "two" | "three"; dashed?: boolean }>;
/** A moment (seconds since 1970) or a day (2026-11-20), then one number a line; null is a gap. */
export type Point = readonly [number | string, ...(number | null)[]];
export type Mark = Readonly<{ at: number | string; tone: "good" | "warn" | "bad" | "plain"; text: string; above: boolean }>;

/** Draw lines over time. The library loads when the chart is seen; without JavaScript the table under it says the same. */
export function LineChart({ label, lines, points, marks = [], digits = 2, unit = "", height = 260 }: Readonly<{
  label: string; lines: readonly Line[]; points: readonly Point[]; marks?: readonly Mark[]; digits?: number; unit?: string; height?: number;
}>) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const host = box.current;
    if (host === null) return;
    let gone = false;
    let end = (): void => undefined;
    void import("./line-chart-drawing").then(({ draw }) => {
      if (!gone) end = draw(host, { lines, points, marks, digits, unit });
    });
    return () => {
      gone = true;
      end();
    };
  }, [lines, points, marks, digits, unit]);
  return (
    <figure className="min-w-0">
      <div ref={box} role="group" aria-label={label} style={{ height }} className="w-full" />
      <figcaption className="mt-1 flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted">
        {lines.map((line) => (
          <span key={line.name} className="inline-flex items-center gap-1.5">
            <svg aria-hidden="true" width="18" height="6" viewBox="0 0 18 6">
              <line x1="0" y1="3" x2="18" y2="3" stroke={`var(--series-${line.tone})`} strokeWidth="2.5" strokeDasharray={line.dashed ? "4 3" : undefined} />
            </svg>
            {line.name}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
