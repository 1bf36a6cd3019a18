/** Tables of the pages about ticks. */

import { table } from "../tables";

export const ticks = table({
  name: "ticks",
  view: "dashboard_ticks",
  title: "Ticks",
  columns: [["id", "Tick"], ["ts", "When"], ["mode", "Mode"], ["status", "Ended"], ["halt", "Halt"], ["intents", "Wanted"], ["approved", "Allowed"],
    ["planned", "Orders"], ["duration_ms", "Milliseconds"], ["equity", "Equity"], ["note", "Note"]],
  also: ["slot", "session_day", "session_open", "follow_up", "errors_json", "stages_json", "code_version", "config_hash", "snapshot_hash"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [
    { name: "day", shape: "day", where: [{ column: "session_day", is: "=" }], hint: "2026-11-20" },
  ],
  size: 30,
});

export const gaps = table({
  name: "gaps",
  view: "dashboard_gaps",
  title: "Missed slots",
  columns: [["day", "Day"], ["first_slot", "From"], ["last_slot", "To"], ["slots", "Slots missed"], ["tick_id", "Seen by tick"]],
  also: ["id"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [],
  size: 20,
});

export const troubles = table({
  name: "troubles",
  view: "dashboard_troubles",
  title: "Ticks that failed or died",
  columns: [["id", "Tick"], ["ts", "When"], ["mode", "Mode"], ["status", "Ended"], ["note", "Note"]],
  also: ["session_day", "errors_json"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [],
  size: 12,
});
