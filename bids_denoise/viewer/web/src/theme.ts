/** Dark or light: as the system says, until a person chooses. */

import { need } from "./dom";

/** Wire the button that changes between dark and light. */
export function wireTheme(): void {
  const { dataset } = document.documentElement;
  need("theme", HTMLButtonElement).addEventListener("click", () => {
    const system = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    dataset.theme = (dataset.theme ?? system) === "dark" ? "light" : "dark";
  });
}
