import { percent } from "@/lib/format";

/** How much of a limit is used: a bar with marks at 60 and 80 %, in words for those who cannot see it. */
export function Meter({ label, value, limit, level }: Readonly<{
  label: string; value: number | null; limit: number | null; level: string;
}>) {
  if (value === null) return <p className="text-muted">{label}: not known yet</p>;
  if (limit === null || limit <= 0) return <p>{label}: {percent(value)}; no limit is set (off)</p>;
  const used = Math.min(1, Math.max(0, value / limit));
  const ground = used >= 0.8 ? "var(--bad)" : used >= 0.6 ? "var(--warn)" : "var(--good)";
  return (
    <div>
      <div className="mb-1 flex flex-wrap justify-between gap-x-4 text-xs">
        <span>{label}: {percent(value, 2)}</span>
        <span className="text-muted">{percent(limit)} sets {level}; {percent(used, 0)} of it used</span>
      </div>
      <div role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(used * 100)}
        aria-valuetext={`${percent(value)} of ${percent(limit)}`}>
        <svg viewBox="0 0 100 4" preserveAspectRatio="none" className="h-2 w-full" aria-hidden="true">
          <rect width="100" height="4" rx="1" fill="var(--raised)" />
          <rect width={(used * 100).toFixed(2)} height="4" rx="1" fill={ground} />
          <rect x="60" width="0.3" height="4" fill="var(--muted)" />
          <rect x="80" width="0.3" height="4" fill="var(--muted)" />
        </svg>
      </div>
    </div>
  );
}
