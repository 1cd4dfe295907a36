/** Made from assembly/probe by the build (assembly/border.mjs): a change here is lost. */
export const hash = "6da800dfd08eddad";

/** Addresses and counts are u32, which JavaScript gets as i32. */
export interface Exports {
  heapBase(): number;
  multiplyAddRegisters(rounds: number): number;
  multiplyAddLoads(address: number, bytes: number): number;
  fill(address: number, bytes: number, value: number): void;
}
