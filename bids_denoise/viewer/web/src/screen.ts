/** The three canvases: each is painted again only where its scene has changed. */

import { PLANES, type Plane } from "./geometry";
import type { Three } from "./messages";
import { makePainter, type Painter } from "./painter";
import { sceneOf, type Look, type Scene } from "./scene";
import type { State } from "./state";

/** Paints states on the canvases of the planes. */
export class Screen {
  private readonly painter: Painter;
  private painted: (readonly unknown[] | null)[] = [null, null, null];

  private turn = 0;

  /** @param restored is called after a canvas has lost its picture and can be painted again. */
  constructor(
    readonly canvases: Three<HTMLCanvasElement>,
    canvasOnly: boolean,
    restored: () => void,
  ) {
    this.painter = makePainter(canvases, canvasOnly, () => {
      this.painted = [null, null, null];
      restored();
    });
  }

  /** How the planes are painted. */
  get kind(): Painter["kind"] {
    return this.painter.kind;
  }

  /** Make ready for the first paint of a plane, which takes long. */
  prepare(plane: Plane): void {
    this.painter.prepare(plane);
  }

  /**
   * Paint the planes that have changed, `most` of them at the most, each in its turn.
   *
   * @returns how many were painted, and how many are left.
   */
  paint(state: State, most: number): { painted: number; left: number } {
    const inTurn = [...PLANES.slice(this.turn), ...PLANES.slice(0, this.turn)];
    const changed = inTurn
      .map((plane) => ({ plane, scene: sceneOf(plane, state) }))
      .filter(({ plane, scene }) => this.hasChanged(plane, scene));
    const now = changed.slice(0, most);
    for (const { plane, scene } of now) {
      this.painted[plane] = partsOf(scene, this.canvases[plane]);
      this.painter.paint(plane, scene);
      this.turn = (plane + 1) % PLANES.length;
    }
    return { painted: now.length, left: changed.length - now.length };
  }

  /** The canvas of a plane, freshly painted, so that it can be copied at once. */
  fresh(plane: Plane, state: State): HTMLCanvasElement {
    this.painter.paint(plane, sceneOf(plane, state));
    return this.canvases[plane];
  }

  /** The pixels of a plane, RGBA from the top left. */
  pixels(plane: Plane, state: State): Uint8ClampedArray {
    return this.painter.pixels(plane, sceneOf(plane, state));
  }

  private hasChanged(plane: Plane, scene: Scene): boolean {
    const parts = partsOf(scene, this.canvases[plane]);
    return parts.some((part, at) => part !== this.painted[plane]?.[at]);
  }
}

/** Everything a paint depends on, to be compared one by one. */
function partsOf(scene: Scene, { width, height }: HTMLCanvasElement): readonly unknown[] {
  const { before, after, map, strength, box, left, right, split, smooth } = scene;
  const look = ({ source, low, high }: Look): readonly unknown[] => [source, low, high];
  const place = [box.x, box.y, box.width, box.height, width, height];
  return [before, after, map, strength, split, smooth, ...place, ...look(left), ...look(right)];
}
