import { notFound } from "next/navigation";
import { csvOf } from "@/lib/csv";
import { paramsOf } from "@/lib/params";
import { tableNamed } from "@/lib/registry";
import { read } from "@/lib/store";
import { columnsOf, CSV_ROWS, readRows } from "@/lib/tables";

type Context = Readonly<{ params: Promise<{ desk: string; table: string }> }>;

/** Give a table of the registry as a file, with the filters of the page it stands on. */
export async function GET(asked: Request, context: Context): Promise<Response> {
  const { desk, table } = await context.params;
  const spec = tableNamed(table);
  if (spec === null) notFound();
  const params = paramsOf(new URL(asked.url).searchParams);
  const got = await read(desk, (ledger) => readRows(ledger, spec, params, CSV_ROWS));
  if (!got.ok) return new Response(`${got.trouble.title}. ${got.trouble.todo}\n`, { status: got.trouble.kind === "unknown_home" ? 404 : 503 });
  const columns = columnsOf(spec);
  const titles = columns.map((column) => spec.columns.find(([name]) => name === column)?.[1] ?? column);
  const body = csvOf(titles, got.value.map((row) => columns.map((column) => row[column] ?? null)));
  return new Response(body, {
    headers: {
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": `attachment; filename="${got.home.name}-${spec.name}.csv"`,
      "cache-control": "no-store",
    },
  });
}
