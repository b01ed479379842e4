/** The slider of a number that has both bounds: in even steps, or by factors where it spans many. */

import { make } from "./dom";
import { tick, words } from "./format";
import type { Field } from "./fields";
import type { Parameter } from "./messages";

/** A range of more whole numbers than this gets no slider. */
const MOST_STEPS = 10_000;
/** From this ratio of the bounds on, a slider goes by factors. */
const WIDE = 50;
/** Steps of a slider that goes by factors, for each factor of 10. */
const FINENESS = 50;

interface Bounds {
  readonly minimum: number;
  readonly maximum: number;
}

/** Make the slider of a parameter, or null where it needs bounds that are not there. */
export function makeSlider(
  parameter: Parameter,
  description: string,
  change: (value: number) => void,
): Field | null {
  const { minimum, maximum, kind, name } = parameter;
  if (minimum === null || maximum === null || maximum <= minimum) return null;
  if (kind === "int" && maximum - minimum > MOST_STEPS) return null;
  const byFactors = kind === "float" && minimum > 0 && maximum / minimum >= WIDE;
  const place = (value: number): number => (byFactors ? FINENESS * Math.log10(value) : value);
  const valueAt = (at: number): number => (byFactors ? Number((10 ** (at / FINENESS)).toPrecision(3)) : at);
  const element = make("input", {
    type: "range",
    min: String(place(minimum)),
    max: String(place(maximum)),
    step: String(kind === "int" || byFactors ? 1 : stepOf({ minimum, maximum }, Number(parameter.default))),
    "aria-label": `${words(name)}, slider`,
    "aria-describedby": description,
    title: `${tick(minimum)} to ${tick(maximum)}`,
  });
  const show = (value: unknown): void => {
    element.value = String(place(Number(value)));
    element.setAttribute("aria-valuetext", String(value));
  };
  element.addEventListener("input", () => change(valueAt(element.valueAsNumber)));
  return { element, show };
}

/** A round step of at most a hundredth of the range, such that the slider meets the default. */
function stepOf({ minimum, maximum }: Bounds, start: number): number {
  const most = (maximum - minimum) / 100;
  const power = 10 ** Math.floor(Math.log10(most));
  const meets = (step: number): boolean =>
    [start, maximum].every((value) => {
      const steps = (value - minimum) / step;
      return Math.abs(steps - Math.round(steps)) < 1e-6;
    });
  const steps = [5, 2, 1, 0.5, 0.2, 0.1].map((each) => each * power);
  return steps.find((step) => step <= most * 1.001 && meets(step)) ?? power / 10;
}
