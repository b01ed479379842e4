/** The bar between the image before, on its left, and the chosen layer, on its right. */

import { make } from "./dom";
import { ORIENTATIONS, type Plane } from "./geometry";
import type { Viewer } from "./viewer";

const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: -0.02,
  ArrowDown: -0.02,
  ArrowRight: 0.02,
  ArrowUp: 0.02,
  PageDown: -0.1,
  PageUp: 0.1,
  Home: -1,
  End: 1,
};

/** Make a plane's wipe bar; all bars move together. */
export function makeWipe(plane: Plane, viewer: Viewer): HTMLElement {
  const bar = make("div", {
    class: "wipe",
    role: "slider",
    tabindex: "0",
    "aria-label": `Wipe, ${ORIENTATIONS[plane].name.toLowerCase()}: share that shows the image before`,
    "aria-valuemin": "0",
    "aria-valuemax": "100",
  });
  bar.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    viewer.wipeTo(viewer.store.state.wipe + step);
  });
  drag(bar, viewer);
  viewer.store.on(["compare", "wipe", "sizes"], ({ compare, wipe, sizes }) => {
    bar.hidden = compare !== "wipe";
    bar.style.transform = `translateX(${Math.round(wipe * sizes[plane].width)}px)`;
    bar.setAttribute("aria-valuenow", String(Math.round(100 * wipe)));
    bar.setAttribute("aria-valuetext", `${Math.round(100 * wipe)} %`);
  });
  bar.hidden = true;
  return bar;
}

function drag(bar: HTMLElement, viewer: Viewer): void {
  bar.addEventListener("pointerdown", (event) => {
    event.stopPropagation();
    bar.setPointerCapture(event.pointerId);
  });
  bar.addEventListener("pointermove", (event) => {
    const film = bar.parentElement;
    if (film === null || !bar.hasPointerCapture(event.pointerId)) return;
    event.stopPropagation();
    const { left, width } = film.getBoundingClientRect();
    viewer.wipeTo((event.clientX - left) / width);
  });
}
