/** What a person can do: every control and gesture ends in one of these actions. */

import { clamp, moved, WHOLE, type Axis, type Plane, type View } from "./geometry";
import { Marks } from "./marks";
import type { DenoiserFacts, Three, Value, Values, Voxel } from "./messages";
import { Session } from "./session";
import { Store, type Choice, type Compare, type Range } from "./state";

const ALWAYS_THERE: readonly Choice[] = ["before", "after", "removed"];

/** The page's actions, on one store and one session. */
export class Viewer {
  readonly store = new Store();
  readonly marks = new Marks();
  readonly session = new Session(this.store, this.marks);
  /** Parameters by method, so that a method keeps them while another one is tried. */
  private readonly kept = new Map<string, Values>();

  /** Open another image of the dataset. */
  open(scan: number): void {
    this.kept.clear();
    this.session.open(scan);
  }

  /** Move the crosshair. */
  moveTo(voxel: Voxel): void {
    const before = this.store.state.voxel;
    if (voxel.every((index, axis) => index === before[axis])) return;
    this.store.set({ voxel });
    this.session.ask("place");
  }

  /** Move the crosshair along one axis. */
  step(axis: Axis, by: number): void {
    const { image, voxel } = this.store.state;
    if (image !== null) this.moveTo(moved(voxel, axis, voxel[axis] + by, image.shape));
  }

  /** Show another volume of a series. */
  showVolume(volume: number): void {
    const { image, volume: before } = this.store.state;
    const next = clamp(Math.round(volume), 0, (image?.volumes ?? 1) - 1);
    if (next === before) return;
    this.store.set({ volume: next });
    this.session.ask("place");
  }

  /** Denoise by another method, with the parameters it had last. */
  useMethod(method: string): void {
    const { settings, choice } = this.store.state;
    this.kept.set(settings.method, settings.parameters);
    const parameters = this.kept.get(method) ?? {};
    this.store.set({
      settings: { ...settings, method, parameters },
      choice: choice === "uncertainty" ? "after" : choice,
    });
    this.session.drop("uncertainty");
    this.session.ask("settings");
  }

  /** Change one parameter of the method; a default is not kept. */
  setParameter(name: string, value: Value): void {
    const { settings } = this.store.state;
    const facts = this.denoiser()?.parameters.find((each) => each.name === name);
    const parameters: Record<string, Value> = { ...settings.parameters, [name]: value };
    if (value === facts?.default) delete parameters[name];
    this.store.set({ settings: { ...settings, parameters } });
    this.session.ask("settings");
  }

  /** Change the share of the noise that is taken away: painted at once, judged at rest. */
  setStrength(strength: number): void {
    const { settings, serial } = this.store.state;
    this.store.set({ settings: { ...settings, strength } });
    this.marks.begin("strength", serial);
    this.session.ask("strength");
  }

  /** Change another setting that all methods share. */
  setShared(name: string, value: Value): void {
    const { settings } = this.store.state;
    this.store.set({ settings: { ...settings, [name]: value } });
    this.session.ask("settings");
  }

  /** Take back every change of the denoising. */
  reset(): void {
    const { image } = this.store.state;
    if (image === null) return;
    this.kept.clear();
    this.store.set({ settings: image.settings });
    this.session.drop("uncertainty");
    this.session.ask("settings");
  }

  /** The chosen method's facts; none for `auto`. */
  denoiser(): DenoiserFacts | undefined {
    const { hello, settings } = this.store.state;
    return hello?.denoisers.find((each) => each.name === settings.method);
  }

  /** Show another layer. */
  choose(choice: Choice): void {
    this.store.set({ choice });
    if (!ALWAYS_THERE.includes(choice)) this.session.ask("layers");
  }

  /** Hold the chosen layer against the image before, or stop to. */
  compare(compare: Compare): void {
    this.store.set({ compare, blinked: false });
  }

  /** Move the wipe bar, by the share of a plane's width. */
  wipeTo(share: number): void {
    this.store.set({ wipe: clamp(share, 0, 1) });
  }

  /** Change the window; it never closes. */
  setWindow({ low, high }: Range): void {
    if (Number.isFinite(low) && high > low) this.store.set({ window: { low, high } });
  }

  /** Set the window that the server proposed. */
  resetWindow(): void {
    const { image } = this.store.state;
    if (image !== null) this.setWindow({ low: image.window[0], high: image.window[1] });
  }

  /** Move the window's middle by a level and scale its width. */
  changeWindow(level: number, factor: number): void {
    const { low, high } = this.store.state.window;
    const middle = (low + high) / 2 + level;
    const half = ((high - low) / 2) * factor;
    this.setWindow({ low: middle - half, high: middle + half });
  }

  /** Change what of a plane is seen. */
  look(plane: Plane, view: View): void {
    const [sagittal, coronal, axial] = this.store.state.views;
    const views: [View, View, View] = [sagittal, coronal, axial];
    views[plane] = view;
    this.store.set({ views: views satisfies Three<View> });
  }

  /** Show the whole plane. */
  lookAtAll(plane: Plane): void {
    this.look(plane, WHOLE);
  }
}
