/** The kind of a file, from its first bytes and then its name; other kinds are rejected by name. */
import { ArgumentError, requireOwnFile } from "@phew/core";
import type { OpenFile } from "./readFile.ts";
import { looksLikeSafetensors } from "./safetensors.ts";

/** `pickle`: PyTorch's format before 1.6, or Python's own. */
export type FileKind = "safetensors" | "zip" | "npy" | "pickle" | "json" | "onnx";

const TELLING_BYTES = 512;
const MAGICS: readonly (readonly [FileKind, Buffer])[] = [
  ["zip", Buffer.from("PK\x03\x04", "latin1")],
  ["npy", Buffer.from("\x93NUMPY", "latin1")],
  ["json", Buffer.from("{")],
  ["json", Buffer.from("\xef\xbb\xbf{", "latin1")],
];

/** @throws ArgumentError if the file is empty, or begins like no model or file of tensors */
export async function kindOf(file: OpenFile): Promise<FileKind> {
  const { path, size } = file;
  const first = await file.read(0, Math.min(TELLING_BYTES, size));
  if (size === 0) {
    throw new ArgumentError(path, {
      given: "an empty file",
      expected: "a model or a file of tensors",
      remedy: "Copy or download it again.",
    });
  }
  // first of all: these begin with a number, which may look like any other beginning
  if (looksLikeSafetensors(first, size)) return "safetensors";
  requireOwnFile(path, first, "ONNX, safetensors, npz, a PyTorch state dict or a TensorFlow.js model.json");
  const found = MAGICS.find(([, magic]) => magic.equals(first.subarray(0, magic.length)));
  if (found !== undefined) return found[0];
  // the protocol of a pickle, 2 to 5
  if (first[0] === 0x80 && first[1]! >= 2 && first[1]! <= 5) return "pickle";
  if (path.endsWith(".onnx")) return "onnx";
  // an ONNX model begins with its version, field 1 as a small number
  return first[0] === 0x08 && (first[1] ?? 99) < 32 ? "onnx" : "safetensors";
}
