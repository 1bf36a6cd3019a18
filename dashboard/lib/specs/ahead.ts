/** Tables of the pages Week ahead, Strategies, Backtests and Reports. */

import { table } from "../tables";

export const ahead = table({
  name: "ahead",
  view: "dashboard_ahead",
  title: "What comes",
  columns: [["day", "Day"], ["kind", "Kind"], ["symbol", "Symbol"], ["what", "What"], ["amount", "Cash"]],
  also: ["severity", "position"],
  order: [["position", "up"]],
  filters: [],
  size: 200,
});

export const proposals = table({
  name: "proposals",
  view: "dashboard_proposals",
  title: "What waits for the owner's word",
  columns: [["number", "Number"], ["proposed_at", "Proposed"], ["strategy", "Strategy"], ["purpose", "Purpose"], ["symbol", "Symbol"],
    ["lapses_at", "Lapses"], ["status", "Stands"], ["answered_at", "Answered"], ["author", "By"]],
  also: ["tick_id", "underlying", "client_order_id"],
  order: [["number", "down"]],
  cursor: "number",
  filters: [],
  size: 20,
});

export const strategies = table({
  name: "strategies",
  view: "dashboard_strategies",
  title: "Strategies",
  columns: [["name", "Strategy"], ["kind", "Kind"], ["stage", "Stage"], ["enabled", "Plans"], ["priority", "Priority"], ["symbols", "Symbols"],
    ["intents", "Wanted"], ["approved", "Allowed"], ["orders", "Orders"], ["fills", "Fills"]],
  order: [["priority", "up"], ["name", "up"]],
  filters: [],
  size: 100,
});

export const books = table({
  name: "books",
  view: "dashboard_books",
  title: "Books of the strategies",
  columns: [["strategy", "Strategy"], ["income", "Realised"], ["premium", "Premium"], ["shares", "Share cash"], ["dividends", "Dividends"], ["interest", "Interest"],
    ["fees", "Fees"], ["transfers", "Transfers"], ["cash", "Cash"], ["value", "Holds"], ["collateral", "Collateral"]],
  also: ["opening", "moved", "other", "tax_income", "carried", "unknown"],
  order: [["strategy", "up"]],
  filters: [],
  size: 100,
});

export const backtests = table({
  name: "backtests",
  view: "dashboard_backtests",
  title: "Backtests",
  columns: [["id", "Number"], ["at", "Run"], ["name", "What"], ["strategy", "Strategy"], ["market", "Market"], ["first_day", "From"], ["last_day", "To"],
    ["result_json", "Result"], ["modelled", "Modelled prices"], ["code_version", "Code"], ["seed", "Seed"]],
  also: ["params_json", "data_hash"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [],
  size: 25,
});

export const reports = table({
  name: "reports",
  view: "dashboard_reports",
  title: "Reports",
  columns: [["at", "Written"], ["key", "Report"], ["channel", "Channel"], ["state", "State"], ["delivered_at", "Arrived"], ["attempts", "Tries"], ["error", "Last failure"]],
  also: ["id", "payload_json"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [],
  size: 25,
});

export const alerts = table({
  name: "alerts",
  view: "dashboard_alerts",
  title: "Alerts",
  columns: [["at", "First seen"], ["severity", "Severity"], ["title", "Alert"], ["times", "Times"], ["last_at", "Last seen"], ["ended_at", "Over since"], ["acknowledged_by", "Seen to by"]],
  also: ["id", "topic", "words", "tick_id", "acknowledged_at"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [],
  size: 25,
});
