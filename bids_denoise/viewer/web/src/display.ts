/** The controls of the display: layer, comparison, window, gain and the colour bar. */

import { COLOURS, GREYS, type Table } from "./colours";
import { fill, make, need, write } from "./dom";
import { number } from "./format";
import { compared, rangeOf } from "./scene";
import type { Choice, Compare, State } from "./state";
import { TITLES } from "./titles";
import type { Viewer } from "./viewer";

const COMPARISONS: Readonly<Record<Compare, string>> = { off: "Off", wipe: "Wipe", blink: "Blink" };

/** Wire the display's controls. */
export function wireDisplay(viewer: Viewer): void {
  wireLayers(viewer);
  wireComparison(viewer);
  wireWindow(viewer);
  wireGain(viewer);
  wireSwitch("smooth", viewer, "smooth");
  wireSwitch("crosshair", viewer, "crosshair");
  viewer.store.on(["choice", "compare", "window", "gain", "tops", "image", "noise"], paintColourBar);
}

/** Which layers can be chosen now. */
export function choices({ image, layers }: State): readonly Choice[] {
  const some: Choice[] = ["before", "after", "removed", "sigma"];
  if (layers.has("uncertainty")) some.push("uncertainty");
  if (image?.tsnr === true) some.push("tsnr_before", "tsnr_after");
  return some;
}

function radios<T extends string>(
  name: string,
  titles: Readonly<Record<T, string>>,
  pick: (value: T) => void,
): ReadonlyMap<T, { input: HTMLInputElement; label: HTMLLabelElement }> {
  const made = new Map<T, { input: HTMLInputElement; label: HTMLLabelElement }>();
  for (const value of Object.keys(titles) as T[]) {
    const input = make("input", { type: "radio", name, value, id: `${name}-${value}` });
    input.addEventListener("change", () => pick(value));
    made.set(value, { input, label: make("label", { for: input.id }, titles[value]) });
  }
  const parts = [...made.values()].flatMap(({ input, label }) => [input, label]);
  need(name, HTMLElement).append(...parts);
  return made;
}

function wireLayers(viewer: Viewer): void {
  const made = radios("layer", TITLES, (choice) => viewer.choose(choice));
  viewer.store.on(["choice", "image", "layers"], (state) => {
    const there = choices(state);
    for (const [choice, { input, label }] of made) {
      input.checked = state.choice === choice;
      input.hidden = label.hidden = !there.includes(choice);
    }
  });
}

function wireComparison(viewer: Viewer): void {
  const made = radios("compare", COMPARISONS, (compare) => viewer.compare(compare));
  made.forEach(({ input }, compare) => {
    input.checked = compare === "off";
  });
  viewer.store.on(["compare"], ({ compare }) => {
    for (const [each, { input }] of made) input.checked = each === compare;
  });
}

function wireWindow(viewer: Viewer): void {
  const [low, high, level, width] = ["low", "high", "level", "width"].map((id) =>
    need(`window-${id}`, HTMLInputElement),
  ) as [HTMLInputElement, HTMLInputElement, HTMLInputElement, HTMLInputElement];
  const bounds = (): void => viewer.setWindow({ low: low.valueAsNumber, high: high.valueAsNumber });
  const slid = (): void => {
    const half = width.valueAsNumber / 2;
    viewer.setWindow({ low: level.valueAsNumber - half, high: level.valueAsNumber + half });
  };
  for (const field of [low, high]) field.addEventListener("input", bounds);
  for (const slider of [level, width]) slider.addEventListener("input", slid);
  need("window-auto", HTMLButtonElement).addEventListener("click", () => viewer.resetWindow());
  viewer.store.on(["window", "image"], (state) => {
    const { image, window } = state;
    if (image === null) return;
    const span = image.window[1] - image.window[0];
    bound(level, image.window[0] - span / 2, image.window[1] + span, span);
    bound(width, span / 100, span * 2, span);
    level.value = String((window.low + window.high) / 2);
    width.value = String(window.high - window.low);
    fill(low, plain(window.low));
    fill(high, plain(window.high));
  });
}

function bound(slider: HTMLInputElement, low: number, high: number, span: number): void {
  slider.min = String(low);
  slider.max = String(high);
  slider.step = String(span / 200);
}

function plain(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function wireGain(viewer: Viewer): void {
  const slider = need("gain", HTMLInputElement);
  const shown = need("gain-shown", HTMLOutputElement);
  slider.addEventListener("input", () => viewer.store.set({ gain: 2 ** slider.valueAsNumber }));
  viewer.store.on(["gain", "image", "noise"], (state) => {
    if (state.image === null) return;
    const { high } = rangeOf("removed", state, state.image);
    slider.value = String(Math.log2(state.gain));
    write(shown, `± ${number(high)}`);
  });
}

function wireSwitch(id: string, viewer: Viewer, key: "smooth" | "crosshair"): void {
  const box = need(id, HTMLInputElement);
  box.addEventListener("change", () => viewer.store.set({ [key]: box.checked }));
  box.checked = viewer.store.state[key];
  viewer.store.on([key], (state) => {
    box.checked = state[key];
  });
}

function paintColourBar(state: State): void {
  if (state.image === null) return;
  const choice = compared(state);
  const { low, high } = rangeOf(choice, state, state.image);
  write(need("bar-name", HTMLElement), TITLES[choice]);
  write(need("bar-low", HTMLElement), number(low));
  write(need("bar-high", HTMLElement), number(high));
  const isMap = !["before", "after", "removed"].includes(choice);
  const context = need("bar", HTMLCanvasElement).getContext("2d");
  context?.putImageData(isMap ? strip(COLOURS) : strip(GREYS), 0, 0);
}

function strip(table: Table): ImageData {
  return new ImageData(table, table.length / 4, 1);
}
