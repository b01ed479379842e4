/** How long a change takes until it is painted. */

/** When a change was made or sent, and when it was painted, by `performance.now()`. */
export interface Mark {
  readonly serial: number;
  readonly kind: "show" | "strength";
  readonly sent: number;
  painted: number | null;
}

const KEPT = 200;

/** The marks of the last shows and strength moves. */
export class Marks {
  readonly list: Mark[] = [];

  /** Note a change that now begins. */
  begin(kind: Mark["kind"], serial: number): void {
    this.list.push({ serial, kind, sent: performance.now(), painted: null });
    if (this.list.length > KEPT) this.list.shift();
  }

  /**
   * Note a paint that shows the denoised layer of `serial`.
   *
   * @returns the seconds that the newest show it answers took, if it answers one.
   */
  painted(serial: number): number | null {
    const now = performance.now();
    let seconds: number | null = null;
    for (const mark of this.list) {
      if (mark.painted !== null) continue;
      if (mark.kind === "show" && mark.serial > serial) continue;
      mark.painted = now;
      if (mark.kind === "show") seconds = (now - mark.sent) / 1000;
    }
    return seconds;
  }
}
