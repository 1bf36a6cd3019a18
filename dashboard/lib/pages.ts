/** The pages of a desk, in the order of the navigation; the address of each follows the desk's name. */

export const PAGES = [
  ["", "Overview"],
  ["positions", "Positions"],
  ["wheel", "Wheel"],
  ["income", "Income"],
  ["ahead", "Week ahead"],
  ["orders", "Orders"],
  ["why", "Why"],
  ["ticks", "Ticks"],
  ["strategies", "Strategies"],
  ["backtests", "Backtests"],
  ["reports", "Reports"],
  ["audit", "Audit"],
  ["config", "Config"],
] as const;

export type PageName = (typeof PAGES)[number][0];

/** Write the address of a page of a desk. */
export function pathOf(desk: string, page: string): string {
  return page === "" ? `/${desk}` : `/${desk}/${page}`;
}
