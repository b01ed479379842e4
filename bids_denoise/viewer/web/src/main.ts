/** The page: wires the modules, and paints at most once a frame. */

import { wireBlink } from "./blink";
import { Denoising } from "./denoising";
import { wireDialogs } from "./dialogs";
import { wireDisplay } from "./display";
import { make, need, write } from "./dom";
import { wireFacts } from "./facts";
import { PLANES } from "./geometry";
import { wireKeyboard } from "./keyboard";
import { nextFrame, Painting } from "./painting";
import { Pane } from "./pane";
import { exposeProbe } from "./probe";
import { wireReadout } from "./readout";
import { savePicture } from "./save";
import { Screen } from "./screen";
import { wireCharts } from "./series";
import type { State } from "./state";
import { PHASED, phaseOf, wireStatus } from "./status";
import { wireTheme } from "./theme";
import { Viewer } from "./viewer";

async function start(): Promise<void> {
  const viewer = new Viewer();
  const panes = [new Pane(0, viewer), new Pane(1, viewer), new Pane(2, viewer)] as const;
  need("planes", HTMLElement).prepend(...panes.map(({ element }) => element));
  await nextFrame();
  const screen = makeScreen(viewer, panes);
  wireTheme();
  wireTop(viewer, screen);
  wireDisplay(viewer);
  new Denoising(viewer);
  wireFacts(viewer.store);
  wireReadout(viewer.store);
  wireCharts(viewer);
  wireStatus(viewer);
  wireBlink(viewer);
  wireKeyboard(viewer);
  wireDialogs(viewer);
  await warmUp(viewer, screen);
  wirePaint(viewer, screen, panes);
  exposeProbe(viewer, screen);
  viewer.session.connect();
}

function makeScreen({ store }: Viewer, [sagittal, coronal, axial]: readonly [Pane, Pane, Pane]): Screen {
  const canvasOnly = new URLSearchParams(location.search).get("renderer") === "canvas";
  const canvases = [sagittal.canvas, coronal.canvas, axial.canvas] as const;
  const screen = new Screen(canvases, canvasOnly, () => store.set({ views: [...store.state.views] }));
  const said = screen.kind === "canvas" ? "Painted without WebGL2." : "";
  write(need("renderer", HTMLElement), said);
  return screen;
}

/** Prepare and paint each empty film in frames of their own: the first paints take long. */
async function warmUp({ store }: Viewer, screen: Screen): Promise<void> {
  for (const plane of PLANES) {
    await nextFrame();
    screen.prepare(plane);
    await nextFrame();
    screen.paint(store.state, 1);
  }
}

function wireTop(viewer: Viewer, screen: Screen): void {
  const { store } = viewer;
  const scans = need("scan", HTMLSelectElement);
  scans.addEventListener("change", () => viewer.open(Number(scans.value)));
  need("save", HTMLButtonElement).addEventListener("click", () => {
    void savePicture(screen, store.state);
  });
  store.on(["hello"], ({ hello }) => {
    const options = hello?.scans.map(({ id, title }) => make("option", { value: String(id) }, title));
    scans.replaceChildren(...(options ?? []));
    need("scan-part", HTMLElement).hidden = (hello?.scans.length ?? 0) < 2;
  });
  store.on(["image", "hello"], ({ image }) => {
    if (image === null) return;
    scans.value = String(image.scan);
    write(need("name", HTMLElement), image.name);
    document.title = `${image.name.split("/").at(-1)} · bids-denoise`;
  });
}

function wirePaint({ store, marks }: Viewer, screen: Screen, panes: readonly Pane[]): void {
  const tell = (state: State): void => {
    document.documentElement.dataset.state = phaseOf(state);
  };
  const painting = new Painting(store, screen, panes, (state) => {
    const seconds = marks.painted(state.layers.get("after")?.serial ?? 0);
    if (seconds !== null) store.set({ seconds });
    tell(state);
  });
  store.on(PHASED, (state) => {
    window.setTimeout(() => {
      if (painting.isWhole) tell(state);
    });
  });
}

void start();
