/** Verdicts as the ledger keeps them: MessagePack under zlib, the very bytes the seal covers. Read on the server only. */

import { inflateSync } from "node:zlib";
import { decode } from "@msgpack/msgpack";
import type { Cell } from "./schema";

export type Check = Readonly<{
  gate: string; ok: boolean; reason: string; value: string | null; limit: string | null; unit: string; distance: string | null;
}>;
export type Verdict = Readonly<{ strategy: string; purpose: string; symbol: string; reason: string; checks: readonly Check[] }>;

/** Most that a tick's verdicts may come to once unpacked: a hundred intents with seventy checks each is a tenth of it. */
const BYTES_MAX = 8 * 1024 * 1024;

/** Read a tick's verdicts in the order of judgement; null where the bytes cannot be read. */
export function verdictsOf(blob: Cell | undefined): readonly Verdict[] | null {
  if (!(blob instanceof Uint8Array)) return null;
  try {
    const judged = decode(inflateSync(blob, { maxOutputLength: BYTES_MAX }));
    return listOf(fieldOf(judged, "verdicts")).map((verdict) => {
      const intent = fieldOf(verdict, "intent");
      return {
        strategy: wordOf(fieldOf(intent, "strategy")), purpose: wordOf(fieldOf(intent, "purpose")),
        symbol: wordOf(fieldOf(intent, "underlying")), reason: wordOf(fieldOf(intent, "reason")),
        checks: listOf(fieldOf(verdict, "checks")).map(checkOf),
      };
    });
  } catch {
    return null;
  }
}

function checkOf(given: unknown): Check {
  const [gate, ok, reason, value, limit, unit, distance] = listOf(given);
  return {
    gate: wordOf(gate), ok: ok === true, reason: wordOf(reason), value: textOf(value), limit: textOf(limit), unit: wordOf(unit),
    distance: textOf(distance),
  };
}

function fieldOf(given: unknown, name: string): unknown {
  return typeof given === "object" && given !== null ? (given as Readonly<Record<string, unknown>>)[name] : undefined;
}

function listOf(given: unknown): readonly unknown[] {
  return Array.isArray(given) ? given : [];
}

function textOf(given: unknown): string | null {
  return given === null || given === undefined ? null : String(given);
}

function wordOf(given: unknown): string {
  return textOf(given) ?? "";
}
