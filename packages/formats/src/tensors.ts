/** What run folders need and loads no network code: tensors in safetensors files, texts, and who lives to write them. */
export { maskName } from "./maskName.ts";
export { processFields, processLives } from "./processes.ts";
export { readText } from "./readFile.ts";
export { readSafetensors, type TensorFile, writeSafetensors } from "./safetensors.ts";
export type { Tensors } from "./tensor.ts";
