/** The state line: what the planes show, how far the server is, and what went wrong. */

import { need, write } from "./dom";
import type { Work } from "./messages";
import type { Keys, State } from "./state";
import type { Viewer } from "./viewer";

/** What the planes show, in one word. */
export type Phase = "loading" | "preview" | "exact" | "failed" | "lost";

const SENTENCES: Readonly<Record<Phase, string>> = {
  loading: "Working",
  preview: "Preview",
  exact: "Exact: what the app writes",
  failed: "Failed: the last good picture stays",
  lost: "Not connected",
};

/** What the phase depends on. */
export const PHASED: Keys = [
  "link",
  "opening",
  "work",
  "pending",
  "pictureSerial",
  "settingsSerial",
  "layers",
];

const STAGES: Readonly<Record<Work["state"], string>> = {
  waiting: "",
  preview: "denoising these planes",
  whole: "denoising the whole image",
  judging: "judging what was removed",
  done: "",
  failed: "",
};

/** The phase of a state. */
export function phaseOf(state: State): Phase {
  const { link, opening, work, pending, pictureSerial, settingsSerial, layers } = state;
  if (link === "lost") return "lost";
  if (opening !== "no") return opening === "failed" ? "failed" : "loading";
  if (work?.state === "failed" && work.serial >= settingsSerial && !pending) return "failed";
  const after = layers.get("after");
  const isNewest = after !== undefined && !pending && after.serial >= pictureSerial;
  return isNewest ? after.state : "loading";
}

/** Keep the state line, the banner of a lost connection and the alert in step. */
export function wireStatus(viewer: Viewer): void {
  const { store, session } = viewer;
  need("reconnect", HTMLButtonElement).addEventListener("click", () => session.connect());
  need("dismiss", HTMLButtonElement).addEventListener("click", () => store.set({ alert: "" }));
  store.on(["link"], ({ link }) => {
    need("lost", HTMLElement).hidden = link !== "lost";
  });
  store.on(["alert"], ({ alert }) => {
    need("alert", HTMLElement).hidden = alert === "";
    write(need("alert-text", HTMLElement), alert);
  });
  store.on([...PHASED, "seconds", "settings"], follow);
}

function follow(state: State): void {
  const phase = phaseOf(state);
  const pill = need("phase", HTMLElement);
  pill.className = `light ${phase}`;
  write(pill, SENTENCES[phase]);
  write(need("stage", HTMLElement), stageOf(state));
  followProgress(state);
}

function stageOf(state: State): string {
  const { seconds, work, settings } = state;
  const after = state.layers.get("after");
  const stages: string[] = [];
  if (settings.method === "auto" && after !== undefined) stages.push(`auto takes ${after.method}`);
  if (seconds !== null) stages.push(`last update ${seconds.toFixed(2)} s`);
  if (work !== null) stages.push(work.stage || STAGES[work.state]);
  return stages.filter(Boolean).join(", ");
}

function isWorking({ work }: State): boolean {
  return work !== null && !["waiting", "done", "failed"].includes(work.state);
}

function followProgress(state: State): void {
  const bar = need("progress", HTMLProgressElement);
  const { work } = state;
  bar.classList.toggle("idle", !isWorking(state));
  if (work === null || !isWorking(state) || work.total <= 0) {
    bar.removeAttribute("value");
    return;
  }
  bar.max = work.total;
  bar.value = work.done;
}
