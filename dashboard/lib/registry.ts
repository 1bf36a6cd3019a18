/** Every table the board shows, by the name its CSV has. */

import { ahead, alerts, backtests, books, proposals, reports, strategies } from "./specs/ahead";
import { configs, drift, drills, events, halts, pauses, settings } from "./specs/audit";
import { activities, incomeDays, incomeMonths, incomeSymbols, incomeWeeks } from "./specs/income";
import { fills, intents, orders } from "./specs/orders";
import { equity, invariants, trips } from "./specs/overview";
import { cycles, legs, lots, options, shares } from "./specs/positions";
import { gaps, ticks, troubles } from "./specs/ticks";
import { nearest, notes, refusals, refusalsDaily } from "./specs/why";
import type { TableSpec } from "./tables";

/** Each is exact in its own view; here only their names matter. */
const ALL = [
  equity, invariants, trips,
  options, shares, lots, cycles, legs,
  activities, incomeDays, incomeMonths, incomeSymbols, incomeWeeks,
  ahead, alerts, backtests, books, proposals, reports, strategies,
  fills, intents, orders,
  nearest, notes, refusals, refusalsDaily,
  gaps, ticks, troubles,
  configs, drift, drills, events, halts, pauses, settings,
] as unknown as readonly TableSpec[];

/** Find a table by name; null where there is none. */
export function tableNamed(name: string): TableSpec | null {
  return ALL.find((spec) => spec.name === name) ?? null;
}

/** List the names, for the tests: each must be unique. */
export function tableNames(): readonly string[] {
  return ALL.map((spec) => spec.name);
}
