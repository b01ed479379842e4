/** What a painter is, and which one this browser gets. */

import type { Plane } from "./geometry";
import type { Three } from "./messages";
import { CanvasPainter } from "./painter_canvas";
import { WebglPainter } from "./painter_webgl";
import type { Scene } from "./scene";

/** Paints the three planes, each on a canvas of its own. */
export interface Painter {
  readonly kind: "webgl2" | "canvas";
  /** Make ready for the first paint of a plane. */
  prepare(plane: Plane): void;
  /** Paint one plane. */
  paint(plane: Plane, scene: Scene): void;
  /** Paint one plane and read its pixels: RGBA, from the top left. */
  pixels(plane: Plane, scene: Scene): Uint8ClampedArray;
}

/** Make the painter: WebGL2 where it is there and not unwanted, else Canvas 2D. */
export function makePainter(
  canvases: Three<HTMLCanvasElement>,
  unwanted: boolean,
  restored: () => void,
): Painter {
  const webgl = unwanted ? null : WebglPainter.make(canvases, restored);
  return webgl ?? new CanvasPainter(canvases);
}
