/** An ONNX model and the external data that it names, as files that are replaced together. */
import { basename } from "node:path";
import type { Bundle, Chunks } from "../writeFile.ts";
import { readParts } from "./parts.ts";
import { fileSource } from "./source.ts";
import { externalPlace } from "./tensors.ts";

/**
 * The data go to `<path>.data`, or `<path>.1.data` and so on where a file has that name.
 * @param data undefined where the model holds all of its tensors
 * @param model its bytes, once the name of its data is known
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

/** The files that a model names; none where there is no model that can be read. */
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
