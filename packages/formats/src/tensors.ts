/** What run folders need, without code for networks: safetensors files, texts, and whether a process runs. */
export { maskName } from "./maskName.ts";
export { processFields, processLives } from "./processes.ts";
export { readText } from "./readFile.ts";
export { readSafetensors, type TensorFile, writeSafetensors } from "./safetensors.ts";
export type { Tensors } from "./tensor.ts";
