/** Binary frames: a JSON head and three planes of float32. */

import type { LayerHead, Three } from "./messages";

/** A layer and its planes, each row by row from the top left as it is shown. */
export interface Layer extends LayerHead {
  readonly planes: Three<Float32Array>;
}

/**
 * Read one binary frame. The planes are views of the frame, which is not copied.
 *
 * @throws RangeError where the frame is shorter than its head says.
 */
export function decodeLayer(frame: ArrayBuffer): Layer {
  const length = new DataView(frame).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(frame, 4, length))) as LayerHead;
  let offset = 4 + length;
  const next = ([rows, cols]: readonly [number, number]): Float32Array => {
    const plane = new Float32Array(frame, offset, rows * cols);
    offset += plane.byteLength;
    return plane;
  };
  const [sagittal, coronal, axial] = head.shapes;
  return { ...head, planes: [next(sagittal), next(coronal), next(axial)] };
}
