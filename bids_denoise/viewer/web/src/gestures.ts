/** Mouse, pen and fingers on a plane, told as what they mean. Places are in CSS pixels of the plane. */

/** What gestures do. */
export interface Gestured {
  point(x: number, y: number): void;
  window(byX: number, byY: number): void;
  pan(byX: number, byY: number): void;
  zoom(factor: number, x: number, y: number): void;
  slice(by: number): void;
  whole(): void;
}

interface Spot {
  readonly x: number;
  readonly y: number;
}

type Mode = "point" | "window" | "pan" | "pinch";

/** Pixels of a wheel's turn that make one slice. */
const NOTCH = 50;
const LINE = 20;

/** Listens to one element. */
export class Gestures {
  private readonly spots = new Map<number, Spot>();
  private mode: Mode | null = null;
  private turned = 0;

  constructor(
    private readonly element: HTMLElement,
    private readonly does: Gestured,
  ) {
    element.addEventListener("pointerdown", (event) => this.down(event));
    element.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"] as const) {
      element.addEventListener(end, (event) => this.up(event));
    }
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    element.addEventListener("dblclick", () => this.does.whole());
    element.addEventListener("contextmenu", (event) => event.preventDefault());
    element.addEventListener("mousedown", (event) => {
      if (event.button === 1) event.preventDefault();
    });
  }

  private down(event: PointerEvent): void {
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    const spot = this.spotOf(event);
    this.spots.set(event.pointerId, spot);
    this.mode = this.spots.size > 1 ? "pinch" : modeOf(event);
    if (this.mode === "point") this.does.point(spot.x, spot.y);
  }

  private move(event: PointerEvent): void {
    const last = this.spots.get(event.pointerId);
    if (last === undefined) return;
    const spot = this.spotOf(event);
    if (this.mode === "pinch") this.pinch(event.pointerId, last, spot);
    else if (this.mode === "point") this.does.point(spot.x, spot.y);
    else if (this.mode === "window") this.does.window(spot.x - last.x, spot.y - last.y);
    else if (this.mode === "pan") this.does.pan(spot.x - last.x, spot.y - last.y);
    this.spots.set(event.pointerId, spot);
  }

  /** Each finger moves the picture by half of its own way, and grows it about the other finger. */
  private pinch(finger: number, last: Spot, spot: Spot): void {
    const other = [...this.spots].find(([id]) => id !== finger)?.[1];
    if (other === undefined) return;
    this.does.pan((spot.x - last.x) / 2, (spot.y - last.y) / 2);
    const factor = distance(spot, other) / Math.max(distance(last, other), 1);
    this.does.zoom(factor, (spot.x + other.x) / 2, (spot.y + other.y) / 2);
  }

  private up(event: PointerEvent): void {
    this.spots.delete(event.pointerId);
    this.mode = null;
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const way = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * LINE;
    if (event.ctrlKey) {
      const { x, y } = this.spotOf(event);
      this.does.zoom(Math.exp(-way / 150), x, y);
      return;
    }
    this.turned += way;
    const steps = Math.trunc(this.turned / NOTCH);
    this.turned -= steps * NOTCH;
    if (steps !== 0) this.does.slice(-steps);
  }

  private spotOf(event: MouseEvent): Spot {
    const { left, top } = this.element.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }
}

function modeOf(event: PointerEvent): Mode {
  if (event.button === 1) return "pan";
  return event.button === 2 || event.shiftKey ? "window" : "point";
}

function distance(one: Spot, other: Spot): number {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
