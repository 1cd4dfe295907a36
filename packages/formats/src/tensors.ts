/** Tensors in safetensors files, and texts: loads no network code. The index has it too. */
export { maskName } from "./maskName.ts";
export { readText } from "./readFile.ts";
export { readSafetensors, type TensorFile, writeSafetensors } from "./safetensors.ts";
export type { Tensors } from "./tensor.ts";
