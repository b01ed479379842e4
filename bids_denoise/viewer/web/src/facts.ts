/** What is known of the noise, and what the denoising did to the quality. */

import { make, need, write } from "./dom";
import { difference, number } from "./format";
import type { Judgement, Noise } from "./messages";
import type { State, Store } from "./state";

/** Keep the facts in step with the image and the judgement. */
export function wireFacts(store: Store): void {
  store.on(["noise"], ({ noise }) => {
    need("noise-facts", HTMLElement).hidden = noise === null;
    need("noise-unknown", HTMLElement).hidden = noise !== null;
    if (noise !== null) describeNoise(noise);
  });
  store.on(["judgement", "settingsSerial", "settings"], describeQuality);
}

function describeNoise(noise: Noise): void {
  const trust = need("trust", HTMLElement);
  trust.className = `light ${noise.trusted ? "green" : "amber"}`;
  write(trust, noise.trusted ? "trusted" : "not trusted");
  write(need("sigma", HTMLElement), number(noise.sigma));
  write(need("law", HTMLElement), `${noise.law} law, by ${noise.method}`);
  const rows = noise.estimates.map(({ name, sigma }) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, name),
      make("td", { class: "n" }, number(sigma)),
      make("td", { class: "n" }, noise.sigma > 0 ? `${Math.round((100 * sigma) / noise.sigma)} %` : ""),
    ),
  );
  need("estimates", HTMLElement).replaceChildren(...rows);
  const remarks = noise.remarks.map((remark) => make("li", {}, remark));
  need("remarks", HTMLElement).replaceChildren(...remarks);
}

function describeQuality({ judgement, settingsSerial }: State): void {
  need("psnr", HTMLElement).classList.toggle("stale", (judgement?.serial ?? 0) < settingsSerial);
  const psnr = judgement?.psnr ?? null;
  write(need("psnr", HTMLElement), psnr === null ? unknown(judgement) : sentence(psnr));
  write(need("psnr-scope", HTMLElement), judgement === null ? "" : scope(judgement));
}

function unknown(judgement: Judgement | null): string {
  return judgement?.scope === "whole" ? "not known" : "not known yet";
}

function sentence({ before, after, gain, error }: NonNullable<Judgement["psnr"]>): string {
  const change = `${difference(gain, 1)} ± ${error.toFixed(1)}`;
  return `${before.toFixed(1)} → ${after.toFixed(1)} dB (${change})`;
}

function scope(judgement: Judgement): string {
  return judgement.scope === "whole" ? "of the whole image" : "of these planes";
}
