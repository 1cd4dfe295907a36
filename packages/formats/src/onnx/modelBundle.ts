/** An ONNX model and its external data, as files that are replaced together. */
import { basename } from "node:path";
import type { Bundle, Chunks } from "../writeFile.ts";
import { readParts } from "./parts.ts";
import { fileSource } from "./source.ts";
import { externalPlace } from "./tensors.ts";

/**
 * The data go to `<path>.data`, or `<path>.1.data` and so on if a file has that name.
 * @param data undefined if the model holds all its tensors
 * @param model its bytes, from the name of its data
 */
export function modelBundle(
  path: string,
  data: Chunks | undefined,
  model: (dataName: string) => Chunks,
): Bundle {
  const name = basename(path);
  return {
    path,
    parts: data === undefined ? [] : [data],
    partNames: (attempt) => [`${name}${attempt === 0 ? "" : `.${attempt}`}.data`],
    chunks: ([dataName = ""]) => model(dataName),
    ownParts: () => externalNames(path).filter((other) => isDataName(other, name)),
  };
}

/** The files that a model refers to; none if there is no readable model. */
function externalNames(path: string): string[] {
  try {
    const { initializers } = readParts(fileSource(path));
    const names = [...initializers.values()].map((part) => externalPlace(part)?.location);
    return [...new Set(names)].filter((name) => name !== undefined);
  } catch {
    return [];
  }
}

function isDataName(name: string, model: string): boolean {
  return name.startsWith(model) && /^(\.\d+)?\.data$/.test(name.slice(model.length));
}
