/** When the page asks for another picture: at once, held back while one is on its way, or at rest. */

/** Why a picture is asked for. */
export type Cause = "place" | "settings" | "strength" | "layers";

/** Milliseconds a move waits for the answer to the last one. */
const ANSWER = 150;
/** Milliseconds between two changes of the settings. */
const BEAT = 33;
/** Milliseconds of rest after which a new strength is sent. */
const REST = 250;

/** Decides when a `show` is sent; only the newest state ever is. */
export class Shows {
  private readonly causes = new Set<Cause>();
  private awaited: number | null = null;
  private sentAt = Number.NEGATIVE_INFINITY;
  private soon: number | undefined;
  private rest: number | undefined;

  /** @param transmit sends the state as it is and returns the serial of the show. */
  constructor(private readonly transmit: (causes: ReadonlySet<Cause>) => number) {}

  /** Ask for a picture of the state as it will be when it is sent. */
  request(cause: Cause): void {
    this.causes.add(cause);
    if (cause === "strength") {
      window.clearTimeout(this.rest);
      this.rest = window.setTimeout(() => this.send(), REST);
      return;
    }
    const held = cause === "place" ? (this.awaited === null ? 0 : ANSWER) : BEAT;
    this.sendIn(this.sentAt + held - performance.now(), cause !== "place");
  }

  /** A picture has come for a show, or will never come. */
  answered(serial: number): void {
    if (this.awaited === null || serial < this.awaited) return;
    this.awaited = null;
    if (this.soon !== undefined) this.send();
  }

  /** Forget what was to be sent: another image or another connection begins. */
  clear(): void {
    this.stop();
    this.causes.clear();
    this.awaited = null;
  }

  private sendIn(delay: number, sooner: boolean): void {
    if (delay <= 0) this.send();
    else if (this.soon === undefined || sooner) {
      window.clearTimeout(this.soon);
      this.soon = window.setTimeout(() => this.send(), delay);
    }
  }

  private send(): void {
    this.stop();
    const causes = new Set(this.causes);
    this.causes.clear();
    this.sentAt = performance.now();
    const serial = this.transmit(causes);
    if (causes.has("place") || causes.has("settings")) this.awaited = serial;
  }

  private stop(): void {
    window.clearTimeout(this.soon);
    window.clearTimeout(this.rest);
    this.soon = undefined;
    this.rest = undefined;
  }
}
