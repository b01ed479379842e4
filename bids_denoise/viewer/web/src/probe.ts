/** What tests may look at: `window.bidsDenoise`. */

import type { Layer } from "./decode";
import type { Plane } from "./geometry";
import type { Mark } from "./marks";
import type { LayerName } from "./messages";
import { sceneOf, valuesOf } from "./scene";
import type { Screen } from "./screen";
import { phaseOf } from "./status";
import type { Viewer } from "./viewer";

/** The probe's answers. */
export interface Probe {
  state(): Readonly<Record<string, unknown>>;
  /** Values of the chosen layer as shown, blended by strength. */
  shown(plane: Plane): Float32Array;
  layer(name: LayerName): { shapes: Layer["shapes"]; data: Layer["planes"] } | null;
  pixels(plane: Plane): Uint8ClampedArray;
  /** Milliseconds of the longest task that blocked the page, 0 if none was long. */
  longest(): number;
  readonly marks: readonly Mark[];
}

declare global {
  interface Window {
    bidsDenoise?: Probe;
  }
}

/** Put the probe on the window. */
export function exposeProbe(viewer: Viewer, screen: Screen): void {
  const { store, marks } = viewer;
  const longest = watchTasks();
  window.bidsDenoise = {
    state: () => summary(viewer, screen),
    shown: (plane) => {
      const scene = sceneOf(plane, store.state);
      return valuesOf(scene, scene.right.source);
    },
    layer: (name) => {
      const layer = store.state.layers.get(name);
      return layer === undefined ? null : { shapes: layer.shapes, data: layer.planes };
    },
    pixels: (plane) => screen.pixels(plane, store.state),
    longest,
    marks: marks.list,
  };
}

function summary({ store }: Viewer, screen: Screen): Readonly<Record<string, unknown>> {
  const { state } = store;
  const layers = [...state.layers].map(([name, { planes: _planes, ...head }]) => [name, head]);
  const plain = {
    ...state,
    layers: Object.fromEntries(layers),
    tops: Object.fromEntries(state.tops),
  };
  return {
    ...structuredClone(plain),
    renderer: screen.kind,
    phase: phaseOf(state),
  };
}

function watchTasks(): () => number {
  let longest = 0;
  if (PerformanceObserver.supportedEntryTypes.includes("longtask")) {
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
    }).observe({ type: "longtask", buffered: true });
  }
  return () => longest;
}
