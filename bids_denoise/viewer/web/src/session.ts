/** The dialogue with the server: opens images, asks for pictures, takes in what comes. */

import { Connection } from "./connection";
import type { Layer } from "./decode";
import { WHOLE } from "./geometry";
import { LayerBook, topOf } from "./layers";
import type { Marks } from "./marks";
import type { Hello, Image, Judgement, LayerName, NoiseMessage, ServerMessage, Work } from "./messages";
import { Shows, type Cause } from "./shows";
import type { State, Store } from "./state";

/** One session with one server; it lives on when the connection is opened again. */
export class Session {
  private readonly connection = new Connection({
    message: (message) => this.hear(message),
    layer: (layer) => this.take(layer),
    closed: () => this.store.set({ link: "lost" }),
  });
  private readonly book = new LayerBook((layers) => this.store.set({ layers }));
  private readonly shows = new Shows((causes) => this.show(causes));
  /** First serial of the image that is open: what is older belongs to another. */
  private first = 1;
  private resumes = false;

  constructor(
    private readonly store: Store,
    private readonly marks: Marks,
  ) {}

  /** Open the connection, or open it again at the same image, place and settings. */
  connect(): void {
    this.resumes = this.store.state.image !== null;
    this.store.set({ link: "connecting" });
    this.connection.connect();
  }

  /** Open another image. */
  open(scan: number): void {
    this.shows.clear();
    this.store.set({ opening: "yes" });
    this.connection.send({ type: "open", scan });
  }

  /** Ask for a picture of the changed state. */
  ask(cause: Cause): void {
    if (this.store.state.opening !== "no") return;
    if (cause === "place" || cause === "settings") this.store.set({ pending: true });
    this.shows.request(cause);
  }

  /** Ask for the settings as the command line takes them. */
  askConfig(): void {
    this.connection.send({ type: "config", settings: this.store.state.settings });
  }

  /** Forget a layer that the chosen method may not have. */
  drop(name: LayerName): void {
    this.book.drop(name);
  }

  private show(causes: ReadonlySet<Cause>): number {
    const { voxel, volume, settings, ...state } = this.store.state;
    const serial = state.serial + 1;
    const differs = causes.has("place") || causes.has("settings");
    this.store.set({
      serial,
      pending: false,
      pictureSerial: differs ? serial : state.pictureSerial,
      settingsSerial: causes.has("settings") ? serial : state.settingsSerial,
    });
    this.marks.begin("show", serial);
    const layers = wanted(this.store.state);
    this.connection.send({ type: "show", serial, voxel, volume, settings, layers });
    return serial;
  }

  private hear(message: ServerMessage): void {
    switch (message.type) {
      case "hello":
        return this.greet(message);
      case "image":
        return this.begin(message);
      case "noise":
        return this.know(message);
      case "work":
        return this.progress(message);
      case "judgement":
        return this.judge(message);
      case "curve":
        return this.store.set({ curve: message });
      case "config":
        return this.store.set({ config: message });
      case "error":
        return this.fail(message.reason);
    }
  }

  private greet(hello: Hello): void {
    const scan = this.store.state.image?.scan ?? (hello.scans.length > 0 ? hello.first : undefined);
    this.store.set({ hello, link: "open", alert: "" });
    if (scan !== undefined) this.open(scan);
  }

  private begin(image: Image): void {
    const { state } = this.store;
    const same = this.resumes && state.image?.name === image.name;
    this.resumes = false;
    this.shows.clear();
    this.book.clear();
    this.first = state.serial + 1;
    this.store.set({ image, opening: "no", ...(same ? {} : freshly(image)) });
    this.ask("settings");
  }

  private know({ scan, noise, methods }: NoiseMessage): void {
    if (scan === this.store.state.image?.scan) this.store.set({ noise, methods });
  }

  private fail(reason: string): void {
    const { opening } = this.store.state;
    this.store.set({ alert: reason, opening: opening === "yes" ? "failed" : opening });
  }

  private judge(judgement: Judgement): void {
    if (judgement.serial >= this.store.state.settingsSerial) this.store.set({ judgement });
  }

  private progress(work: Work): void {
    if (work.serial < this.store.state.settingsSerial) return;
    const failed = work.state === "failed";
    this.store.set(failed ? { work, alert: work.reason } : { work });
    if (failed) this.shows.answered(work.serial);
  }

  private take(layer: Layer): void {
    if (layer.serial < this.first) return;
    const { tops, settingsSerial } = this.store.state;
    if (layer.name !== "before" && layer.name !== "after") {
      const top = Math.max(topOf(layer), tops.get(layer.name) ?? 0);
      this.store.set({ tops: new Map(tops).set(layer.name, top) });
    }
    this.book.accept(layer);
    if (layer.name !== "after") return;
    this.shows.answered(layer.serial);
    if (layer.serial >= settingsSerial) this.store.set({ alert: "" });
  }
}

/** The layers that are wanted: before and after, the chosen map, and the map only some methods have. */
function wanted({ choice }: State): readonly LayerName[] {
  const names = new Set<LayerName>(["before", "after", "uncertainty"]);
  if (choice !== "removed") names.add(choice);
  return [...names];
}

function freshly(image: Image): Partial<State> {
  const [low, high] = image.window;
  return {
    noise: null,
    methods: [],
    voxel: image.voxel,
    volume: 0,
    settings: image.settings,
    window: { low, high },
    views: [WHOLE, WHOLE, WHOLE],
    tops: new Map(),
    choice: "after",
    work: null,
    judgement: null,
    curve: null,
    alert: "",
    seconds: null,
    playing: false,
  };
}
