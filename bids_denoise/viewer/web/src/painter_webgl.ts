/** Paints the planes with WebGL2: the values go up once, a change of strength is one uniform. */

import { COLOURS, ENTRIES, FILM } from "./colours";
import type { Plane } from "./geometry";
import type { Three } from "./messages";
import type { Painter } from "./painter";
import type { Scene, Source } from "./scene";
import { FRAGMENT, VERTEX } from "./shader";

const SOURCES: Readonly<Record<Source, number>> = { before: 0, after: 1, removed: 2, map: 3 };
const LAYERS = ["before", "after", "map"] as const;
type Layer = (typeof LAYERS)[number];
const NOTHING = new Float32Array(1);

/** The WebGL2 painter, with one context for each canvas. */
export class WebglPainter implements Painter {
  readonly kind = "webgl2";

  private constructor(private readonly surfaces: Three<Surface>) {}

  /** Make the painter, or return null where the browser has no WebGL2. */
  static make(canvases: Three<HTMLCanvasElement>, restored: () => void): WebglPainter | null {
    const probe = document.createElement("canvas").getContext("webgl2");
    if (probe === null) return null;
    probe.getExtension("WEBGL_lose_context")?.loseContext();
    const [sagittal, coronal, axial] = canvases;
    return new WebglPainter([
      new Surface(sagittal, restored),
      new Surface(coronal, restored),
      new Surface(axial, restored),
    ]);
  }

  prepare(plane: Plane): void {
    this.surfaces[plane].prepare();
  }

  paint(plane: Plane, scene: Scene): void {
    this.surfaces[plane].paint(scene);
  }

  pixels(plane: Plane, scene: Scene): Uint8ClampedArray {
    this.paint(plane, scene);
    return this.surfaces[plane].pixels();
  }
}

/** One canvas with its program, its textures and the values they hold; all made late, by `prepare`. */
class Surface {
  private context: WebGL2RenderingContext | null = null;
  private program: WebGLProgram | null = null;
  private readonly held = new Map<Layer, Float32Array>();

  constructor(
    private readonly canvas: HTMLCanvasElement,
    restored: () => void,
  ) {
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.program = null;
      restored();
    });
  }

  prepare(): WebGLProgram {
    this.program ??= this.build();
    return this.program;
  }

  paint(scene: Scene): void {
    const { gl, canvas } = this;
    const program = this.prepare();
    gl.viewport(0, 0, canvas.width, canvas.height);
    LAYERS.forEach((layer, unit) => this.upload(layer, unit, scene));
    this.describe(program, scene);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  pixels(): Uint8ClampedArray {
    const { width, height } = this.canvas;
    const upward = new Uint8Array(4 * width * height);
    this.gl.readPixels(0, 0, width, height, this.gl.RGBA, this.gl.UNSIGNED_BYTE, upward);
    const downward = new Uint8ClampedArray(upward.length);
    for (let row = 0; row < height; row++) {
      const start = 4 * width * (height - 1 - row);
      downward.set(upward.subarray(start, start + 4 * width), 4 * width * row);
    }
    return downward;
  }

  private get gl(): WebGL2RenderingContext {
    this.context ??= this.canvas.getContext("webgl2", {
      alpha: false,
      antialias: false,
      depth: false,
    });
    if (this.context === null) throw new Error("This browser gives no more WebGL2 contexts.");
    return this.context;
  }

  private upload(layer: Layer, unit: number, scene: Scene): void {
    const values = scene[layer] ?? NOTHING;
    if (this.held.get(layer) === values) return;
    this.held.set(layer, values);
    const [cols, rows] = values === NOTHING ? [1, 1] : [scene.cols, scene.rows];
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, cols, rows, 0, gl.RED, gl.FLOAT, values);
  }

  private describe(program: WebGLProgram, { box, left, right, ...scene }: Scene): void {
    const { gl } = this;
    const at = (uniform: string): WebGLUniformLocation | null => gl.getUniformLocation(program, uniform);
    gl.uniform4f(at("box"), box.x, box.y, box.width, box.height);
    gl.uniform4f(at("ranges"), left.low, left.high, right.low, right.high);
    gl.uniform2i(at("extent"), scene.cols, scene.rows);
    gl.uniform2i(at("sources"), SOURCES[left.source], SOURCES[right.source]);
    gl.uniform1f(at("height"), this.canvas.height);
    gl.uniform1f(at("split"), scene.split);
    gl.uniform1f(at("strength"), scene.strength);
    gl.uniform1i(at("smoothed"), scene.smooth ? 1 : 0);
  }

  private build(): WebGLProgram {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
      const shader = gl.createShader(kind);
      if (shader === null) throw new Error("The graphics context is lost.");
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    this.prepareTextures(program);
    return program;
  }

  private prepareTextures(program: WebGLProgram): void {
    const { gl } = this;
    this.held.clear();
    [...LAYERS, "colours"].forEach((name, unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
      gl.uniform1i(gl.getUniformLocation(program, name), unit);
    });
    const bytes = new Uint8Array(COLOURS.buffer);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, ENTRIES, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    const film = gl.getUniformLocation(program, "film");
    gl.uniform3f(film, FILM[0] / 255, FILM[1] / 255, FILM[2] / 255);
  }
}
