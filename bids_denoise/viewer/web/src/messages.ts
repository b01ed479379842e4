/** The messages of the live connection, as the server writes and reads them. */

/** One place: right, anterior and superior index. */
export type Voxel = readonly [r: number, a: number, s: number];

/** Something for each of the planes sagittal, coronal and axial, or each of the axes r, a, s. */
export type Three<T> = readonly [T, T, T];

/** What a parameter holds. */
export type Value = number | string | boolean;

/** One parameter of a denoiser. */
export interface Parameter {
  readonly name: string;
  readonly kind: "int" | "float" | "str" | "bool";
  readonly default: Value;
  readonly help: string;
  readonly unit: string;
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly choices: readonly string[];
}

/** One denoising method and its parameters. */
export interface DenoiserFacts {
  readonly name: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
}

/** Values of parameters by name. */
export type Values = Readonly<Record<string, Value>>;

/**
 * How the image is denoised. `parameters` holds those of the method that differ from their
 * defaults; strength and what else all methods share stand beside it, by their names.
 */
export interface Settings {
  readonly method: string;
  readonly parameters: Values;
  readonly strength: number;
  readonly [shared: string]: Value | Values;
}

/** A layer that the server makes; what was removed is made by the page from the first two. */
export type LayerName =
  | "before"
  | "after"
  | "sigma"
  | "uncertainty"
  | "tsnr_before"
  | "tsnr_after";

/** First message: what can be opened (and which at first), and how it can be denoised. */
export interface Hello {
  readonly type: "hello";
  readonly version: string;
  readonly title: string;
  readonly scans: readonly { readonly id: number; readonly name: string; readonly title: string }[];
  readonly first: number;
  readonly denoisers: readonly DenoiserFacts[];
  readonly common: readonly Parameter[];
}

/** The noise of the image, and how it was estimated; `share` of sigma is denoised for. */
export interface Noise {
  readonly law: string;
  readonly method: string;
  readonly sigma: number;
  readonly trusted: boolean;
  readonly share: number;
  readonly estimates: readonly { readonly name: string; readonly sigma: number }[];
  readonly remarks: readonly string[];
}

/** A method that can treat the image, and why it would. */
export interface Method {
  readonly name: string;
  readonly why: string;
}

/** The image that was opened. `spacing` is in mm, `tr` in seconds. */
export interface Image {
  readonly type: "image";
  readonly scan: number;
  readonly name: string;
  readonly datatype: string;
  readonly suffix: string;
  readonly shape: Three<number>;
  readonly volumes: number;
  readonly tr: number | null;
  readonly spacing: Three<number>;
  readonly voxel: Voxel;
  readonly window: readonly [low: number, high: number];
  readonly settings: Settings;
  readonly tsnr: boolean;
}

/** What follows the image, once its noise is estimated. */
export interface NoiseMessage {
  readonly type: "noise";
  readonly scan: number;
  readonly noise: Noise;
  readonly methods: readonly Method[];
}

/** Head of a binary frame: one layer in three planes. */
export interface LayerHead {
  readonly type: "layer";
  readonly serial: number;
  readonly name: LayerName;
  readonly voxel: Voxel;
  readonly volume: number;
  readonly state: "exact" | "preview";
  readonly method: string;
  readonly shapes: Three<readonly [rows: number, cols: number]>;
}

/** How far the server is. */
export interface Work {
  readonly type: "work";
  readonly serial: number;
  readonly state: "waiting" | "preview" | "whole" | "judging" | "done" | "failed";
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  readonly reason: string;
}

/** Densities of what was removed, in units of sigma, and of the noise model. */
export interface Histogram {
  readonly edges: readonly number[];
  readonly measured: readonly number[];
  readonly model: readonly number[];
}

/** Whether what was removed looks like noise, and what it did to the quality. */
export interface Judgement {
  readonly type: "judgement";
  readonly serial: number;
  readonly scope: "planes" | "whole";
  readonly histogram: Histogram | null;
  readonly std_ratio: number | null;
  readonly psnr: {
    readonly before: number;
    readonly after: number;
    readonly gain: number;
    readonly error: number;
  } | null;
}

/** The time course of one voxel of a series. */
export interface Curve {
  readonly type: "curve";
  readonly serial: number;
  readonly voxel: Voxel;
  readonly before: readonly number[];
  readonly after: readonly number[] | null;
  readonly tsnr_before: number | null;
  readonly tsnr_after: number | null;
}

/** The settings as the command line takes them. */
export interface Config {
  readonly type: "config";
  readonly toml: string;
  readonly command: string;
  readonly flags: string;
}

/** A sentence that says what went wrong. */
export interface Failure {
  readonly type: "error";
  readonly reason: string;
}

/** Every text message of the server. */
export type ServerMessage = Hello | Image | NoiseMessage | Work | Judgement | Curve | Config | Failure;

/** Every message of the page. */
export type PageMessage =
  | { readonly type: "open"; readonly scan: number }
  | { readonly type: "config"; readonly settings: Settings }
  | {
      readonly type: "show";
      readonly serial: number;
      readonly voxel: Voxel;
      readonly volume: number;
      readonly settings: Settings;
      readonly layers: readonly LayerName[];
    };
