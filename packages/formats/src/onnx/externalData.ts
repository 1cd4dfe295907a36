/** The files beside a model that hold its tensors: found by name inside the model's own folder, read by parts. */
import { realpathSync } from "node:fs";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { ArgumentError } from "@phew/core";
import { type ByteSource, fileSource } from "./source.ts";
import type { ExternalData } from "./tensors.ts";

/** @param path of the model */
export function externalFiles(path: string): ExternalData {
  const sources = new Map<string, ByteSource>();
  return (location, offset, length) => {
    let source = sources.get(location);
    if (source === undefined) {
      source = fileSource(externalPath(path, location));
      sources.set(location, source);
    }
    return source.bytes(offset, length);
  };
}

/**
 * Where an external file lies.
 * @throws ArgumentError where its name leads out of the model's folder, also through a link
 */
export function externalPath(path: string, location: string): string {
  const folder = dirname(resolve(path));
  // a model made elsewhere may use the other separator
  const wanted = resolve(folder, location.replaceAll("\\", "/"));
  const outside = (inner: string, outer: string) => {
    const way = relative(outer, inner);
    return way === "" || way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way);
  };
  const refuse = () =>
    new ArgumentError(`${path}: external data`, {
      given: `the file "${location}"`,
      expected: "a file in the model's own folder",
      remedy: "A model may not read elsewhere; put its data beside it.",
    });
  if (
    location.includes("\0") ||
    isAbsolute(location) ||
    /^[A-Za-z]:/.test(location) ||
    outside(wanted, folder)
  )
    throw refuse();
  let real: string;
  try {
    real = realpathSync(wanted);
  } catch {
    throw new ArgumentError(`${path}: external data`, {
      given: `no file "${location}"`,
      expected: "the file that holds the model's tensors, in the model's folder",
      remedy: "Copy it there; exporters write it beside the model.",
    });
  }
  if (outside(real, realpathSync(folder))) throw refuse();
  return real;
}
