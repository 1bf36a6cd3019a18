/** Option series in words: "XLF261224P00036500" is "XLF 36.5 put, 24 Dec". */

import { plain } from "./format";
import { newYorkDay } from "./time";

const SERIES = /^([A-Z][A-Z0-9.]{0,5})(\d{2})(\d{2})(\d{2})([CP])(\d{5})(\d{3})$/;
const WITHIN = /\b[A-Z][A-Z0-9.]{0,5}\d{6}[CP]\d{8}\b/g;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

/** Say an option series in words, the year only where it is not this one; null where the symbol is no option's. */
export function seriesText(symbol: string | null | undefined, today = newYorkDay(new Date())): string | null {
  const found = SERIES.exec(symbol ?? "");
  if (found === null) return null;
  const [, root, year, month, day, right, whole, part] = found;
  const name = MONTHS[Number(month) - 1];
  if (name === undefined || Number(day) < 1 || Number(day) > 31) return null;
  const other = `20${year}` === today.slice(0, 4) ? "" : ` 20${year}`;
  return `${root} ${plain(`${Number(whole)}.${part}`)} ${right === "P" ? "put" : "call"}, ${Number(day)} ${name}${other}`;
}

/** Write every option series inside a sentence in words. */
export function spelled(sentence: string | null | undefined, today = newYorkDay(new Date())): string {
  return (sentence ?? "").replace(WITHIN, (symbol) => seriesText(symbol, today) ?? symbol);
}
