/** Tables of the page Why. */

import { table } from "../tables";

export const refusals = table({
  name: "refusals",
  view: "dashboard_refusals",
  title: "Refusals",
  columns: [["ts", "When"], ["symbol", "Symbol"], ["gate", "Gate"], ["value", "Number"], ["limit", "Limit"], ["distance", "Room"], ["unit", "Unit"],
    ["sole", "Alone"], ["reason", "In words"]],
  also: ["id", "tick_id", "intent_id", "day", "strategy", "nearest"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [
    { name: "day", shape: "day", where: [{ column: "day", is: "=" }], hint: "2026-11-20" },
    { name: "gate", shape: "word", where: [{ column: "gate", is: "=" }], hint: "spread_is_narrow" },
    { name: "symbol", shape: "symbol", where: [{ column: "symbol", is: "=" }], hint: "SPY" },
  ],
  size: 40,
});

export const nearest = table({
  name: "nearest-misses",
  view: "dashboard_refusals",
  title: "Nearest misses",
  columns: [["ts", "When"], ["symbol", "Symbol"], ["gate", "Gate"], ["value", "Number"], ["limit", "Limit"], ["distance", "Room"], ["unit", "Unit"]],
  also: ["id", "tick_id", "reason", "day"],
  order: [["id", "down"]],
  fixed: [{ column: "nearest", is: "=", value: 1 }],
  filters: [{ name: "day", shape: "day", where: [{ column: "day", is: "=" }], hint: "2026-11-20" }],
  size: 12,
});

export const notes = table({
  name: "notes",
  view: "dashboard_notes",
  title: "Chances passed over",
  columns: [["ts", "When"], ["symbol", "Symbol"], ["subject", "About"], ["reason", "Why it was passed over"], ["value", "Number"], ["limit", "Limit"], ["unit", "Unit"]],
  also: ["id", "tick_id", "day", "strategy"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [
    { name: "day", shape: "day", where: [{ column: "day", is: "=" }], hint: "2026-11-20" },
    { name: "symbol", shape: "symbol", where: [{ column: "symbol", is: "=" }], hint: "SPY" },
  ],
  size: 25,
});

export const refusalsDaily = table({
  name: "refusals-daily",
  view: "dashboard_refusals_daily",
  title: "Refusals by gate, symbol and day",
  columns: [["day", "Day"], ["gate", "Gate"], ["symbol", "Symbol"], ["count", "Refusals"], ["sole", "Alone"]],
  order: [["day", "down"], ["gate", "up"], ["symbol", "up"]],
  filters: [{ name: "day", shape: "day", where: [{ column: "day", is: "=" }], hint: "2026-11-20" }],
  size: 40,
});
