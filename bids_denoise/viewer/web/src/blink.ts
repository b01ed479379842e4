/** Blink: the image before and the chosen layer in turn. */

import { wantsStillness } from "./dom";
import type { Viewer } from "./viewer";

const BEAT = 700;
const CALM_BEAT = 1500;

/** Let the planes alternate as long as blink is chosen. */
export function wireBlink({ store }: Viewer): void {
  let timer: number | undefined;
  store.on(["compare"], ({ compare }) => {
    window.clearInterval(timer);
    if (compare !== "blink") return;
    const beat = wantsStillness() ? CALM_BEAT : BEAT;
    timer = window.setInterval(() => store.set({ blinked: !store.state.blinked }), beat);
  });
}
