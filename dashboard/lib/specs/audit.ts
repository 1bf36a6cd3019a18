/** Tables of the pages Audit and Config. */

import { table } from "../tables";

export const events = table({
  name: "events",
  view: "dashboard_events",
  title: "Events of the hash chain",
  columns: [["id", "Record"], ["ts", "When"], ["kind", "Kind"], ["tick_id", "Tick"], ["payload_json", "Facts"], ["hash", "Hash"]],
  also: ["hash_before"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [{ name: "kind", shape: "word", where: [{ column: "kind", is: "=" }], hint: "halt" }],
  size: 30,
});

export const halts = table({
  name: "halts",
  view: "dashboard_halts",
  title: "Halts and releases",
  columns: [["at", "Since"], ["level", "Level"], ["author", "By"], ["reason", "Why"], ["clears", "Clears"]],
  also: ["id"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [],
  size: 15,
});

export const pauses = table({
  name: "pauses",
  view: "dashboard_pauses",
  title: "Pauses",
  columns: [["symbol", "Symbol"], ["at", "Since"], ["until", "Until"], ["author", "By"], ["reason", "Why"]],
  also: ["id"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [],
  size: 10,
});

export const drift = table({
  name: "drift",
  view: "dashboard_drift",
  title: "Differences between broker and books",
  columns: [["since", "Since"], ["symbol", "What"], ["kind", "Kind"], ["what", "In words"], ["broker", "Broker"], ["ours", "Ours"],
    ["expected_until", "Expected until"], ["ended_at", "Ended"]],
  also: ["id"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [],
  size: 15,
});

export const drills = table({
  name: "drills",
  view: "dashboard_drills",
  title: "Drills",
  columns: [["at", "When"], ["passed", "Passed"], ["worlds", "Worlds"], ["scenes_passed", "Scenes passed"], ["scenes_failed", "Failed"],
    ["scenes_off", "Off in this desk"], ["removals", "Guards removed"], ["removals_missed", "Not noticed"], ["seed", "Seed"], ["code_version", "Code"], ["desk_hash", "desk.toml"]],
  also: ["id"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [],
  size: 10,
});

export const settings = table({
  name: "settings",
  view: "dashboard_settings",
  title: "Effective values",
  columns: [["section", "Section"], ["name", "Key"], ["value", "Value"], ["origin", "From"], ["meaning", "Meaning"]],
  also: ["secret", "position"],
  order: [["position", "up"]],
  filters: [{ name: "section", shape: "word", where: [{ column: "section", is: "=" }], hint: "limits" }],
  size: 400,
});

export const configs = table({
  name: "configurations",
  view: "dashboard_configs",
  title: "Configurations used",
  columns: [["at", "First used"], ["hash", "Hash"], ["approved_at", "Approved for real money"], ["approved_by", "By"], ["current", "In force"]],
  order: [["at", "down"]],
  filters: [],
  size: 20,
});
