/** The names of the layers, as the page writes them. */

import type { Choice } from "./state";

/** What each layer is called. */
export const TITLES: Readonly<Record<Choice, string>> = {
  before: "Before",
  after: "After",
  removed: "Removed",
  sigma: "Sigma",
  uncertainty: "Uncertainty",
  tsnr_before: "tSNR before",
  tsnr_after: "tSNR after",
};
