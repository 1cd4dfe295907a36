import { kernels, type records } from "../border/layers.ts";

export type Kernel = keyof typeof kernels;

/** The layout of the record that a kernel reads. */
export type KernelRecord<K extends Kernel> = (typeof records)[(typeof kernels)[K]];

/** Kernels of optimisers. */
export type UpdateKernel = {
  [K in Kernel]: (typeof kernels)[K] extends "update" ? K : never;
}[Kernel];

export const kernelNumber = new Map(Object.keys(kernels).map((kernel, number) => [kernel as Kernel, number]));
