/** One plane on the page: its canvas, what lies over it, and its slider. */

import { make, write } from "./dom";
import { Gestures } from "./gestures";
import {
  extent,
  fromPlane,
  moved,
  ORIENTATIONS,
  panned,
  toPlane,
  zoomed,
  type Box,
  type Plane,
} from "./geometry";
import type { Image } from "./messages";
import { boxOf, compared, density, presentChoice } from "./scene";
import type { State } from "./state";
import { TITLES } from "./titles";
import type { Viewer } from "./viewer";
import { makeWipe } from "./wipe";

/** A plane's elements and gestures. It is kept in step with the state by `follow`. */
export class Pane {
  readonly canvas = make("canvas");
  readonly element: HTMLElement;
  private readonly film: HTMLElement;
  private readonly across = make("div", { class: "line across" });
  private readonly down = make("div", { class: "line down" });
  private readonly tags = [make("span", { class: "tag" }), make("span", { class: "tag beside" })] as const;
  private readonly place = make("output");
  private readonly slider: HTMLInputElement;

  constructor(
    private readonly plane: Plane,
    private readonly viewer: Viewer,
  ) {
    const { name } = ORIENTATIONS[plane];
    this.slider = make("input", { type: "range", min: "0", id: `slice-${plane}` });
    this.film = this.makeFilm(name);
    const label = make("label", { for: this.slider.id }, `${name} `, this.place);
    this.element = make(
      "section",
      { class: `pane ${name.toLowerCase()}`, "aria-label": `${name} plane` },
      this.film,
      make("div", { class: "slice" }, label, this.slider),
    );
    this.listen();
  }

  /** Bring what lies over the picture in step with the state. */
  follow(state: State): void {
    const { image } = state;
    if (image === null) return;
    this.fit(state, image);
    this.followSlice(state, image);
    const box = boxOf(this.plane, state, image);
    this.followCrosshair(state, image, box);
    this.followTags(state);
  }

  private makeFilm(name: string): HTMLElement {
    const letters = ORIENTATIONS[this.plane].letters.map((letter, side) =>
      make("span", { class: `letter ${["left", "right", "top", "bottom"][side]}` }, letter),
    );
    const attributes = {
      class: "film",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "image plane",
      "aria-label": name,
      "aria-describedby": "plane-help",
    };
    const overlay = make("div", { class: "overlay", "aria-hidden": "true" });
    overlay.append(this.across, this.down, ...letters, ...this.tags);
    return make("div", attributes, this.canvas, overlay, makeWipe(this.plane, this.viewer));
  }

  private listen(): void {
    const { plane, viewer, slider } = this;
    const { fixed } = ORIENTATIONS[plane];
    slider.addEventListener("input", () => {
      const { image, voxel } = viewer.store.state;
      if (image !== null) viewer.moveTo(moved(voxel, fixed, slider.valueAsNumber, image.shape));
    });
    this.film.addEventListener("focusin", () => viewer.store.set({ active: plane }));
    new ResizeObserver(() => this.measure()).observe(this.film);
    new Gestures(this.film, {
      point: (x, y) => this.point(x, y),
      window: (byX, byY) => this.changeWindow(byX, byY),
      pan: (byX, byY) =>
        this.withBox((box, { views }) => viewer.look(plane, panned(views[plane], byX, byY, box))),
      zoom: (factor, x, y) =>
        this.withBox((box, { views, sizes }) =>
          viewer.look(plane, zoomed(views[plane], factor, x, y, box, sizes[plane])),
        ),
      slice: (by) => viewer.step(fixed, by),
      whole: () => viewer.lookAtAll(plane),
    });
  }

  private withBox(act: (box: Box, state: State, image: Image) => void): void {
    const { state } = this.viewer.store;
    if (state.image !== null) act(boxOf(this.plane, state, state.image), state, state.image);
  }

  private point(x: number, y: number): void {
    this.withBox((box, { voxel }, { shape }) => {
      const { across, down } = ORIENTATIONS[this.plane];
      const col = ((x - box.x) / box.width) * shape[across];
      const row = ((y - box.y) / box.height) * shape[down];
      this.viewer.moveTo(fromPlane(this.plane, col, row, voxel, shape));
    });
  }

  private changeWindow(byX: number, byY: number): void {
    const { low, high } = this.viewer.store.state.window;
    this.viewer.changeWindow((byY * (high - low)) / 300, Math.exp(byX / 150));
  }

  private measure(): void {
    const { clientWidth: width, clientHeight: height } = this.film;
    const { sizes } = this.viewer.store.state;
    const size = { width: Math.max(width, 1), height: Math.max(height, 1) };
    const [sagittal, coronal, axial] = sizes.map((each, plane) => (plane === this.plane ? size : each));
    if (sagittal && coronal && axial) this.viewer.store.set({ sizes: [sagittal, coronal, axial] });
  }

  private fit(state: State, image: Image): void {
    const { width, height } = state.sizes[this.plane];
    const wide = Math.round(width * density());
    const high = Math.round(height * density());
    if (this.canvas.width !== wide) this.canvas.width = wide;
    if (this.canvas.height !== high) this.canvas.height = high;
    const { width: across, height: down } = extent(this.plane, image.shape, image.spacing);
    this.element.style.setProperty("--aspect", String(across / down));
  }

  private followSlice({ voxel }: State, { shape }: Image): void {
    const { fixed } = ORIENTATIONS[this.plane];
    this.slider.max = String(shape[fixed] - 1);
    this.slider.value = String(voxel[fixed]);
    write(this.place, `${voxel[fixed]} of ${shape[fixed]}`);
  }

  private followCrosshair({ crosshair, voxel }: State, { shape }: Image, box: Box): void {
    const { across, down } = ORIENTATIONS[this.plane];
    const [col, row] = toPlane(this.plane, voxel, shape);
    const x = box.x + ((col + 0.5) * box.width) / shape[across];
    const y = box.y + ((row + 0.5) * box.height) / shape[down];
    this.down.style.transform = `translateX(${Math.round(x)}px)`;
    this.across.style.transform = `translateY(${Math.round(y)}px)`;
    this.film.classList.toggle("crossed", crosshair);
  }

  private followTags(state: State): void {
    const [first, second] = this.tags;
    const present = presentChoice(this.plane, state);
    const waits = present !== compared(state) ? ` (${TITLES[compared(state)]} is on its way)` : "";
    const shown = state.compare === "blink" && state.blinked ? "before" : present;
    const wipes = state.compare === "wipe";
    write(first, wipes ? TITLES.before : TITLES[shown] + waits);
    write(second, wipes ? TITLES[shown] + waits : "");
  }
}
