/** The keys, and what they do. */

import { choices } from "./display";
import { need } from "./dom";
import { ORIENTATIONS, zoomed } from "./geometry";
import { boxOf } from "./scene";
import type { Choice, Compare } from "./state";
import type { Viewer } from "./viewer";

/** The list of the help dialog. */
export const KEYS: readonly { readonly keys: readonly string[]; readonly does: string }[] = [
  { keys: ["←", "→", "↑", "↓"], does: "move the crosshair in the plane used last" },
  { keys: ["Page Up", "Page Down"], does: "next and previous slice of that plane" },
  { keys: ["b", "a", "r"], does: "before, after, removed" },
  { keys: ["s", "u"], does: "sigma, uncertainty" },
  { keys: ["t"], does: "tSNR after and before, of a series" },
  { keys: ["w"], does: "wipe on or off" },
  { keys: ["Space"], does: "blink on or off" },
  { keys: ["+", "−", "0"], does: "zoom in, zoom out, whole plane" },
  { keys: ["[", "]"], does: "window narrower, wider" },
  { keys: [",", "."], does: "volume before, volume after" },
  { keys: ["x"], does: "crosshair on or off" },
  { keys: ["?"], does: "this list" },
];

const ZOOM = 1.25;
const WINDOW = 1.1;

type Actions = Readonly<Record<string, () => void>>;

/** Wire the keys of the page. */
export function wireKeyboard(viewer: Viewer): void {
  const moves = movesOf(viewer);
  const letters = lettersOf(viewer);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const { target } = event;
    if (!(target instanceof Element)) return;
    const act = usesKeys(target) ? undefined : moves[event.key];
    const letter = isTyped(target) || !viewer.store.state.shortcuts ? undefined : letters[event.key];
    const run = act ?? letter;
    if (run === undefined) return;
    event.preventDefault();
    run();
  });
}

/** Whether an element has its own use for arrows and space. */
function usesKeys(target: Element): boolean {
  return target.matches("input, select, textarea, button, a, summary, [role=slider]");
}

function isTyped(target: Element): boolean {
  return target.matches("input[type=text], input[type=number], select, textarea");
}

function movesOf(viewer: Viewer): Actions {
  const orientation = (): (typeof ORIENTATIONS)[number] => ORIENTATIONS[viewer.store.state.active];
  return {
    ArrowLeft: () => viewer.step(orientation().across, -1),
    ArrowRight: () => viewer.step(orientation().across, 1),
    ArrowUp: () => viewer.step(orientation().down, 1),
    ArrowDown: () => viewer.step(orientation().down, -1),
    PageUp: () => viewer.step(orientation().fixed, 1),
    PageDown: () => viewer.step(orientation().fixed, -1),
    " ": () => toggle(viewer, "blink"),
  };
}

function lettersOf(viewer: Viewer): Actions {
  const { store } = viewer;
  return {
    b: () => choose(viewer, "before"),
    a: () => choose(viewer, "after"),
    r: () => choose(viewer, "removed"),
    s: () => choose(viewer, "sigma"),
    u: () => choose(viewer, "uncertainty"),
    t: () => choose(viewer, store.state.choice === "tsnr_after" ? "tsnr_before" : "tsnr_after"),
    w: () => toggle(viewer, "wipe"),
    "+": () => zoom(viewer, ZOOM),
    "=": () => zoom(viewer, ZOOM),
    "-": () => zoom(viewer, 1 / ZOOM),
    "0": () => viewer.lookAtAll(store.state.active),
    "[": () => viewer.changeWindow(0, 1 / WINDOW),
    "]": () => viewer.changeWindow(0, WINDOW),
    ",": () => viewer.showVolume(store.state.volume - 1),
    ".": () => viewer.showVolume(store.state.volume + 1),
    x: () => store.set({ crosshair: !store.state.crosshair }),
    "?": () => need("help-dialog", HTMLDialogElement).showModal(),
  };
}

function choose(viewer: Viewer, choice: Choice): void {
  if (choices(viewer.store.state).includes(choice)) viewer.choose(choice);
}

function toggle(viewer: Viewer, compare: Compare): void {
  viewer.compare(viewer.store.state.compare === compare ? "off" : compare);
}

function zoom(viewer: Viewer, factor: number): void {
  const { state } = viewer.store;
  if (state.image === null) return;
  const plane = state.active;
  const { width, height } = state.sizes[plane];
  const box = boxOf(plane, state, state.image);
  viewer.look(plane, zoomed(state.views[plane], factor, width / 2, height / 2, box, state.sizes[plane]));
}
