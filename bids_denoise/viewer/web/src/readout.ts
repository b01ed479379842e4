/** The values under the crosshair, on the page and read out after it rests. */

import { make, need, write } from "./dom";
import { number } from "./format";
import { ORIENTATIONS, PLANES, toPlane } from "./geometry";
import type { Choice, State, Store } from "./state";
import type { LayerName } from "./messages";
import { TITLES } from "./titles";

const REST = 600;
const SHOWN: readonly Choice[] = [
  "before",
  "after",
  "removed",
  "sigma",
  "uncertainty",
  "tsnr_before",
  "tsnr_after",
];

/** Keep the readout and the live region in step with the crosshair. */
export function wireReadout(store: Store): void {
  const region = need("announcement", HTMLElement);
  let timer: number | undefined;
  store.on(["voxel", "volume", "layers", "settings", "image"], (state) => {
    const read = readings(state);
    const parts = read.map(([title, text]) =>
      make("div", {}, make("dt", {}, title), make("dd", {}, text)),
    );
    need("readout", HTMLElement).replaceChildren(...parts);
    window.clearTimeout(timer);
    timer = window.setTimeout(() => write(region, read.map((each) => each.join(" ")).join(", ")), REST);
  });
}

/** The value of a layer at the crosshair, or null where its slices are elsewhere. */
export function valueAt(name: LayerName, { layers, voxel, volume, image }: State): number | null {
  const layer = layers.get(name);
  if (layer === undefined || image === null) return null;
  if (["before", "after"].includes(name) && layer.volume !== volume) return null;
  for (const plane of PLANES) {
    const { fixed } = ORIENTATIONS[plane];
    if (layer.voxel[fixed] !== voxel[fixed]) continue;
    const [col, row] = toPlane(plane, voxel, image.shape);
    return layer.planes[plane][row * layer.shapes[plane][1] + col] ?? null;
  }
  return null;
}

function readings(state: State): readonly (readonly [title: string, text: string])[] {
  if (state.image === null) return [];
  const rows: (readonly [string, string])[] = [["Voxel", state.voxel.join(", ")]];
  if (state.image.volumes > 1) rows.push(["Volume", String(state.volume)]);
  const values = measured(state);
  for (const choice of SHOWN) {
    const value = values.get(choice);
    if (value !== undefined) rows.push([TITLES[choice], number(value, 4)]);
  }
  return rows;
}

function measured(state: State): ReadonlyMap<Choice, number> {
  const values = new Map<Choice, number>();
  for (const name of SHOWN) {
    const value = name === "removed" ? null : valueAt(name, state);
    if (value !== null) values.set(name, value);
  }
  const before = values.get("before");
  const full = values.get("after");
  if (before === undefined || full === undefined) return values;
  const after = before + state.settings.strength * (full - before);
  return values.set("after", after).set("removed", before - after);
}
