/** Requests as an attacker writes them: byte by byte, past what fetch would tidy up. */

import { connect } from "node:net";

export type Said = Readonly<{ status: number; head: string; headers: Readonly<Record<string, string>>; body: string }>;

/** Send bytes to the board and read all it says until it closes, or until `waitMs` is over. */
export async function sendRaw(port: number, bytes: string, waitMs = 10_000): Promise<Said> {
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    const timer = setTimeout(() => socket.destroy(), waitMs);
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", () => undefined);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
  const all = Buffer.concat(chunks).toString("utf8");
  const end = all.indexOf("\r\n\r\n");
  const head = end < 0 ? all : all.slice(0, end);
  const headers = Object.fromEntries(head.split("\r\n").slice(1).map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), head, headers, body: end < 0 ? "" : whole(all.slice(end + 4), headers) };
}

/** Put a body together again that came in pieces. */
function whole(body: string, headers: Readonly<Record<string, string>>): string {
  if (headers["transfer-encoding"] !== "chunked") return body;
  const bytes = Buffer.from(body, "utf8");
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const line = bytes.indexOf("\r\n", at);
    const size = line < 0 ? 0 : Number.parseInt(bytes.toString("latin1", at, line), 16);
    if (!(size > 0)) break;
    pieces.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** Ask for a target exactly as written. */
export async function ask(port: number, target: string, { method = "GET", host = `127.0.0.1:${port}`, headers = {}, body = "" }: Readonly<{
  method?: string; host?: string; headers?: Readonly<Record<string, string>>; body?: string;
}> = {}): Promise<Said> {
  const lines = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, "Connection: close", ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  if (body !== "") lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return sendRaw(port, `${lines.join("\r\n")}\r\n\r\n${body}`);
}
