/** The files with a model's external tensors, read in parts. */
import { neighbourPath } from "../neighbour.ts";
import { type ByteSource, fileSource } from "./source.ts";
import type { ExternalData } from "./tensors.ts";

/** @param path of the model */
export function externalFiles(path: string): ExternalData {
  const sources = new Map<string, ByteSource>();
  return (location, offset, length) => {
    let source = sources.get(location);
    if (source === undefined) {
      source = fileSource(neighbourPath(path, location, `${path}: external data`));
      sources.set(location, source);
    }
    return source.bytes(offset, length);
  };
}
