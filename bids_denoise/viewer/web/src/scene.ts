/** What a plane shows, in numbers: the meeting point of the state and the painters. */

import { clamp, commonScale, extent, placed, type Box, type Plane, type Size } from "./geometry";
import { sameSlice } from "./layers";
import type { Image, Three } from "./messages";
import type { Choice, Range, State } from "./state";

/** Where the values of a picture come from. */
export type Source = "before" | "after" | "removed" | "map";

/** One picture of a plane: values, and the range shown from dark to bright. */
export interface Look extends Range {
  readonly source: Source;
}

/** Everything a painter needs for one plane. Boxes and the split are in canvas pixels. */
export interface Scene {
  readonly rows: number;
  readonly cols: number;
  readonly before: Float32Array;
  readonly after: Float32Array | null;
  readonly map: Float32Array | null;
  readonly strength: number;
  readonly box: Box;
  /** Picture left of the split, and right of it; there is only the right one at split 0. */
  readonly left: Look;
  readonly right: Look;
  readonly split: number;
  readonly smooth: boolean;
}

const MOST_DENSE = 2;

/** The layer that is held against the image before. */
export function compared(state: State): Choice {
  return state.compare !== "off" && state.choice === "before" ? "after" : state.choice;
}

/** Canvas pixels a CSS pixel. */
export function density(): number {
  return clamp(window.devicePixelRatio, 1, MOST_DENSE);
}

/** Standard deviation that scales what was removed: of the noise, or a part of the window. */
function noiseScale({ noise }: State, { window: [low, high] }: Image): number {
  return noise !== null && noise.sigma > 0 ? noise.sigma : (high - low) / 50 || 1;
}

/** The range in which a choice is shown. */
export function rangeOf(choice: Choice, state: State, image: Image): Range {
  if (choice === "before" || choice === "after") return state.window;
  if (choice === "removed") {
    const high = (3 * noiseScale(state, image)) / state.gain;
    return { low: -high, high };
  }
  return { low: 0, high: state.tops.get(choice) ?? 1 };
}

/** Where a plane's picture lies, in CSS pixels or in those of a denser canvas. */
export function boxOf(plane: Plane, state: State, image: Image, ratio = 1): Box {
  const grown = ({ width, height }: Size): Size => ({
    width: Math.round(width * ratio),
    height: Math.round(height * ratio),
  });
  const canvases = eachPlane(grown, state.sizes);
  const planes: Three<Plane> = [0, 1, 2];
  const extents = eachPlane((each) => extent(each, image.shape, image.spacing), planes);
  const scale = commonScale(extents, canvases);
  return placed(state.views[plane], extents[plane], canvases[plane], scale);
}

function eachPlane<T, U>(make: (each: T) => U, [sagittal, coronal, axial]: Three<T>): Three<U> {
  return [make(sagittal), make(coronal), make(axial)];
}

/** What a plane really shows: the image before, where the chosen layer is not there yet. */
export function presentChoice(plane: Plane, state: State): Choice {
  const choice = compared(state);
  const before = state.layers.get("before");
  const name = choice === "removed" ? "after" : choice;
  const layer = state.layers.get(name);
  if (layer === undefined || before === undefined) return "before";
  const blended = name === "after";
  return blended && !sameSlice(layer, before, plane) ? "before" : choice;
}

/** An empty film. */
const EMPTY: Scene = {
  rows: 1,
  cols: 1,
  before: new Float32Array(1),
  after: null,
  map: null,
  strength: 0,
  box: { x: 0, y: 0, width: 0, height: 0 },
  left: { source: "before", low: 0, high: 1 },
  right: { source: "before", low: 0, high: 1 },
  split: 0,
  smooth: false,
};

/** The scene of a plane; an empty film as long as nothing has arrived. */
export function sceneOf(plane: Plane, state: State): Scene {
  const { image, layers } = state;
  const before = layers.get("before");
  if (image === null || before === undefined) return EMPTY;
  const [rows, cols] = before.shapes[plane];
  const after = layers.get("after");
  const choice = presentChoice(plane, state);
  const shown = look(choice, state, image);
  const beside = look("before", state, image);
  const map = shown.source === "map" && choice !== "removed" ? layers.get(choice) : undefined;
  return {
    rows,
    cols,
    before: before.planes[plane],
    after: after !== undefined && sameSlice(after, before, plane) ? after.planes[plane] : null,
    map: map?.planes[plane] ?? null,
    strength: state.settings.strength,
    box: boxOf(plane, state, image, density()),
    left: beside,
    right: state.compare === "blink" && state.blinked ? beside : shown,
    split: state.compare === "wipe" ? splitAt(plane, state) : 0,
    smooth: state.smooth,
  };
}

function splitAt(plane: Plane, state: State): number {
  return Math.round(state.wipe * state.sizes[plane].width * density());
}

function look(choice: Choice, state: State, image: Image): Look {
  const source = choice === "before" || choice === "after" || choice === "removed" ? choice : "map";
  return { source, ...rangeOf(choice, state, image) };
}

/** The values of one picture of a scene, blended by strength in single precision. */
export function valuesOf(scene: Scene, source: Source): Float32Array {
  const { before, after, map } = scene;
  if (source === "map") return map ?? before;
  if (source === "before" || after === null) return before;
  return blended(before, after, scene.strength, source === "removed");
}

function blended(
  before: Float32Array,
  after: Float32Array,
  strength: number,
  removed: boolean,
): Float32Array {
  const values = new Float32Array(before.length);
  const share = Math.fround(strength);
  for (let at = 0; at < values.length; at++) {
    const measured = before[at] as number;
    const change = Math.fround((after[at] as number) - measured);
    const shown = Math.fround(measured + Math.fround(share * change));
    values[at] = removed ? measured - shown : shown;
  }
  return values;
}
