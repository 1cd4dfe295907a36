/** The loaders that the documents print, as they stand there, and masks for them. */
import { readFileSync } from "node:fs";
import type { MaskOrigin } from "../src/index.ts";

const docs = ["pytorch", "formats"]
  .map((page) => readFileSync(new URL(`../../../docs/${page}.md`, import.meta.url), "utf8"))
  .join("\n");

/** The code that follows `<!-- name -->`. */
export function fromDocs(name: string): string {
  const found = new RegExp(`<!-- ${name} -->\\s*\`\`\`\\w+\\n([^]*?)\`\`\``).exec(docs);
  if (found === null) throw new Error(`the documents have no ${name}`);
  return found[1]!;
}

/** Of masks that no method made. */
export const NO_ORIGIN: MaskOrigin = {
  method: "random",
  options: {},
  seed: 0,
  requestedDensity: 0.5,
  weightsDigest: "",
  version: "0",
};
