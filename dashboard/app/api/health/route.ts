import { text } from "@/lib/schema";
import { desks, read } from "@/lib/store";

/** Say for each desk whether its ledger can be read and how old its newest tick is; 503 if one cannot. */
export async function GET(): Promise<Response> {
  const states = await Promise.all((await desks()).map(async (home) => {
    const got = await read(home.name, (ledger) => ledger.one("dashboard_desk", { columns: ["ts", "halt_level"] }));
    return got.ok
      ? { desk: home.name, ok: got.value !== null, tick: text(got.value?.ts), halt: text(got.value?.halt_level) }
      : { desk: home.name, ok: false, trouble: got.trouble.kind };
  }));
  return Response.json({ desks: states }, { status: states.every((state) => state.ok) ? 200 : 503, headers: { "cache-control": "no-store" } });
}
