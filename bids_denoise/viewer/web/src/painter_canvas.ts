/** Paints the planes without WebGL: colours at the image's resolution, scaled by the browser. */

import { COLOURS, ENTRIES, FILM, GREYS } from "./colours";
import type { Plane } from "./geometry";
import type { Three } from "./messages";
import type { Painter } from "./painter";
import { valuesOf, type Look, type Scene } from "./scene";

/** The Canvas 2D painter; it shows the same pictures as the one with WebGL. */
export class CanvasPainter implements Painter {
  readonly kind = "canvas";
  private readonly surfaces: Three<Surface>;

  constructor([sagittal, coronal, axial]: Three<HTMLCanvasElement>) {
    this.surfaces = [new Surface(sagittal), new Surface(coronal), new Surface(axial)];
  }

  prepare(): void {
    // Nothing here takes long.
  }

  paint(plane: Plane, scene: Scene): void {
    this.surfaces[plane].paint(scene);
  }

  pixels(plane: Plane, scene: Scene): Uint8ClampedArray {
    this.paint(plane, scene);
    return this.surfaces[plane].pixels();
  }
}

/** One canvas, and its pictures left and right of the split. */
class Surface {
  private readonly context: CanvasRenderingContext2D;
  private readonly left = new Picture();
  private readonly right = new Picture();

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.context = contextOf(canvas);
  }

  paint(scene: Scene): void {
    const { width, height } = this.canvas;
    this.context.fillStyle = `rgb(${FILM.join(" ")})`;
    this.context.fillRect(0, 0, width, height);
    this.context.imageSmoothingEnabled = scene.smooth;
    if (scene.split > 0) this.part(scene, this.left, scene.left, 0, scene.split);
    if (scene.split < width) this.part(scene, this.right, scene.right, scene.split, width);
  }

  pixels(): Uint8ClampedArray {
    return this.context.getImageData(0, 0, this.canvas.width, this.canvas.height).data;
  }

  private part(scene: Scene, picture: Picture, look: Look, from: number, to: number): void {
    const { x, y, width, height } = scene.box;
    this.context.save();
    this.context.beginPath();
    this.context.rect(from, 0, to - from, this.canvas.height);
    this.context.clip();
    this.context.drawImage(picture.of(scene, look), x, y, width, height);
    this.context.restore();
  }
}

/** The colours of one look, kept as long as its values stay. */
class Picture {
  private readonly canvas = document.createElement("canvas");
  private readonly context = contextOf(this.canvas);
  private made: readonly unknown[] = [];

  of(scene: Scene, look: Look): HTMLCanvasElement {
    const { before, after, map, strength } = scene;
    const wanted = [before, after, map, strength, look.source, look.low, look.high];
    if (wanted.some((each, at) => each !== this.made[at])) {
      this.made = wanted;
      this.colour(scene, look);
    }
    return this.canvas;
  }

  private colour(scene: Scene, look: Look): void {
    this.canvas.width = scene.cols;
    this.canvas.height = scene.rows;
    const picture = this.context.createImageData(scene.cols, scene.rows);
    const words = new Uint32Array(picture.data.buffer);
    const table = look.source === "map" ? COLOUR_WORDS : GREY_WORDS;
    const values = valuesOf(scene, look.source);
    const scale = (ENTRIES - 1) / (look.high - look.low);
    for (let at = 0; at < values.length; at++) {
      const entry = ((values[at] as number) - look.low) * scale + 0.5;
      words[at] = table[entry > 0 ? Math.min(entry, ENTRIES - 1) | 0 : 0] as number;
    }
    this.context.putImageData(picture, 0, 0);
  }
}

/** The tables with one word an entry. */
const COLOUR_WORDS = new Uint32Array(COLOURS.buffer);
const GREY_WORDS = new Uint32Array(GREYS.buffer);

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("This browser has no canvas.");
  return context;
}
