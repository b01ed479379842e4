/** Paints the state frame after frame, no more planes at once than a frame can bear. */

import type { Pane } from "./pane";
import type { Screen } from "./screen";
import type { Keys, State, Store } from "./state";

/** What a paint depends on. */
const PAINTED: Keys = [
  "image",
  "noise",
  "voxel",
  "settings",
  "layers",
  "tops",
  "choice",
  "compare",
  "wipe",
  "blinked",
  "window",
  "gain",
  "smooth",
  "crosshair",
  "views",
  "sizes",
];

/** Milliseconds of a frame that painting may take. */
const BUDGET = 14;

/** Keeps the planes in step with the state; where WebGL runs in software, one plane a frame. */
export class Painting {
  private next: number | undefined;
  private most = 1;
  private whole = true;

  /** @param done is called after a state is on the screen in all planes. */
  constructor(
    private readonly store: Store,
    private readonly screen: Screen,
    private readonly panes: readonly Pane[],
    private readonly done: (state: State) => void,
  ) {
    store.on(PAINTED, () => this.paint());
  }

  /** Whether all planes show the state as it was when it was painted last. */
  get isWhole(): boolean {
    return this.whole;
  }

  private paint(): void {
    if (this.next !== undefined) cancelAnimationFrame(this.next);
    this.next = undefined;
    const { state } = this.store;
    const began = performance.now();
    for (const pane of this.panes) pane.follow(state);
    const { painted, left } = this.screen.paint(state, this.most);
    this.whole = left === 0;
    if (!this.whole) this.next = requestAnimationFrame(() => this.paint());
    window.setTimeout(() => this.measure(performance.now() - began, painted, state));
  }

  /** The time goes up to the end of the frame, so that it holds what the browser adds to a paint. */
  private measure(spent: number, painted: number, state: State): void {
    if (painted > 0) this.most = Math.max(1, Math.floor((BUDGET * painted) / spent));
    if (this.whole) this.done(state);
  }
}

/** Wait for the next frame. */
export async function nextFrame(): Promise<void> {
  await new Promise(requestAnimationFrame);
}
