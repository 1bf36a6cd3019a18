/** Tables of the page Income. */

import { table } from "../tables";

const SYMBOL = { name: "symbol", shape: "symbol", hint: "SPY" } as const;

export const incomeMonths = table({
  name: "income-months",
  view: "dashboard_income_months",
  title: "Income by month",
  columns: [["month", "Month"], ["symbol", "Symbol"], ["kind", "Kind"], ["income", "Income"], ["tax_income", "Tax book"], ["count", "Times"]],
  also: ["income_sort"],
  order: [["month", "down"], ["symbol", "up"], ["kind", "up"]],
  filters: [{ ...SYMBOL, where: [{ column: "symbol", is: "=" }] }],
  size: 40,
});

export const incomeWeeks = table({
  name: "income-weeks",
  view: "dashboard_income_weeks",
  title: "Income by week",
  columns: [["first_day", "Week of"], ["symbol", "Symbol"], ["kind", "Kind"], ["income", "Income"], ["tax_income", "Tax book"], ["count", "Times"]],
  also: ["week", "income_sort"],
  order: [["first_day", "down"], ["symbol", "up"], ["kind", "up"]],
  filters: [{ ...SYMBOL, where: [{ column: "symbol", is: "=" }] }],
  size: 40,
});

export const incomeDays = table({
  name: "income-days",
  view: "dashboard_income",
  title: "Income by day",
  columns: [["day", "Day"], ["symbol", "Symbol"], ["strategy", "Strategy"], ["kind", "Kind"], ["income", "Income"], ["tax_income", "Tax book"], ["count", "Times"]],
  order: [["day", "down"], ["symbol", "up"], ["kind", "up"]],
  filters: [{ ...SYMBOL, where: [{ column: "symbol", is: "=" }] }, { name: "since", shape: "day", where: [{ column: "day", is: ">=" }], hint: "2026-01-01" }],
  size: 40,
});

export const incomeSymbols = table({
  name: "income-symbols",
  view: "dashboard_income_symbols",
  title: "Income by symbol",
  columns: [["symbol", "Symbol"], ["realized", "Realised"], ["open", "Open"], ["dividends", "Dividends"], ["cycles_closed", "Cycles closed"]],
  also: ["realized_sort", "open_sort"],
  order: [["realized_sort", "down"], ["symbol", "up"]],
  filters: [],
  size: 100,
});

export const activities = table({
  name: "activities",
  view: "dashboard_activities",
  title: "The broker's history",
  columns: [["at", "When"], ["type", "Type"], ["symbol", "Symbol"], ["qty", "Quantity"], ["price", "Price"], ["net_amount", "Cash"], ["description", "In the broker's words"]],
  also: ["id", "day", "tick_id"],
  order: [["day", "down"]],
  filters: [{ name: "since", shape: "day", where: [{ column: "day", is: ">=" }], hint: "2026-01-01" }],
  size: 40,
});
