import { describe, expect, test } from "vitest";
import { csvOf } from "../../lib/csv";
import { count, dollars, duration, number, percent, plain, price, words } from "../../lib/format";
import { homesOf, refreshSeconds } from "../../lib/homes";
import { add, compare, isDecimal, rounded, signOf } from "../../lib/money";
import { addressOf, choiceParam, numberParam, param } from "../../lib/params";
import { payoffOf } from "../../lib/payoff";
import { thinned } from "../../lib/spans";
import { ageSeconds, dayAfter, dayText, newYorkDay, sessionTime } from "../../lib/time";

describe("money", () => {
  test("adds exactly and keeps every digit", () => {
    expect(add(["0.1", "0.2"])).toBe("0.3");
    expect(add(["9007199254740993.01", "0.09"])).toBe("9007199254740993.10");
    expect(add(["1.10", "-1.1"])).toBe("0.00");
    expect(add([])).toBe("0");
    expect(add(Array<string>(1000).fill("0.01"))).toBe("10.00");
    expect(add(["123456789012345678901234567890.12", "0.000000001"])).toBe("123456789012345678901234567890.120000001");
  });
  test.each(["1e5", "NaN", "", " 1", "1,000", "0x10", "Infinity", "--1", "1."])("refuses %j, which is no plain decimal", (amount) => {
    expect(isDecimal(amount)).toBe(false);
    expect(() => add([amount])).toThrow(/decimal/);
  });
  test("rounds halves to even, as the ledger does", () => {
    expect([rounded("0.125", 2), rounded("0.135", 2), rounded("-0.125", 2), rounded("2.5", 0)]).toEqual(["0.12", "0.14", "-0.12", "2"]);
  });
  test("compares and tells signs of numbers no float can tell apart", () => {
    expect(compare("9007199254740993", "9007199254740992")).toBe(1);
    expect([signOf("-0.00"), signOf("0.01"), signOf("-3")]).toEqual([0, 1, -1]);
  });
});

describe("what people read", () => {
  test("dollars", () => {
    expect(dollars("1234567.5")).toBe("$1,234,567.50");
    expect(dollars("-0.005")).toBe("−$0.00");
    expect(dollars("12", { signed: true })).toBe("+$12.00");
    expect(dollars(null)).toBe("–");
    expect(dollars("<b>")).toBe("–");
    expect(dollars("90071992547409931.25")).toBe("$90,071,992,547,409,931.25");
  });
  test("prices and plain numbers", () => {
    expect([price("37.5"), price("0.0525"), price("100"), price("1234.5")]).toEqual(["37.50", "0.0525", "100.00", "1,234.50"]);
    expect([plain("10.500"), plain("1000"), plain(null), plain("not a number")]).toEqual(["10.5", "1,000", "–", "not a number"]);
  });
  test("fractions, counts, durations, names", () => {
    expect([percent(0.0123), percent("-0.5", 0), percent(0, 1, { signed: true }), percent(0.1, 1, { signed: true }), percent(null)]).toEqual(["1.2 %", "−50 %", "0.0 %", "+10.0 %", "–"]);
    expect([count(12345), count(null), number(-1234.567, 1), number("x")]).toEqual(["12,345", "–", "−1,234.6", "–"]);
    expect([duration(45), duration(61), duration(3700), duration(86_400), duration(200_000), duration(null)]).toEqual(["45 s", "1 min", "1 h 01 min", "1 day", "2 days", "–"]);
    expect([words("no_new_risk"), words(""), words(null)]).toEqual(["no new risk", "–", "–"]);
  });
  test("moments stand in New York time with its zone, on both sides of daylight saving", () => {
    expect(sessionTime("2026-11-20T20:45:00.000000Z")).toBe("Fri 20 Nov 2026 15:45 EST");
    expect(sessionTime("2026-07-01T14:00:05.000000Z", { seconds: true, date: false })).toBe("10:00:05 EDT");
    expect([sessionTime(null), sessionTime("nonsense"), dayText("2026-11-20"), dayText("20/11")]).toEqual(["–", "–", "Fri 20 Nov 2026", "–"]);
    expect(newYorkDay(new Date("2026-11-21T03:00:00Z"))).toBe("2026-11-20");
    expect([dayAfter("2026-03-01", -1), dayAfter("2024-02-28", 1)]).toEqual(["2026-02-28", "2024-02-29"]);
    expect(ageSeconds("2026-11-20T20:45:00Z", new Date("2026-11-20T20:46:00Z"))).toBe(60);
  });
});

