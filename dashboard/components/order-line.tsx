/** The life of an order as one line: every state it went through, with its moment and what filled. */

import { plain, price, words } from "@/lib/format";
import { text, type Row } from "@/lib/schema";
import { sessionTime } from "@/lib/time";
import { Badge, type Tone } from "./ui";

export type Step = Row<"dashboard_transitions">;

const TONES: Readonly<Record<string, Tone>> = {
  planned: "plain", sending: "plain", working: "accent", done: "good", unknown: "bad", refused: "warn", not_sent: "warn",
};

function toneOf(step: Step): Tone {
  const tone = TONES[text(step.state) ?? ""] ?? "plain";
  return tone === "good" && Number(text(step.filled_qty) ?? 0) === 0 ? "plain" : tone;
}

/** Draw the steps in order. */
export function OrderLine({ steps }: Readonly<{ steps: readonly Step[] }>) {
  if (steps.length === 0) return null;
  return (
    <ol className="flex flex-wrap items-center gap-x-1.5 gap-y-1 text-xs" aria-label="What became of it">
      {steps.map((step, index) => (
        <li key={String(step.id)} className="flex items-center gap-1.5" title={text(step.reason) ?? undefined}>
          {index === 0 ? null : <span aria-hidden="true" className="text-muted">→</span>}
          <Badge tone={toneOf(step)}>{words(text(step.status) || text(step.state))}</Badge>
          <span className="whitespace-nowrap text-muted">
            {sessionTime(text(step.at), { seconds: true, date: false })}
            {text(step.filled_qty) && text(step.filled_qty) !== "0" ? `, ${plain(text(step.filled_qty))} at ${price(text(step.filled_avg_price))}` : ""}
          </span>
        </li>
      ))}
    </ol>
  );
}
