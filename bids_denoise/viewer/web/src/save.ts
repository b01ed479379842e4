/** Saves the three planes, as they are shown, as one picture. */

import { download } from "./dom";
import { number, words } from "./format";
import { ORIENTATIONS, PLANES, toPlane, type Plane } from "./geometry";
import { boxOf, compared, density } from "./scene";
import type { Screen } from "./screen";
import type { State } from "./state";
import { TITLES } from "./titles";

const GAP = 8;
const CAPTION = 44;
const INK = "#d5dbe3";
const ACCENT = "#6fc6d8";

type Context = OffscreenCanvasRenderingContext2D;

/** Save the picture of a state as a PNG file that is named by image and method. */
export async function savePicture(screen: Screen, state: State): Promise<void> {
  const { canvases } = screen;
  const widths = canvases.map(({ width }) => width);
  const gap = GAP * density();
  const height = Math.max(...canvases.map((each) => each.height));
  const width = widths.reduce((sum, each) => sum + each, 0) + 2 * gap;
  const picture = new OffscreenCanvas(width, height + CAPTION * density());
  const context = picture.getContext("2d");
  if (context === null) return;
  context.fillStyle = "#0e1116";
  context.fillRect(0, 0, picture.width, picture.height);
  for (const plane of PLANES) {
    const canvas = screen.fresh(plane, state);
    context.drawImage(canvas, 0, 0);
    annotate(context, plane, state, canvas);
    context.translate(canvas.width + gap, 0);
  }
  context.resetTransform();
  caption(context, state, height);
  download(nameOf(state), await picture.convertToBlob({ type: "image/png" }));
}

function annotate(context: Context, plane: Plane, state: State, canvas: HTMLCanvasElement): void {
  context.save();
  context.beginPath();
  context.rect(0, 0, canvas.width, canvas.height);
  context.clip();
  if (state.crosshair) crosshair(context, plane, state, canvas);
  if (state.compare === "wipe") line(context, state.wipe * canvas.width, 0, 0, canvas.height, ACCENT);
  letters(context, plane, canvas);
  context.restore();
}

function crosshair(context: Context, plane: Plane, state: State, canvas: HTMLCanvasElement): void {
  if (state.image === null) return;
  const box = boxOf(plane, state, state.image);
  const { across, down } = ORIENTATIONS[plane];
  const [col, row] = toPlane(plane, state.voxel, state.image.shape);
  const x = density() * (box.x + ((col + 0.5) * box.width) / state.image.shape[across]);
  const y = density() * (box.y + ((row + 0.5) * box.height) / state.image.shape[down]);
  line(context, x, 0, 0, canvas.height, ACCENT);
  line(context, 0, y, canvas.width, 0, ACCENT);
}

function line(context: Context, x: number, y: number, byX: number, byY: number, colour: string): void {
  context.strokeStyle = colour;
  context.globalAlpha = 0.7;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + byX, y + byY);
  context.stroke();
  context.globalAlpha = 1;
}

function letters(context: Context, plane: Plane, { width, height }: HTMLCanvasElement): void {
  const size = 14 * density();
  const [left, right, top, bottom] = ORIENTATIONS[plane].letters;
  const places = [
    [left, size, height / 2],
    [right, width - size, height / 2],
    [top, width / 2, size],
    [bottom, width / 2, height - size],
  ] as const;
  context.fillStyle = INK;
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const [letter, x, y] of places) context.fillText(letter, x, y);
}

function caption(context: Context, state: State, top: number): void {
  const size = 13 * density();
  context.fillStyle = INK;
  context.font = `${size}px system-ui, sans-serif`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(sentenceOf(state), size, top + (CAPTION * density()) / 2, context.canvas.width - 2 * size);
}

/** Image, what is shown, method, parameters, strength and sigma in one line. */
function sentenceOf(state: State): string {
  const { image, noise, settings, compare } = state;
  const shown = TITLES[compared(state)];
  const { method: _method, parameters, ...shared } = settings;
  const values = [...Object.entries(parameters), ...Object.entries(shared)];
  return [
    image?.name ?? "",
    compare === "off" ? shown : `Before and ${shown} (${compare})`,
    methodOf(state),
    ...values.map(([name, value]) => `${words(name).toLowerCase()} ${value}`),
    noise === null ? "" : `sigma ${number(noise.sigma)}`,
    `voxel ${state.voxel.join(" ")}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

function methodOf({ settings, layers }: State): string {
  return settings.method === "auto" ? (layers.get("after")?.method ?? "auto") : settings.method;
}

function nameOf(state: State): string {
  const file = state.image?.name.split("/").at(-1) ?? "image";
  return `${file.replace(/\.nii(\.gz)?$/, "")}_${methodOf(state)}.png`;
}
