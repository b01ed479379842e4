/** The controls of the denoising: the method, its parameters, and what all methods share. */

import { fill, make, need, write } from "./dom";
import { makeField, type Field } from "./fields";
import { number, tick } from "./format";
import type { Method, Noise, Parameter, Value } from "./messages";
import type { State } from "./state";
import type { Viewer } from "./viewer";

const STRENGTH = "strength";

/** Makes the controls from what the server describes, and keeps them in step. */
export class Denoising {
  private readonly method = need("method", HTMLSelectElement);
  private readonly why = need("method-why", HTMLElement);
  private readonly parameters = need("parameters", HTMLElement);
  private readonly common = need("common", HTMLElement);
  private readonly level = make("small");
  private readonly fields = new Map<string, Field>();
  private readonly shared = new Map<string, Field>();

  constructor(private readonly viewer: Viewer) {
    const { store } = viewer;
    this.method.addEventListener("change", () => viewer.useMethod(this.method.value));
    need("reset", HTMLButtonElement).addEventListener("click", () => viewer.reset());
    store.on(["hello"], () => this.makeShared());
    store.on(["methods"], (state) => this.listMethods(state));
    let made = "";
    store.on(["settings", "hello", "noise", "methods"], (state) => {
      if (state.settings.method !== made) this.makeParameters();
      made = state.settings.method;
      this.follow(state);
    });
  }

  private listMethods({ methods, settings }: State): void {
    const current: readonly Method[] = [{ name: settings.method, why: "" }];
    const options = (methods.length > 0 ? methods : current).map(({ name, why }) => {
      const takes = /^takes ([\w-]+)/.exec(why)?.[0];
      return make("option", { value: name }, takes === undefined ? name : `${name} (${takes})`);
    });
    this.method.replaceChildren(...options);
  }

  private makeParameters(): void {
    const facts = this.viewer.denoiser();
    this.fields.clear();
    for (const each of facts?.parameters ?? []) {
      const change = (value: Value): void => this.viewer.setParameter(each.name, value);
      this.fields.set(each.name, this.fieldOf(each, "method", change));
    }
    this.parameters.replaceChildren(...[...this.fields.values()].map(({ element }) => element));
  }

  private makeShared(): void {
    this.shared.clear();
    for (const each of this.viewer.store.state.hello?.common ?? []) {
      const change = (value: Value): void => {
        if (each.name === STRENGTH) this.viewer.setStrength(Number(value));
        else this.viewer.setShared(each.name, value);
      };
      const field = this.fieldOf(each, "common", change);
      if (scalesSigma(each)) field.element.append(this.level);
      this.shared.set(each.name, field);
    }
    this.common.replaceChildren(...[...this.shared.values()].map(({ element }) => element));
  }

  private fieldOf(parameter: Parameter, prefix: string, change: (value: Value) => void): Field {
    const field = makeField(parameter, prefix, change);
    field.show(parameter.default);
    return field;
  }

  private follow({ settings, methods, noise, hello }: State): void {
    const facts = hello?.denoisers.find(({ name }) => name === settings.method);
    const why = methods.find(({ name }) => name === settings.method)?.why;
    fill(this.method, settings.method);
    write(this.why, [...new Set([why, facts?.summary])].filter(Boolean).join(". "));
    for (const each of facts?.parameters ?? []) {
      this.fields.get(each.name)?.show(settings.parameters[each.name] ?? each.default);
    }
    for (const each of hello?.common ?? []) {
      const value = settings[each.name] as Value | undefined;
      this.shared.get(each.name)?.show(value ?? each.default);
      if (noise !== null && scalesSigma(each)) this.followSigma(Number(value ?? 1), noise);
    }
  }

  private followSigma(scale: number, noise: Noise): void {
    const caution = noise.share === 1 ? "" : ` × ${tick(noise.share)} (it is not trusted)`;
    const used = number(scale * noise.share * noise.sigma);
    write(this.level, `Sigma used: ${tick(scale)} × ${number(noise.sigma)}${caution} = ${used}`);
  }
}

/** Of what all methods share, what is not the strength multiplies sigma. */
function scalesSigma({ name }: Parameter): boolean {
  return name !== STRENGTH;
}
