/** The dialogs: apply the settings to the dataset, and the keys. */

import { download, make, need, write } from "./dom";
import { KEYS } from "./keyboard";
import type { Viewer } from "./viewer";

/** Wire both dialogs. */
export function wireDialogs(viewer: Viewer): void {
  wireApply(viewer);
  wireHelp(viewer);
  for (const button of document.querySelectorAll("dialog .close")) {
    button.addEventListener("click", () => button.closest("dialog")?.close());
  }
}

function wireApply({ store, session }: Viewer): void {
  const dialog = need("apply-dialog", HTMLDialogElement);
  need("apply", HTMLButtonElement).addEventListener("click", () => {
    store.set({ config: null });
    session.askConfig();
  });
  store.on(["config"], ({ config }) => {
    if (config === null) return;
    write(need("toml", HTMLElement), config.toml);
    write(need("command", HTMLElement), config.command);
    write(need("flags", HTMLElement), config.flags);
    need("flags-part", HTMLElement).hidden = config.flags === "";
    write(need("copied", HTMLElement), "");
    if (!dialog.open) dialog.showModal();
  });
  for (const id of ["toml", "command", "flags"]) {
    need(`copy-${id}`, HTMLButtonElement).addEventListener("click", () => void copy(id));
  }
  need("download", HTMLButtonElement).addEventListener("click", () => {
    const toml = store.state.config?.toml ?? "";
    download("bids-denoise.toml", new Blob([toml], { type: "application/toml" }));
  });
}

async function copy(id: string): Promise<void> {
  const source = need(id, HTMLElement);
  const said = need("copied", HTMLElement);
  try {
    await navigator.clipboard.writeText(source.textContent ?? "");
    write(said, "Copied.");
  } catch {
    window.getSelection()?.selectAllChildren(source);
    write(said, "The browser does not let the page copy. The text is selected: press Ctrl+C.");
  }
}

function wireHelp({ store }: Viewer): void {
  const dialog = need("help-dialog", HTMLDialogElement);
  const rows = KEYS.map(({ keys, does }) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, ...keys.map((key) => make("kbd", {}, key))),
      make("td", {}, does),
    ),
  );
  need("key-list", HTMLElement).append(...rows);
  need("help", HTMLButtonElement).addEventListener("click", () => dialog.showModal());
  const box = need("shortcuts", HTMLInputElement);
  box.checked = store.state.shortcuts;
  box.addEventListener("change", () => store.set({ shortcuts: box.checked }));
}
