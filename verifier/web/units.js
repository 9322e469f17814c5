// The names of units. spec/receipt.md, "Units".

import { first, mapOf, text, uint, wrongField } from "./schema.js";

export const KINDS = ["audio", "image", "video", "document"];
const OUTPUT_KINDS = ["audio", "image", "video", "citation"];
export const INPUT_PARTS = new Set(KINDS.map((kind) => `input.${kind}`));
export const CACHED_PARTS = new Set(KINDS.map((kind) => `cached.${kind}`));
export const OUTPUT_PARTS = new Set(OUTPUT_KINDS.map((kind) => `output.${kind}`));

const BESIDE = new Set([
  "requests.model", "requests.web_search", "requests.web_fetch", "requests.file_search", "requests.social_search", "requests.code_execution",
  "requests.image_generation", "requests.rerank", "audio.ms", "audio.input_ms", "audio.output_ms", "input.characters", "input.messages",
  "input.pixels", "input.images", "output.images", "output.video_ms", "pages.document", "pages.annotated", "container.seconds",
  "storage.token_seconds",
]); // prettier-ignore

export const isPrivate = (name) => name.includes("/");
export const isBeside = (name) => BESIDE.has(name) || isPrivate(name);
const isUnit = (name) => isBeside(name) || INPUT_PARTS.has(name) || CACHED_PARTS.has(name) || OUTPUT_PARTS.has(name);

/** Quantities by unit: what they are first, then whether each unit is one. */
export const unitMap = (most) => {
  const quantities = mapOf(text(), uint(), 1, most);
  return (value, path) => quantities(value, path) ?? first([...value.keys()], (name) => (isUnit(name) ? null : wrongField(`${path} key`, "a unit of the registry, or one with a /", name)));
};

export function unitOfClass(kind, unit) {
  if (kind === 2n) return unit === undefined;
  if (kind === 4n) return unit !== undefined && isBeside(unit);
  if (unit === undefined) return true;
  if (kind === 0n) return INPUT_PARTS.has(unit);
  return kind === 1n ? CACHED_PARTS.has(unit) : OUTPUT_PARTS.has(unit) || unit === "reasoning";
}
