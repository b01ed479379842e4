/** The programs that colour a plane on the graphics processor. */

/** One triangle that covers the canvas. */
export const VERTEX = `#version 300 es
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  gl_Position = vec4(corner * 4.0 - 1.0, 0.0, 1.0);
}`;

/** Values before and after are blended by strength, windowed and coloured at each pixel. */
export const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler2D;
uniform sampler2D before, after, map, colours;
uniform vec4 box, ranges;
uniform vec3 film;
uniform ivec2 extent, sources;
uniform float height, split, strength;
uniform bool smoothed;
out vec4 pixel;

float valueAt(int source, ivec2 place) {
  ivec2 inside = clamp(place, ivec2(0), extent - 1);
  if (source == 3) return texelFetch(map, inside, 0).r;
  float measured = texelFetch(before, inside, 0).r;
  if (source == 0) return measured;
  float shown = measured + strength * (texelFetch(after, inside, 0).r - measured);
  return source == 1 ? shown : measured - shown;
}

float smoothValue(int source, vec2 place) {
  vec2 centred = place - 0.5;
  ivec2 corner = ivec2(floor(centred));
  vec2 share = fract(centred);
  return mix(
    mix(valueAt(source, corner), valueAt(source, corner + ivec2(1, 0)), share.x),
    mix(valueAt(source, corner + ivec2(0, 1)), valueAt(source, corner + ivec2(1, 1)), share.x),
    share.y);
}

void main() {
  vec2 at = vec2(gl_FragCoord.x, height - gl_FragCoord.y);
  vec2 share = (at - box.xy) / box.zw;
  if (any(lessThan(share, vec2(0.0))) || any(greaterThanEqual(share, vec2(1.0)))) {
    pixel = vec4(film, 1.0);
    return;
  }
  bool isLeft = at.x < split;
  int source = isLeft ? sources.x : sources.y;
  vec2 range = isLeft ? ranges.xy : ranges.zw;
  vec2 place = share * vec2(extent);
  float value = smoothed ? smoothValue(source, place) : valueAt(source, ivec2(place));
  float level = clamp((value - range.x) / (range.y - range.x), 0.0, 1.0);
  if (isnan(value)) level = 0.0;
  pixel = source == 3
    ? texelFetch(colours, ivec2(level * 255.0 + 0.5, 0), 0)
    : vec4(vec3(level), 1.0);
}`;
