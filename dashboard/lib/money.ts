/** The only arithmetic on money in the board: exact decimals from text to text. */

import Big from "big.js";

const DECIMAL = /^-?\d{1,30}(\.\d{1,30})?$/;

/** Tell whether a text is a plain decimal number. */
export function isDecimal(text: string): boolean {
  return DECIMAL.test(text);
}

/** Add decimal texts exactly, keeping every digit: add(["0.1", "0.2"]) is "0.3"; of nothing it is "0". */
export function add(amounts: readonly string[]): string {
  let sum = new Big(0);
  let digits = 0;
  for (const amount of amounts) {
    if (!isDecimal(amount)) throw new Error(`Expected a decimal number, got "${amount}".`);
    digits = Math.max(digits, amount.split(".")[1]?.length ?? 0);
    sum = sum.plus(amount);
  }
  return sum.toFixed(digits);
}

/** Compare two decimal texts: negative, zero or positive. */
export function compare(left: string, right: string): number {
  return new Big(left).cmp(right);
}

/** Round a decimal text to so many digits after the point, halves to even as the ledger does. */
export function rounded(amount: string, digits: number): string {
  return new Big(amount).toFixed(digits, 2);
}

/** Give the sign of a decimal text: -1, 0 or 1. */
export function signOf(amount: string): -1 | 0 | 1 {
  const sign = new Big(amount).cmp(0);
  return sign < 0 ? -1 : sign > 0 ? 1 : 0;
}
