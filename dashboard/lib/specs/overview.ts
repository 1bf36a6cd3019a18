/** Tables of the page Overview. */

import { table } from "../tables";

export const invariants = table({
  name: "invariants",
  view: "dashboard_invariants",
  title: "Invariants",
  columns: [["name", "What must hold"], ["value", "Number"], ["unit", "Unit"], ["ok", "Holds"], ["since", "Away from zero since"], ["detail", "Found"]],
  order: [["position", "up"]],
  filters: [],
  size: 40,
});

export const trips = table({
  name: "trips",
  view: "dashboard_trips",
  title: "Trip wires",
  columns: [["name", "Limit"], ["value", "Now"], ["limit", "Trips at"], ["unit", "Unit"], ["level", "Sets"], ["readings", "Readings"],
    ["readings_needed", "of"], ["clears", "Clears"], ["tripped_at", "Tripped"], ["cleared_at", "Cleared"]],
  also: ["until"],
  order: [["name", "up"]],
  filters: [],
  size: 40,
});

export const equity = table({
  name: "equity",
  view: "dashboard_equity",
  title: "Equity day by day",
  columns: [["day", "Day"], ["equity", "Equity"], ["pnl", "Day P&L"], ["pnl_fraction", "Return"], ["flow", "Moved in or out"],
    ["drawdown_fraction", "Drawdown"], ["benchmark_price", "Benchmark"]],
  also: ["cash", "nav", "nav_index", "holding_index", "benchmark_index"],
  order: [["day", "down"]],
  filters: [{ name: "since", shape: "day", where: [{ column: "day", is: ">=" }], hint: "2026-01-01" }],
  size: 20,
});
