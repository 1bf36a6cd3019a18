/** From what the store holds to what a person reads. Money stays text all the way; nothing here rounds through a float. */

import { isDecimal, rounded, signOf } from "./money";

export const DASH = "–";
export const MINUS = "\u2212";

/** Show dollars with grouped thousands and cents: "-1234.5" is "−$1,234.50". */
export function dollars(amount: string | null | undefined, { signed = false } = {}): string {
  if (amount === null || amount === undefined || !isDecimal(amount)) return DASH;
  const text = grouped(rounded(amount, 2).replace("-", ""));
  return `${signWord(amount, signed)}$${text}`;
}

/** Show a price per share: at least two digits, up to four, "37.5" is "37.50". */
export function price(amount: string | null | undefined): string {
  if (amount === null || amount === undefined || !isDecimal(amount)) return DASH;
  const digits = Math.min(4, Math.max(2, trimmed(amount).split(".")[1]?.length ?? 0));
  return `${signWord(amount, false)}${grouped(rounded(amount, digits).replace("-", ""))}`;
}

/** Show a decimal number without trailing zeros, thousands grouped. */
export function plain(amount: string | null | undefined): string {
  if (amount === null || amount === undefined || !isDecimal(amount)) return amount ?? DASH;
  const digits = Math.min(6, trimmed(amount).split(".")[1]?.length ?? 0);
  return `${signWord(amount, false)}${grouped(rounded(amount, digits).replace("-", ""))}`;
}

/** Show a fraction as a percentage: 0.0123 is "1.2 %". */
export function percent(fraction: number | string | null | undefined, digits = 1, { signed = false } = {}): string {
  if (fraction === null || fraction === undefined || fraction === "") return DASH;
  const value = Number(fraction) * 100;
  if (!Number.isFinite(value)) return DASH;
  const text = grouped(Math.abs(value).toFixed(digits));
  const zero = Number(text.replaceAll(",", "")) === 0;
  const sign = zero ? "" : value < 0 ? MINUS : signed ? "+" : "";
  return `${sign}${text} %`;
}

/** Show a float that is no money: greeks, milliseconds, ratios. */
export function number(value: number | string | null | undefined, digits = 2): string {
  if (value === null || value === undefined || value === "") return DASH;
  const given = Number(value);
  if (!Number.isFinite(given)) return DASH;
  return `${given < 0 ? MINUS : ""}${grouped(Math.abs(given).toFixed(digits))}`;
}

/** Count things: 12345 is "12,345". */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? DASH : `${value < 0 ? MINUS : ""}${grouped(String(Math.abs(value)))}`;
}

/** Say how long: seconds to "45 s", "12 min", "3 h 05 min", "4 days". */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return DASH;
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
  const days = Math.floor(whole / 86_400);
  return days === 1 ? "1 day" : `${count(days)} days`;
}

/** Turn a name of the code into words: "no_new_risk" is "no new risk". */
export function words(name: string | null | undefined): string {
  return (name ?? "").replaceAll("_", " ") || DASH;
}

function signWord(amount: string, signed: boolean): string {
  const sign = signOf(amount);
  return sign < 0 ? MINUS : signed && sign > 0 ? "+" : "";
}

function trimmed(amount: string): string {
  return amount.includes(".") ? amount.replace(/0+$/, "").replace(/\.$/, "") : amount;
}

function grouped(digits: string): string {
  const [whole = "", fraction] = digits.split(".");
  const parted = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return fraction === undefined ? parted : `${parted}.${fraction}`;
}
