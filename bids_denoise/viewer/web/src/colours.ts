/** The colour of the film, and the perceptually ordered colours of the maps. */

/** The colour around the pictures. */
export const FILM: readonly [number, number, number] = [14, 17, 22];

/** Viridis, by Stéfan van der Walt and Nathaniel Smith (CC0), at 33 even steps. */
const VIRIDIS =
  "440154470d6048186a482374472d7b4537814240863e49893b528b375b8d33638d" +
  "2f6b8e2c728e297a8e26828e23898e21918c1f988b1fa08822a78528ae8032b67a" +
  "3fbc734ec36b5ec96270cf5784d44b98d83eaddc30c2df23d8e219ece51bfde725";

const STEPS = VIRIDIS.length / 6 - 1;

/** Number of entries of the table. */
export const ENTRIES = 256;

/** Colours as RGBA bytes, dark to bright. */
export type Table = Uint8ClampedArray<ArrayBuffer>;

/** The greys of images and of what was removed. */
export const GREYS: Table = Uint8ClampedArray.from({ length: 4 * ENTRIES }, (_, at) =>
  at % 4 === 3 ? 255 : at >> 2,
);

/** The colours of maps; painters and the colour bar use the same ones. */
export const COLOURS: Table = makeColours();

function makeColours(): Table {
  const table = new Uint8ClampedArray(4 * ENTRIES);
  for (let entry = 0; entry < ENTRIES; entry++) {
    const at = (entry / (ENTRIES - 1)) * STEPS;
    const step = Math.min(Math.floor(at), STEPS - 1);
    for (let channel = 0; channel < 3; channel++) {
      const low = byteAt(step, channel);
      table[4 * entry + channel] = low + (at - step) * (byteAt(step + 1, channel) - low);
    }
    table[4 * entry + 3] = 255;
  }
  return table;
}

function byteAt(step: number, channel: number): number {
  const start = 6 * step + 2 * channel;
  return Number.parseInt(VIRIDIS.slice(start, start + 2), 16);
}
