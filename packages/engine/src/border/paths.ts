/** Made from assembly/paths by the build (assembly/border.mjs): a change here is lost. */
export const hash = "9bcc890264689471";

export const records = {
  tap: {
    bytes: 12,
    fields: {
      phase: { at: 0, type: "u32" },
      inputBytes: { at: 4, type: "u32" },
      gradientBytes: { at: 8, type: "u32" },
    },
  },
  phase: {
    bytes: 20,
    fields: {
      rows: { at: 0, type: "u32" },
      columns: { at: 4, type: "u32" },
      firstInput: { at: 8, type: "u32" },
      startBytes: { at: 12, type: "u32" },
      vectors: { at: 16, type: "u32" },
    },
  },
  convolution: {
    bytes: 144,
    fields: {
      input: { at: 0, type: "u32" },
      weight: { at: 4, type: "u32" },
      mask: { at: 8, type: "u32" },
      bias: { at: 12, type: "u32" },
      output: { at: 16, type: "u32" },
      inputGradient: { at: 20, type: "u32" },
      weightGradient: { at: 24, type: "u32" },
      planes: { at: 28, type: "u32" },
      gradientPlanes: { at: 32, type: "u32" },
      run: { at: 36, type: "u32" },
      taps: { at: 40, type: "u32" },
      phases: { at: 44, type: "u32" },
      entries: { at: 48, type: "u32" },
      starts: { at: 52, type: "u32" },
      groups: { at: 56, type: "u32" },
      inPerGroup: { at: 60, type: "u32" },
      outPerGroup: { at: 64, type: "u32" },
      height: { at: 68, type: "u32" },
      width: { at: 72, type: "u32" },
      outHeight: { at: 76, type: "u32" },
      outWidth: { at: 80, type: "u32" },
      strideY: { at: 84, type: "u32" },
      strideX: { at: 88, type: "u32" },
      top: { at: 92, type: "u32" },
      left: { at: 96, type: "u32" },
      tapCount: { at: 100, type: "u32" },
      phaseCount: { at: 104, type: "u32" },
      square: { at: 108, type: "u32" },
      pitch: { at: 112, type: "u32" },
      phaseColumns: { at: 116, type: "u32" },
      phaseRows: { at: 120, type: "u32" },
      planeLength: { at: 124, type: "u32" },
      gradientLength: { at: 128, type: "u32" },
      lead: { at: 132, type: "u32" },
      tileVectors: { at: 136, type: "u32" },
      batch: { at: 140, type: "u32" },
    },
  },
} as const;

/** Addresses and counts are u32, which JavaScript gets as i32. */
export interface Exports {
  heapBase(): number;
  forward(record: number): void;
  backward(record: number): void;
}
