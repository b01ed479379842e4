/** The one state of the page, and who is told when a part of it changes. */

import type { Layer } from "./decode";
import { WHOLE, type Plane, type Size, type View } from "./geometry";
import type {
  Config,
  Curve,
  Hello,
  Image,
  Judgement,
  LayerName,
  Method,
  Noise,
  Settings,
  Three,
  Voxel,
  Work,
} from "./messages";

/** What the planes show: a layer of the server, or what was removed. */
export type Choice = LayerName | "removed";

/** How the chosen layer is held against the image before. */
export type Compare = "off" | "wipe" | "blink";

/** A range of values, shown from dark to bright. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Everything the page shows. Values are replaced, never changed in place. */
export interface State {
  readonly link: "connecting" | "open" | "lost";
  readonly hello: Hello | null;
  readonly image: Image | null;
  /** Whether another image is being opened, or could not be. */
  readonly opening: "no" | "yes" | "failed";
  /** The noise of the image, null until it is estimated. */
  readonly noise: Noise | null;
  /** The methods that can treat the image; none until its noise is estimated. */
  readonly methods: readonly Method[];
  readonly voxel: Voxel;
  readonly volume: number;
  readonly settings: Settings;
  readonly layers: ReadonlyMap<LayerName, Layer>;
  /** Upper ends of the colour maps, which only grow while one image is open. */
  readonly tops: ReadonlyMap<LayerName, number>;
  /** Serial of the last show. */
  readonly serial: number;
  /** Serial of the last show that asked for another picture. */
  readonly pictureSerial: number;
  /** Serial of the last show that asked for another way of denoising. */
  readonly settingsSerial: number;
  /** Whether a change waits to be sent. */
  readonly pending: boolean;
  /** Seconds from the last change of the picture to its paint. */
  readonly seconds: number | null;
  readonly work: Work | null;
  readonly judgement: Judgement | null;
  readonly curve: Curve | null;
  readonly config: Config | null;
  readonly alert: string;
  readonly choice: Choice;
  readonly compare: Compare;
  readonly wipe: number;
  /** Blink: whether the image before is on. */
  readonly blinked: boolean;
  readonly window: Range;
  /** Magnification of what was removed. */
  readonly gain: number;
  readonly smooth: boolean;
  readonly crosshair: boolean;
  readonly views: Three<View>;
  /** The plane that the keyboard moves in. */
  readonly active: Plane;
  /** Sizes of the canvases in CSS pixels. */
  readonly sizes: Three<Size>;
  readonly playing: boolean;
  readonly logarithmic: boolean;
  readonly shortcuts: boolean;
}

/** Some of the state's keys. */
export type Keys = readonly (keyof State)[];

const NOWHERE: Size = { width: 1, height: 1 };

/** What the page starts with. */
const START: State = {
  link: "connecting",
  hello: null,
  image: null,
  opening: "yes",
  noise: null,
  methods: [],
  voxel: [0, 0, 0],
  volume: 0,
  settings: { method: "auto", parameters: {}, strength: 1 },
  layers: new Map(),
  tops: new Map(),
  serial: 0,
  pictureSerial: 0,
  settingsSerial: 0,
  pending: false,
  seconds: null,
  work: null,
  judgement: null,
  curve: null,
  config: null,
  alert: "",
  choice: "after",
  compare: "off",
  wipe: 0.5,
  blinked: false,
  window: { low: 0, high: 1 },
  gain: 1,
  smooth: false,
  crosshair: true,
  views: [WHOLE, WHOLE, WHOLE],
  active: 2,
  sizes: [NOWHERE, NOWHERE, NOWHERE],
  playing: false,
  logarithmic: true,
  shortcuts: true,
};

/** Holds the state. Changes count at once; those who listen hear of them in the next frame. */
export class Store {
  private current: State = START;
  private readonly changed = new Set<keyof State>();
  private readonly listeners: { keys: Keys; run: (state: State) => void }[] = [];
  private scheduled = false;

  /** The state as it is now. */
  get state(): State {
    return this.current;
  }

  /** Change a part of the state. */
  set(patch: Partial<State>): void {
    for (const key of Object.keys(patch) as (keyof State)[]) {
      if (patch[key] !== this.current[key]) this.changed.add(key);
    }
    this.current = { ...this.current, ...patch };
    this.schedule();
  }

  /** Call `run` in each frame in which one of `keys` has changed. Those added first run first. */
  on(keys: Keys, run: (state: State) => void): void {
    this.listeners.push({ keys, run });
  }

  private schedule(): void {
    if (this.scheduled || this.changed.size === 0) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      const changed = new Set(this.changed);
      this.changed.clear();
      for (const { keys, run } of this.listeners) {
        if (keys.some((key) => changed.has(key))) run(this.current);
      }
    });
  }
}
