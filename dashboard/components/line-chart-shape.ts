/** What the chart and the server's drawings beside it must agree on. */

/** Width of the chart's price scale in pixels, so that what stands under a chart can end where its lines end. */
export const SCALE_WIDTH = 64;
