/** Which layers are shown: the newest of each name, before and after of one place together. */

import type { Layer } from "./decode";
import { ORIENTATIONS, type Plane } from "./geometry";
import type { LayerName } from "./messages";

type Layers = ReadonlyMap<LayerName, Layer>;

/** Milliseconds for which a new place waits for its denoised layer. */
const PATIENCE = 120;

/** Percentile, by a sample of this many values, at which a colour map ends. */
const SHARE = 0.995;
const SAMPLE = 6000;

/** Whether two layers show the same slice in a plane. */
export function sameSlice(one: Layer, other: Layer, plane: Plane): boolean {
  const { fixed } = ORIENTATIONS[plane];
  return one.volume === other.volume && one.voxel[fixed] === other.voxel[fixed];
}

function samePlace(one: Layer, other: Layer): boolean {
  return sameSlice(one, other, 0) && sameSlice(one, other, 1) && sameSlice(one, other, 2);
}

/**
 * Sorts what arrives. A layer older than the one of its name is dropped. The image before, at a new
 * place, is held back for a moment, so that it changes together with the denoised image.
 */
export class LayerBook {
  private layers: Layers = new Map();
  private held: Layer | null = null;
  private timer: number | undefined;

  constructor(private readonly publish: (layers: Layers) => void) {}

  /** Take a layer in. */
  accept(layer: Layer): void {
    const last = this.layers.get(layer.name);
    if (last !== undefined && layer.serial < last.serial) return;
    const after = this.layers.get("after");
    if (layer.name === "before" && after !== undefined && !samePlace(layer, after)) {
      this.hold(layer);
    } else if (layer.name === "after" && this.held !== null && samePlace(layer, this.held)) {
      this.put(this.held, layer);
    } else {
      this.put(layer);
    }
  }

  /** Forget one layer. */
  drop(name: LayerName): void {
    const layers = new Map(this.layers);
    layers.delete(name);
    this.show(layers);
  }

  /** Forget every layer. */
  clear(): void {
    this.release();
    this.show(new Map());
  }

  private hold(layer: Layer): void {
    this.held = layer;
    this.timer ??= window.setTimeout(() => {
      if (this.held !== null) this.put(this.held);
    }, PATIENCE);
  }

  private put(...layers: readonly Layer[]): void {
    if (layers.some((layer) => layer.name === "before")) this.release();
    const next = new Map(this.layers);
    for (const layer of layers) next.set(layer.name, economical(layer, this.layers.get(layer.name)));
    this.show(next);
  }

  private release(): void {
    window.clearTimeout(this.timer);
    this.timer = undefined;
    this.held = null;
  }

  private show(layers: Layers): void {
    this.layers = layers;
    this.publish(layers);
  }
}

/** The layer with the planes of the last one where they are equal: those need no new paint. */
function economical(layer: Layer, last: Layer | undefined): Layer {
  if (last === undefined) return layer;
  const keep = (plane: Plane): Float32Array =>
    equal(layer.planes[plane], last.planes[plane]) ? last.planes[plane] : layer.planes[plane];
  return { ...layer, planes: [keep(0), keep(1), keep(2)] };
}

function equal(one: Float32Array, other: Float32Array): boolean {
  return one.length === other.length && one.every((value, at) => value === other[at]);
}

/** A round number just above nearly all values of a layer. */
export function topOf(layer: Layer): number {
  const total = layer.planes.reduce((sum, plane) => sum + plane.length, 0);
  const stride = Math.max(1, Math.floor(total / SAMPLE));
  const sample: number[] = [];
  for (const plane of layer.planes) {
    for (let at = 0; at < plane.length; at += stride) {
      const value = plane[at];
      if (value !== undefined && Number.isFinite(value)) sample.push(value);
    }
  }
  const sorted = Float32Array.from(sample).sort();
  return roundUp(sorted[Math.floor((sorted.length - 1) * SHARE)] ?? 1);
}

function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const steps = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
  return (steps.find((step) => step * power >= value * 0.999) ?? 10) * power;
}
