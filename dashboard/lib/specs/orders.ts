/** Tables of the pages about orders. */

import { table } from "../tables";

export const orders = table({
  name: "orders",
  view: "dashboard_orders",
  title: "Orders",
  columns: [
    ["planned_at", "Planned"], ["symbol", "Order"], ["filled_qty", "Filled"], ["limit_price", "Limit"], ["mid_price", "Mid then"],
    ["filled_avg_price", "Fill"], ["slippage", "Fill against mid"], ["state", "What became of it"],
  ],
  also: ["client_order_id", "purpose", "side", "qty", "id", "tick_id", "intent_id", "strategy", "underlying", "order_type", "stop_price", "trail_percent", "natural_price", "status",
    "reason", "ended_at", "attempt", "step", "replaces"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [
    { name: "symbol", shape: "symbol", where: [{ column: "underlying", is: "=" }], hint: "SPY" },
    { name: "day", shape: "day", where: [{ column: "session_day", is: "=" }], hint: "2026-11-20" },
  ],
  size: 25,
});

export const fills = table({
  name: "fills",
  view: "dashboard_fills",
  title: "Fills",
  columns: [["at", "When"], ["symbol", "Symbol"], ["side", "Side"], ["qty", "Quantity"], ["price", "Price"], ["strategy", "Strategy"],
    ["purpose", "Purpose"], ["client_order_id", "Our id"]],
  also: ["id", "execution_id", "tick_id", "cycle"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [],
  size: 15,
});

export const intents = table({
  name: "intents",
  view: "dashboard_intents",
  title: "Intents",
  columns: [["ts", "When"], ["strategy", "Strategy"], ["purpose", "Purpose"], ["symbol", "Symbol"], ["side", "Side"], ["qty", "Quantity"],
    ["limit_price", "Limit"], ["approved", "Allowed"], ["refused_by", "Refused by"], ["status", "Became"]],
  also: ["id", "tick_id", "position", "reason", "underlying", "client_order_id"],
  order: [["id", "down"]],
  cursor: "id",
  filters: [{ name: "symbol", shape: "symbol", where: [{ column: "underlying", is: "=" }], hint: "SPY" }],
  size: 25,
});
