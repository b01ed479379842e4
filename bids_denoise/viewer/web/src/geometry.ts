/** Where voxels are in the three planes, and where the planes are on the screen. */

import type { Three, Voxel } from "./messages";

/** Index of a plane: sagittal, coronal, axial. */
export type Plane = 0 | 1 | 2;

/** Index of an axis of the image: right, anterior, superior. */
export type Axis = 0 | 1 | 2;

/** Width and height. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A rectangle, from its top left corner. */
export interface Box extends Size {
  readonly x: number;
  readonly y: number;
}

/** What of a plane is seen: its magnification, and the point in the middle as shares of its size. */
export interface View {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}

/** How a plane lies in the image, and the letters of its edges: left, right, top, bottom. */
export interface Orientation {
  readonly name: string;
  readonly fixed: Axis;
  readonly across: Axis;
  readonly down: Axis;
  readonly letters: readonly [left: string, right: string, top: string, bottom: string];
}

/** Every plane, in the order in which their data come. */
export const PLANES: readonly Plane[] = [0, 1, 2];

/** The planes as they are shown: neurological, superior or anterior on top. */
export const ORIENTATIONS: Three<Orientation> = [
  { name: "Sagittal", fixed: 0, across: 1, down: 2, letters: ["P", "A", "S", "I"] },
  { name: "Coronal", fixed: 1, across: 0, down: 2, letters: ["L", "R", "S", "I"] },
  { name: "Axial", fixed: 2, across: 0, down: 1, letters: ["L", "R", "A", "P"] },
];

/** The view that shows the whole plane. */
export const WHOLE: View = { zoom: 1, x: 0.5, y: 0.5 };

const MOST_ZOOM = 40;

/** Keep a number between two bounds. */
export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** The voxel with one index changed, kept inside the image. */
export function moved(voxel: Voxel, axis: Axis, index: number, shape: Three<number>): Voxel {
  const next: [number, number, number] = [...voxel];
  next[axis] = clamp(Math.round(index), 0, shape[axis] - 1);
  return next;
}

/** Column and row of a voxel in a plane. */
export function toPlane(plane: Plane, voxel: Voxel, shape: Three<number>): [col: number, row: number] {
  const { across, down } = ORIENTATIONS[plane];
  return [voxel[across], shape[down] - 1 - voxel[down]];
}

/** The voxel at a column and row of a plane, in the slice of `voxel`. */
export function fromPlane(
  plane: Plane,
  col: number,
  row: number,
  voxel: Voxel,
  shape: Three<number>,
): Voxel {
  const { across, down } = ORIENTATIONS[plane];
  const inRow = moved(voxel, across, Math.floor(col), shape);
  return moved(inRow, down, shape[down] - 1 - Math.floor(row), shape);
}

/** Width and height of a plane in mm. */
export function extent(plane: Plane, shape: Three<number>, spacing: Three<number>): Size {
  const { across, down } = ORIENTATIONS[plane];
  return { width: shape[across] * spacing[across], height: shape[down] * spacing[down] };
}

/** Pixels a mm at which each whole plane fits its own canvas; one scale for all three. */
export function commonScale(extents: Three<Size>, canvases: Three<Size>): number {
  const fits = PLANES.map((plane) =>
    Math.min(
      canvases[plane].width / extents[plane].width,
      canvases[plane].height / extents[plane].height,
    ),
  );
  return Math.min(...fits);
}

/** Where the plane's picture lies on its canvas, in whole pixels. */
export function placed(view: View, size: Size, canvas: Size, scale: number): Box {
  const width = size.width * scale * view.zoom;
  const height = size.height * scale * view.zoom;
  return {
    x: Math.round(canvas.width / 2 - view.x * width),
    y: Math.round(canvas.height / 2 - view.y * height),
    width: Math.round(width),
    height: Math.round(height),
  };
}

/** The view after a zoom by `factor` that keeps the point (x, y) of the canvas where it is. */
export function zoomed(view: View, factor: number, x: number, y: number, box: Box, canvas: Size): View {
  const zoom = clamp(view.zoom * factor, 1, MOST_ZOOM);
  if (zoom === 1) return WHOLE;
  const grown = zoom / view.zoom;
  const shareX = (x - box.x) / box.width;
  const shareY = (y - box.y) / box.height;
  return {
    zoom,
    x: clamp(shareX + (canvas.width / 2 - x) / (box.width * grown), 0, 1),
    y: clamp(shareY + (canvas.height / 2 - y) / (box.height * grown), 0, 1),
  };
}

/** The view after its picture was pushed by some pixels. */
export function panned(view: View, byX: number, byY: number, box: Box): View {
  return {
    zoom: view.zoom,
    x: clamp(view.x - byX / box.width, 0, 1),
    y: clamp(view.y - byY / box.height, 0, 1),
  };
}
