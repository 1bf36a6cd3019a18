/** What the broker itself says of the account, beside the ledger's figures, where the owner lets the board ask. */

import { dollars, words } from "@/lib/format";
import { readBroker } from "@/lib/broker";
import { text } from "@/lib/schema";
import type { Desk } from "./shell";
import { Badge, When } from "./ui";

/** Tell whether this desk's broker is one the board can ask and the owner said it may. */
export function isBrokerAsked(desk: Desk): boolean {
  return text(desk.broker) === "alpaca" && (process.env["DASHBOARD_BROKER"] ?? "").trim() !== "";
}

export async function BrokerWord({ desk }: Readonly<{ desk: Desk }>) {
  const got = await readBroker();
  if (got === null) return null;
  if (!got.ok)
    return <p><Badge tone="warn">not to be had</Badge> {got.why}. Everything else here is the ledger&apos;s, as of <When at={text(desk.ts)} />.</p>;
  const { account } = got;
  const known = text(desk.account) ?? "";
  const other = account.account.length > 1 && known.length >= 4 && !known.endsWith(account.account.slice(1));
  return (
    <p>
      {other ? <><Badge tone="bad">another account than this desk&apos;s</Badge> </> : null}
      Equity <strong>{dollars(account.equity)}</strong>, cash <strong>{dollars(account.cash)}</strong>, account {account.account}
      {account.status === "" ? "" : `, ${words(account.status.toLowerCase())}`}; as of <When at={account.at} seconds />
    </p>
  );
}
