/** Tables of the pages Positions and Wheel. */

import { table } from "../tables";

export const options = table({
  name: "options",
  view: "dashboard_positions",
  title: "Options",
  columns: [["symbol", "Series"], ["dte", "Days left"], ["strike", "Strike"], ["moneyness_fraction", "Moneyness"], ["delta", "Delta"],
    ["qty", "Contracts"], ["credit", "Credit"], ["mark", "Mark"], ["profit_fraction", "Of most profit"], ["unrealized", "Open P&L"],
    ["collateral", "Collateral"], ["protection", "Protection"], ["quote_age_seconds", "Quote age"]],
  also: ["underlying", "right", "expiry", "owner", "mark_source", "underlying_price", "protection_ok", "strategy", "cycle", "value", "at"],
  order: [["expiry", "up"], ["symbol", "up"]],
  fixed: [{ column: "kind", is: "=", value: "option" }],
  filters: [],
  size: 200,
});

export const shares = table({
  name: "shares",
  view: "dashboard_positions",
  title: "Shares",
  columns: [["symbol", "Share"], ["qty", "Shares"], ["avg_entry_price", "Broker's entry"], ["mark", "Mark"], ["value", "Value"], ["unrealized", "Open P&L"],
    ["basis_strike", "Paid"], ["basis_tax", "Tax basis"], ["basis_wheel", "Wheel basis"], ["protection", "Protection"], ["quote_age_seconds", "Quote age"], ["owner", "Whose"]],
  also: ["mark_source", "protection_ok", "strategy", "cycle", "value_sort", "at"],
  order: [["value_sort", "down"], ["symbol", "up"]],
  fixed: [{ column: "kind", is: "=", value: "share" }],
  filters: [],
  size: 200,
});

export const lots = table({
  name: "lots",
  view: "dashboard_lots",
  title: "Lots",
  columns: [["symbol", "Share"], ["opened_at", "Since"], ["qty", "Shares"], ["basis_strike", "Paid"], ["basis_tax", "Tax basis"], ["basis_wheel", "Wheel basis"],
    ["high_water_mark", "Highest since the stop rests"], ["strategy", "Strategy"], ["owner", "Whose"], ["closed_at", "Gone"]],
  also: ["id", "cycle"],
  order: [["opened_at", "down"]],
  filters: [{ name: "symbol", shape: "symbol", where: [{ column: "symbol", is: "=" }], hint: "SPY" }],
  size: 25,
});

export const cycles = table({
  name: "cycles",
  view: "dashboard_cycles",
  title: "Cycles",
  columns: [["symbol", "Symbol"], ["phase", "Where"], ["opened_at", "Opened"], ["closed_at", "Closed"], ["days", "Days"], ["premium", "Premium kept"],
    ["dividends", "Dividends"], ["fees", "Fees"], ["legs", "Legs"], ["assignments", "Assigned"], ["pnl", "P&L"], ["return_fraction", "Return"],
    ["annualized_fraction", "A year"]],
  also: ["id", "strategy", "option_cash", "share_cash", "pnl_sort"],
  order: [["opened_at", "down"]],
  filters: [{ name: "symbol", shape: "symbol", where: [{ column: "symbol", is: "=" }], hint: "SPY" }],
  size: 40,
});

export const legs = table({
  name: "legs",
  view: "dashboard_legs",
  title: "Legs",
  columns: [["opened_at", "Opened"], ["symbol", "Series"], ["right", "Right"], ["strike", "Strike"], ["expiry", "Expiry"], ["qty", "Contracts"],
    ["credit", "Credit"], ["closed_at", "Ended"], ["how", "How"], ["end_price", "At"], ["income", "Income"], ["rolls", "Rolls"]],
  also: ["id", "cycle", "underlying", "strategy", "owner", "fees"],
  order: [["opened_at", "down"]],
  filters: [{ name: "symbol", shape: "symbol", where: [{ column: "underlying", is: "=" }], hint: "SPY" }],
  size: 40,
});
