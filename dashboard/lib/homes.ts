/** What the environment says: which desks the board shows, and how often it looks. */

export { homesOf } from "../server/homes.mjs";

export type Home = Readonly<{ name: string; folder: string; ledger: string }>;

/** Seconds between two quiet refreshes of a page: `DASHBOARD_REFRESH_SECONDS`, 1 to 3,600; what is no such number counts as not said. */
export function refreshSeconds(env: Readonly<Record<string, string | undefined>>): number {
  const written = (env["DASHBOARD_REFRESH_SECONDS"] ?? "").trim();
  return /^[1-9]\d{0,3}$/.test(written) && Number(written) <= 3_600 ? Number(written) : 30;
}
