/** The part that needs the chart library, loaded apart from the page. */

import {
  createChart, LineSeries, LineStyle, TickMarkType, type IChartApi, type ISeriesApi, type Time,
} from "lightweight-charts";
import type { Line, Mark, Point } from "./line-chart";
import { SCALE_WIDTH } from "./line-chart-shape";

type Drawing = Readonly<{ lines: readonly Line[]; points: readonly Point[]; marks: readonly Mark[]; digits: number; unit: string }>;

const ZONE_CLOCK = new Intl.DateTimeFormat("en-GB", {
  timeZone: "America/New_York", hourCycle: "h23", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
});

const ZONE_TIME = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", hourCycle: "h23", hour: "2-digit", minute: "2-digit" });
const ZONE_DAY = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", day: "numeric", month: "short" });

/** Draw into an element and follow its size and the theme; gives what takes it all away again. */
export function draw(host: HTMLElement, { lines, points, marks, digits, unit }: Drawing): () => void {
  const chart = createChart(host, {
    autoSize: true,
    layout: { attributionLogo: true, background: { color: "transparent" }, fontSize: 11, fontFamily: "inherit" },
    rightPriceScale: { borderVisible: false, entireTextOnly: true, minimumWidth: SCALE_WIDTH, scaleMargins: { top: 0.12, bottom: 0.1 } },
    timeScale: {
      borderVisible: false, timeVisible: typeof points[0]?.[0] === "number", secondsVisible: false, fixLeftEdge: true, fixRightEdge: true,
      ...(typeof points[0]?.[0] === "number" ? { tickMarkFormatter: (at: Time, kind: TickMarkType) => axisClock(at, kind) } : {}),
    },
    localization: { priceFormatter: (value: number) => `${value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })}${unit}`,
      timeFormatter: (at: Time) => (typeof at === "number" ? clock(at) : String(at)) },
    handleScroll: false,
    handleScale: false,
  });
  const series = lines.map((line, index) => {
    const drawn = chart.addSeries(LineSeries, { lineWidth: 2, priceLineVisible: false, lastValueVisible: index === 0,
      lineStyle: line.dashed ? LineStyle.Dashed : LineStyle.Solid });
    drawn.setData(points.map((point) => {
      const value = point[index + 1];
      return typeof value === "number" ? { time: point[0] as Time, value } : { time: point[0] as Time };
    }));
    return drawn;
  });
  const paint = (): void => colour(chart, series, lines, marks, host);
  paint();
  chart.timeScale().fitContent();
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", paint);
  const theme = new MutationObserver(paint);
  theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  const stopMarks = marksOf(chart, series[0], points, marks, host);
  return () => {
    stopMarks();
    theme.disconnect();
    scheme.removeEventListener("change", paint);
    chart.remove();
  };
}

function colour(chart: IChartApi, series: readonly ISeriesApi<"Line">[], lines: readonly Line[], _marks: readonly Mark[], host: HTMLElement): void {
  const style = getComputedStyle(host);
  const named = (name: string): string => style.getPropertyValue(name).trim();
  chart.applyOptions({
    layout: { textColor: named("--muted") },
    grid: { vertLines: { visible: false }, horzLines: { color: named("--line") } },
    crosshair: { vertLine: { color: named("--muted") }, horzLine: { visible: false } },
  });
  series.forEach((one, index) => one.applyOptions({ color: named(`--series-${lines[index]?.tone ?? "one"}`) }));
}

/** Draw an arrow and its word above or under the first line, where something happened. */
function marksOf(chart: IChartApi, series: ISeriesApi<"Line"> | undefined, points: readonly Point[], marks: readonly Mark[], host: HTMLElement): () => void {
  if (series === undefined || marks.length === 0) return () => undefined;
  const heights = new Map(points.map((point) => [point[0], point[1]]));
  const draw = (canvas: CanvasRenderingContext2D): void => {
    const style = getComputedStyle(host);
    canvas.font = `11px ${style.fontFamily}`;
    canvas.textAlign = "center";
    for (const mark of marks) {
      const height = heights.get(mark.at);
      const x = chart.timeScale().timeToCoordinate(mark.at as Time);
      const y = typeof height === "number" ? series.priceToCoordinate(height) : null;
      if (x === null || y === null) continue;
      const way = mark.above ? -1 : 1;
      canvas.fillStyle = style.getPropertyValue(mark.tone === "plain" ? "--muted" : `--${mark.tone}`).trim();
      canvas.beginPath();
      canvas.moveTo(x, y + way * 6);
      canvas.lineTo(x - 5, y + way * 14);
      canvas.lineTo(x + 5, y + way * 14);
      canvas.fill();
      canvas.fillText(mark.text, x, y + (mark.above ? -18 : 26));
    }
  };
  const view = { renderer: () => ({ draw: (target: DrawTarget) => target.useMediaCoordinateSpace(({ context }) => draw(context)) }) };
  const primitive = { paneViews: () => [view] };
  series.attachPrimitive(primitive);
  return () => series.detachPrimitive(primitive);
}

type DrawTarget = Readonly<{ useMediaCoordinateSpace: (does: (scope: { context: CanvasRenderingContext2D }) => void) => void }>;

/** A tick of the axis: the New York clock within a day, the day where one begins. */
function axisClock(at: Time, kind: TickMarkType): string {
  if (typeof at !== "number") return String(at);
  const moment = new Date(at * 1000);
  return kind === TickMarkType.Time || kind === TickMarkType.TimeWithSeconds ? ZONE_TIME.format(moment) : ZONE_DAY.format(moment);
}

function clock(at: Time): string {
  return typeof at === "number" ? `${ZONE_CLOCK.format(new Date(at * 1000))} New York` : String(at);
}
