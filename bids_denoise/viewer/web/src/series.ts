/** The fourth cell: the histogram, and for a series its time course and volumes. */

import { curveChart, histogramChart, volumeAt } from "./charts";
import { need, wantsStillness, write } from "./dom";
import { number } from "./format";
import type { Size } from "./geometry";
import type { Curve } from "./messages";
import type { Viewer } from "./viewer";

const BEAT = 150;
const CALM_BEAT = 600;

/** Wire the charts and the controls of the volumes. */
export function wireCharts(viewer: Viewer): void {
  wireHistogram(viewer);
  wireVolumes(viewer);
  wireCurve(viewer);
}

function wireHistogram({ store }: Viewer): void {
  const box = need("logarithmic", HTMLInputElement);
  box.checked = store.state.logarithmic;
  box.addEventListener("change", () => store.set({ logarithmic: box.checked }));
  const place = need("histogram", HTMLElement);
  const redraw = fitted(place, (size) => {
    const { judgement, logarithmic } = store.state;
    const histogram = judgement?.histogram ?? null;
    return histogram && histogramChart(histogram, logarithmic, size);
  });
  store.on(["judgement", "logarithmic"], ({ judgement }) => {
    redraw();
    const ratio = judgement?.std_ratio ?? null;
    const said = ratio === null ? "" : `Standard deviation ${ratio.toFixed(2)} of the model's.`;
    write(need("ratio", HTMLElement), said);
  });
}

/** Draw a chart in the size of its place, again when that changes; returns what redraws it. */
function fitted(place: HTMLElement, chart: (size: Size) => SVGElement | null): () => void {
  const redraw = (): void => {
    const size = { width: place.clientWidth, height: place.clientHeight };
    const drawn = size.width > 0 ? chart(size) : null;
    place.replaceChildren(...(drawn === null ? [] : [drawn]));
  };
  new ResizeObserver(redraw).observe(place);
  return redraw;
}

function wireVolumes(viewer: Viewer): void {
  const { store } = viewer;
  const slider = need("volume", HTMLInputElement);
  const play = need("play", HTMLButtonElement);
  let timer: number | undefined;
  slider.addEventListener("input", () => viewer.showVolume(slider.valueAsNumber));
  play.addEventListener("click", () => store.set({ playing: !store.state.playing }));
  store.on(["image", "volume"], ({ image, volume }) => {
    const volumes = image?.volumes ?? 1;
    need("series", HTMLElement).hidden = volumes < 2;
    slider.max = String(volumes - 1);
    slider.value = String(volume);
    write(need("volume-shown", HTMLElement), `${volume} of ${volumes}`);
  });
  store.on(["playing"], ({ playing }) => {
    write(play, playing ? "Pause" : "Play");
    window.clearInterval(timer);
    if (playing) timer = window.setInterval(() => next(viewer), wantsStillness() ? CALM_BEAT : BEAT);
  });
}

function next(viewer: Viewer): void {
  const { image, volume, pending, link } = viewer.store.state;
  if (image !== null && !pending && link === "open") viewer.showVolume((volume + 1) % image.volumes);
}

function wireCurve(viewer: Viewer): void {
  const { store } = viewer;
  const place = need("curve", HTMLElement);
  place.addEventListener("click", (event) => {
    const { left, width } = place.getBoundingClientRect();
    const { image } = store.state;
    if (image !== null) viewer.showVolume(volumeAt(event.clientX - left, width, image.volumes));
  });
  const redraw = fitted(place, (size) => {
    const { curve, settings, volume, image } = store.state;
    return curve && curveChart(curve, settings.strength, volume, image?.tr ?? null, size);
  });
  store.on(["curve", "settings", "volume"], ({ curve }) => {
    redraw();
    write(need("tsnr", HTMLElement), curve === null ? "" : tsnrOf(curve));
  });
}

function tsnrOf({ tsnr_before: before, tsnr_after: after }: Curve): string {
  if (before === null) return "";
  return after === null ? `tSNR ${number(before)}` : `tSNR ${number(before)} → ${number(after)}`;
}
