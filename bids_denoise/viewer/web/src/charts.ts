/** The charts: the histogram of what was removed, and the time course under the crosshair. */

import { draw } from "./dom";
import { number, tick } from "./format";
import type { Size } from "./geometry";
import type { Curve, Histogram } from "./messages";

const LEFT = 44;
const RIGHT = 8;
const BOTTOM = 22;
const TOP = 8;
/** Densities below this are not shown on the logarithmic axis. */
const LEAST = 1e-4;
const POWERS: readonly number[] = [1e-4, 1e-3, 1e-2, 1e-1, 1];

/** From data to a place on the chart. */
interface Scales {
  readonly size: Size;
  x(value: number): number;
  y(value: number): number;
}

/** Draw the measured histogram as bars under the line of the noise model. */
export function histogramChart(histogram: Histogram, logarithmic: boolean, size: Size): SVGElement {
  const { edges, measured, model } = histogram;
  const first = edges[0] ?? -1;
  const last = edges.at(-1) ?? 1;
  const most = Math.max(...measured, ...model, LEAST);
  const scaled = (density: number): number => (logarithmic ? Math.log10(Math.max(density, LEAST)) : density);
  const scales = scalesOf([first, last], [scaled(0), scaled(most * 1.05)], size);
  const y = (density: number): number => scales.y(scaled(density));
  return chart(
    "Histogram of what was removed, in units of sigma, beside the noise model",
    size,
    ...yAxis(logarithmic ? POWERS.filter((power) => power < most) : [0, most], y, size),
    ...measured.map((density, at) => bar(edges[at] ?? 0, edges[at + 1] ?? 0, y(density), scales)),
    draw("path", { class: "model", d: lineThrough(middles(edges).map(scales.x), model.map(y)) }),
    ...xAxis([first, first / 2, 0, last / 2, last], scales, tick),
  );
}

/** Draw the time course before and after, and the volume that is shown. */
export function curveChart(
  curve: Curve,
  strength: number,
  volume: number,
  tr: number | null,
  size: Size,
): SVGElement {
  const { before } = curve;
  const after = curve.after?.map((value, at) => mixed(before[at] ?? 0, value, strength)) ?? [];
  const finite = [...before, ...after].filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const gap = (high - low) * 0.05 || 1;
  const last = Math.max(before.length - 1, 1);
  const scales = scalesOf([0, last], [low - gap, high + gap], size);
  const through = (values: readonly number[]): string =>
    lineThrough(values.map((_, at) => scales.x(at)), values.map(scales.y));
  const now = scales.x(volume);
  return chart(
    "Time course of the voxel under the crosshair, before and after",
    size,
    ...yAxis([low, high], scales.y, size),
    draw("line", { class: "now", x1: now, x2: now, y1: TOP, y2: size.height - BOTTOM }),
    draw("path", { class: "before", d: through(before) }),
    draw("path", { class: "after", d: through(after) }),
    ...xAxis([0, last / 2, last], scales, (at) => (tr === null ? tick(at) : `${tick(at * tr)} s`)),
  );
}

/** The volume at a place across the time course's chart. */
export function volumeAt(x: number, width: number, volumes: number): number {
  return ((x - LEFT) / (width - LEFT - RIGHT)) * (volumes - 1);
}

function chart(title: string, { width, height }: Size, ...parts: readonly SVGElement[]): SVGElement {
  return draw("svg", { width, height, role: "img", "aria-label": title }, ...parts);
}

type Ends = readonly [low: number, high: number];

function scalesOf([left, right]: Ends, [low, high]: Ends, size: Size): Scales {
  const floor = size.height - BOTTOM;
  return {
    size,
    x: (value) => LEFT + ((value - left) / (right - left)) * (size.width - LEFT - RIGHT),
    y: (value) => floor - ((value - low) / (high - low)) * (floor - TOP),
  };
}

function bar(from: number, to: number, y: number, { size, x }: Scales): SVGElement {
  const width = Math.max(x(to) - x(from) - 0.5, 0.5);
  const height = Math.max(size.height - BOTTOM - y, 0);
  return draw("rect", { class: "bar", x: x(from), y, width, height });
}

function xAxis(
  values: readonly number[],
  { size, x }: Scales,
  name: (value: number) => string,
): SVGElement[] {
  return values.map((value, at) => {
    const anchor = at === values.length - 1 ? "end" : "middle";
    return draw("text", { x: x(value), y: size.height - 6, "text-anchor": anchor }, name(value));
  });
}

function yAxis(values: readonly number[], y: (value: number) => number, { width }: Size): SVGElement[] {
  return values.flatMap((value) => [
    draw("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
    draw("text", { x: LEFT - 5, y: y(value) + 4, "text-anchor": "end" }, name(value)),
  ]);
}

function name(value: number): string {
  return POWERS.includes(value) ? String(value) : number(value, 2);
}

function middles(edges: readonly number[]): number[] {
  return edges.slice(1).map((edge, at) => (edge + (edges[at] ?? edge)) / 2);
}

function lineThrough(x: readonly number[], y: readonly number[]): string {
  const points = x.map((each, at) => `${each.toFixed(1)} ${(y[at] ?? 0).toFixed(1)}`);
  return points.length === 0 ? "" : `M${points.join("L")}`;
}

function mixed(before: number, after: number, strength: number): number {
  return before + strength * (after - before);
}
