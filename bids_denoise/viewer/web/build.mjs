// Bundles the page into ../static; the same sources give the same bytes.
import { build } from "esbuild";
import { copyFile } from "node:fs/promises";

const banner = "/*! bids-denoise, Apache-2.0 */";
await build({
  absWorkingDir: import.meta.dirname,
  entryPoints: [
    { in: "src/main.ts", out: "viewer" },
    { in: "style.css", out: "viewer" },
  ],
  outdir: "../static",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "inline",
  banner: { js: banner, css: banner },
});
for (const name of ["index.html", "LICENSES.txt"]) {
  await copyFile(new URL(name, import.meta.url), new URL(`../static/${name}`, import.meta.url));
}
