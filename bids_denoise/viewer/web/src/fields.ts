/** One control for one parameter, made from its description. */

import { fill, isTypedIn, make } from "./dom";
import { words } from "./format";
import type { Parameter, Value } from "./messages";
import { makeSlider } from "./slider";

/** A control on the page. */
export interface Field {
  readonly element: HTMLElement;
  /** Show a value, unless a person is typing one. */
  show(value: Value): void;
}

type Change = (value: Value) => void;

/** Make the control of a parameter; `prefix` keeps its ids apart from those of others. */
export function makeField(parameter: Parameter, prefix: string, change: Change): Field {
  const id = `${prefix}-${parameter.name}`;
  if (parameter.kind === "bool") return makeCheckbox(parameter, id, change);
  if (parameter.kind === "str") {
    return parameter.choices.length > 0
      ? makeSelect(parameter, id, change)
      : makeText(parameter, id, change);
  }
  return makeNumber(parameter, id, change);
}

function frame(parameter: Parameter, id: string, ...inputs: readonly HTMLElement[]): HTMLElement {
  const unit = parameter.unit === "" ? [] : [make("span", { class: "unit" }, parameter.unit)];
  return make(
    "div",
    { class: "field" },
    make("label", { for: id }, words(parameter.name)),
    make("div", { class: "inputs" }, ...inputs, ...unit),
    make("small", { id: `${id}-help` }, parameter.help),
  );
}

function described(id: string): Record<string, string> {
  return { id, "aria-describedby": `${id}-help` };
}

function makeCheckbox(parameter: Parameter, id: string, change: Change): Field {
  const input = make("input", { ...described(id), type: "checkbox" });
  input.addEventListener("change", () => change(input.checked));
  const element = frame(parameter, id, input);
  element.classList.add("tick");
  return {
    element,
    show: (value) => {
      input.checked = value === true;
    },
  };
}

function makeSelect(parameter: Parameter, id: string, change: Change): Field {
  const options = parameter.choices.map((each) => make("option", { value: each }, each));
  const input = make("select", described(id), ...options);
  input.addEventListener("change", () => change(input.value));
  return { element: frame(parameter, id, input), show: (value) => fill(input, String(value)) };
}

function makeText(parameter: Parameter, id: string, change: Change): Field {
  const input = make("input", { ...described(id), type: "text", spellcheck: "false" });
  input.addEventListener("change", () => change(input.value));
  return { element: frame(parameter, id, input), show: (value) => fill(input, String(value)) };
}

function makeNumber(parameter: Parameter, id: string, change: Change): Field {
  const { minimum, maximum, kind } = parameter;
  const input = make("input", {
    ...described(id),
    type: "number",
    step: kind === "int" ? "1" : "any",
    ...(minimum === null ? {} : { min: String(minimum) }),
    ...(maximum === null ? {} : { max: String(maximum) }),
  });
  const slider = makeSlider(parameter, `${id}-help`, (value) => {
    input.value = String(value);
    change(value);
  });
  input.addEventListener("input", () => {
    if (input.value !== "" && input.validity.valid) change(input.valueAsNumber);
  });
  input.addEventListener("change", () => input.reportValidity());
  const inputs = slider === null ? [input] : [slider.element, input];
  return {
    element: frame(parameter, id, ...inputs),
    show: (value) => {
      if (!isTypedIn(input)) input.value = String(value);
      slider?.show(value);
    },
  };
}
