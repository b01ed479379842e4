/** How numbers and names are written. */

const MINUS = "\u2212";

/** A number with a few significant digits, without an exponent where that can be. */
export function number(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return "none";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) return signed(value.toExponential(digits - 1));
  const whole = Math.floor(Math.log10(size)) + 1;
  return signed(value.toFixed(Math.min(Math.max(digits - Math.max(whole, 0), 0), 4)));
}

/** A number without zeros at its end. */
export function tick(value: number): string {
  return signed(String(Number(value.toPrecision(3))));
}

/** A number that always bears its sign. */
export function difference(value: number, decimals: number): string {
  return (value < 0 ? "" : "+") + signed(value.toFixed(decimals));
}

/** A parameter's name in plain words; a symbol of one letter stays as it is. */
export function words(name: string): string {
  if (name.length === 1) return name;
  const spaced = name.replaceAll("_", " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

function signed(text: string): string {
  return text.replace("-", MINUS);
}