describe("CSV", () => {
  test.each(["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "|cmd"])("defuses the formula %j", (cell) => {
    expect(csvOf(["a"], [[cell]])).toContain(`'${cell}`);
  });
  test("leaves numbers alone, quotes what needs it, and writes nothing for nothing", () => {
    expect(csvOf(["a", "b"], [["-12.50", 'say "hi", you'], [null, 3]])).toBe('a,b\r\n-12.50,"say ""hi"", you"\r\n,3\r\n');
  });
});

describe("parameters", () => {
  test.each([
    ["symbol", "SPY", "SPY"], ["symbol", "BRK.B", "BRK.B"], ["symbol", "spy", ""], ["symbol", "'; DROP TABLE ticks; --", ""], ["symbol", "<script>", ""],
    ["day", "2026-11-20", "2026-11-20"], ["day", "2026-13-20", ""], ["day", "2026-11-20'", ""], ["word", "spread_is_narrow", "spread_is_narrow"], ["word", "a b", ""],
    ["number", "12", "12"], ["number", "-1", ""], ["number", "1e9", ""], ["number", "9999999999999", ""], ["desk", "../etc", ""], ["id", "main-0123", "main-0123"],
  ] as const)("a %s that reads %j counts as %j", (shape, given, taken) => expect(param({ x: given }, "x", shape)).toBe(taken));
  test("given twice counts as not given", () => expect(param({ x: ["SPY", "QQQ"] }, "x", "symbol")).toBe(""));
  test("numbers and choices have bounds", () => {
    expect([numberParam({ n: "7" }, "n", 1, 5), numberParam({}, "n", 1, 5)]).toEqual([5, 1]);
    expect([choiceParam({ s: "1Y" }, "s", ["3M", "1Y"]), choiceParam({ s: "x" }, "s", ["3M", "1Y"])]).toEqual(["1Y", "3M"]);
  });
  test("an address is encoded and leaves out what is empty", () => {
    expect(addressOf("/desk", { a: "1", b: "x&y" }, { a: "", c: "ä" })).toBe("/desk?b=x%26y&c=%C3%A4");
  });
});

describe("desks", () => {
  test("one of BOT_HOME, several of DASHBOARD_HOMES", () => {
    expect(homesOf({ BOT_HOME: "/h" })).toEqual([{ name: "desk", folder: "/h", ledger: "/h/ledger.sqlite" }]);
    expect(homesOf({ BOT_HOME: "/h", DASHBOARD_HOMES: "Main=/a b, wheel-2=/c" }).map((home) => [home.name, home.folder])).toEqual([["main", "/a b"], ["wheel-2", "/c"]]);
  });
  test.each(["main", "=x", "main=", "a b=/x", "main=/a,main=/b", "../x=/y"])("refuses %j with words", (listed) => {
    expect(() => homesOf({ DASHBOARD_HOMES: listed })).toThrow(/DASHBOARD_HOMES/);
  });
  test("refuses nothing at all", () => expect(() => homesOf({})).toThrow(/BOT_HOME/));
});

describe("pictures", () => {
  test("a short put earns its credit above the strike and is even one credit below it", () => {
    const { points, breakevens } = payoffOf([{ kind: "put", qty: -1, strike: 100, entry: 2 }], 105);
    expect(points.find(([at]) => at === 100)?.[1]).toBeCloseTo(200);
    expect(points.at(-1)?.[1]).toBeCloseTo(200);
    expect(breakevens).toHaveLength(1);
    expect(breakevens[0]).toBeCloseTo(98, 1);
  });
  test("a covered call earns no more than to the strike", () => {
    const { points } = payoffOf([{ kind: "share", qty: 100, strike: 0, entry: 95 }, { kind: "call", qty: -1, strike: 100, entry: 1 }], 97);
    expect(points.at(-1)?.[1]).toBeCloseTo(600);
  });
  test("a line of many points keeps its first and last", () => {
    const kept = thinned(Array.from({ length: 10_000 }, (_, index) => index), 800);
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([800, 0, 9_999]);
  });
});

test.each([["", 30], ["1", 1], ["3600", 3600], ["3601", 30], ["0", 30], ["-1", 30], ["1.5", 30], ["soon", 30]])("a refresh every %j is every %i seconds", (written, seconds) => {
  expect(refreshSeconds({ DASHBOARD_REFRESH_SECONDS: written })).toBe(seconds);
  expect(refreshSeconds({})).toBe(30);
});
