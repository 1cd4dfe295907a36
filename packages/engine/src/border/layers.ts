/** Made from assembly/layers by the build (assembly/border.mjs): a change here is lost. */
export const hash = "52e80abccd5240c9";

export const records = {
  activation: {
    bytes: 20,
    fields: {
      input: { at: 0, type: "u32" },
      output: { at: 4, type: "u32" },
      name: { at: 8, type: "u32" },
      alpha: { at: 12, type: "f32" },
      beta: { at: 16, type: "f32" },
    },
  },
  activationCurvature: {
    bytes: 28,
    fields: {
      input: { at: 0, type: "u32" },
      tangent: { at: 4, type: "u32" },
      gradient: { at: 8, type: "u32" },
      output: { at: 12, type: "u32" },
      name: { at: 16, type: "u32" },
      alpha: { at: 20, type: "f32" },
      beta: { at: 24, type: "f32" },
    },
  },
  adamwStep: {
    bytes: 32,
    fields: {
      keep: { at: 0, type: "f32" },
      stepSize: { at: 4, type: "f32" },
      beta1: { at: 8, type: "f32" },
      beta2: { at: 12, type: "f32" },
      rest1: { at: 16, type: "f32" },
      rest2: { at: 20, type: "f32" },
      correction: { at: 24, type: "f32" },
      epsilon: { at: 28, type: "f32" },
    },
  },
  batchStatistics: {
    bytes: 12,
    fields: {
      input: { at: 0, type: "u32" },
      centre: { at: 4, type: "u32" },
      partial: { at: 8, type: "u32" },
    },
  },
  batchNorm: {
    bytes: 40,
    fields: {
      partial: { at: 0, type: "u32" },
      places: { at: 4, type: "u32" },
      units: { at: 8, type: "u32" },
      scale: { at: 12, type: "u32" },
      shift: { at: 16, type: "u32" },
      runningMean: { at: 20, type: "u32" },
      runningVariance: { at: 24, type: "u32" },
      coefficients: { at: 28, type: "u32" },
      epsilon: { at: 32, type: "f32" },
      momentum: { at: 36, type: "f32" },
    },
  },
  tangentStatistics: {
    bytes: 16,
    fields: {
      input: { at: 0, type: "u32" },
      tangent: { at: 4, type: "u32" },
      coefficients: { at: 8, type: "u32" },
      partial: { at: 12, type: "u32" },
    },
  },
  normTangent: {
    bytes: 60,
    fields: {
      statistics: { at: 0, type: "u32" },
      gradientSums: { at: 4, type: "u32" },
      tangentSums: { at: 8, type: "u32" },
      crossSums: { at: 12, type: "u32" },
      places: { at: 16, type: "u32" },
      units: { at: 20, type: "u32" },
      scale: { at: 24, type: "u32" },
      scaleTangent: { at: 28, type: "u32" },
      shiftTangent: { at: 32, type: "u32" },
      coefficients: { at: 36, type: "u32" },
      frozen: { at: 40, type: "u32" },
      tangents: { at: 44, type: "u32" },
      scaleProduct: { at: 48, type: "u32" },
      shiftProduct: { at: 52, type: "u32" },
      ofBatch: { at: 56, type: "u32" },
    },
  },
  combine: {
    bytes: 36,
    fields: {
      output: { at: 0, type: "u32" },
      first: { at: 4, type: "u32" },
      second: { at: 8, type: "u32" },
      firstCoefficients: { at: 12, type: "u32" },
      secondCoefficients: { at: 16, type: "u32" },
      firstUnits: { at: 20, type: "u32" },
      secondUnits: { at: 24, type: "u32" },
      alpha: { at: 28, type: "f32" },
      cap: { at: 32, type: "f32" },
    },
  },
  gate: {
    bytes: 16,
    fields: {
      gradient: { at: 0, type: "u32" },
      output: { at: 4, type: "u32" },
      alpha: { at: 8, type: "f32" },
      cap: { at: 12, type: "f32" },
    },
  },
  gradientSums: {
    bytes: 32,
    fields: {
      gradient: { at: 0, type: "u32" },
      input: { at: 4, type: "u32" },
      coefficients: { at: 8, type: "u32" },
      partial: { at: 12, type: "u32" },
      gradientUnits: { at: 16, type: "u32" },
      gated: { at: 20, type: "u32" },
      alpha: { at: 24, type: "f32" },
      cap: { at: 28, type: "f32" },
    },
  },
  normGradient: {
    bytes: 36,
    fields: {
      inputGradient: { at: 0, type: "u32" },
      gradient: { at: 4, type: "u32" },
      input: { at: 8, type: "u32" },
      coefficients: { at: 12, type: "u32" },
      gradientUnits: { at: 16, type: "u32" },
      gated: { at: 20, type: "u32" },
      alpha: { at: 24, type: "f32" },
      cap: { at: 28, type: "f32" },
      accumulate: { at: 32, type: "u32" },
    },
  },
  copyUnits: {
    bytes: 20,
    fields: {
      input: { at: 0, type: "u32" },
      output: { at: 4, type: "u32" },
      pairs: { at: 8, type: "u32" },
      pairCount: { at: 12, type: "u32" },
      accumulate: { at: 16, type: "u32" },
    },
  },
  copyPlaces: {
    bytes: 16,
    fields: {
      plane: { at: 0, type: "u32" },
      places: { at: 4, type: "u32" },
      offsets: { at: 8, type: "u32" },
      accumulate: { at: 12, type: "u32" },
    },
  },
  clearBorder: {
    bytes: 4,
    fields: {
      tensor: { at: 0, type: "u32" },
    },
  },
  clearTensor: {
    bytes: 4,
    fields: {
      tensor: { at: 0, type: "u32" },
    },
  },
  crossEntropy: {
    bytes: 24,
    fields: {
      logits: { at: 0, type: "u32" },
      gradient: { at: 4, type: "u32" },
      labels: { at: 8, type: "u32" },
      partial: { at: 12, type: "u32" },
      labelSmoothing: { at: 16, type: "f32" },
      divisor: { at: 20, type: "f32" },
    },
  },
  crossEntropyTangent: {
    bytes: 16,
    fields: {
      logits: { at: 0, type: "u32" },
      tangent: { at: 4, type: "u32" },
      gradient: { at: 8, type: "u32" },
      divisor: { at: 12, type: "f32" },
    },
  },
  dropout: {
    bytes: 32,
    fields: {
      input: { at: 0, type: "u32" },
      output: { at: 4, type: "u32" },
      unitNumbers: { at: 8, type: "u32" },
      unitCount: { at: 12, type: "u32" },
      key: { at: 16, type: "u32" },
      threshold: { at: 20, type: "u32" },
      factor: { at: 24, type: "f32" },
      accumulate: { at: 28, type: "u32" },
    },
  },
  finiteCheck: {
    bytes: 8,
    fields: {
      tensor: { at: 0, type: "u32" },
      found: { at: 4, type: "u32" },
    },
  },
  tensor: {
    bytes: 48,
    fields: {
      origin: { at: 0, type: "u32" },
      blockBytes: { at: 4, type: "u32" },
      unitBytes: { at: 8, type: "u32" },
      rowBytes: { at: 12, type: "u32" },
      pixelBytes: { at: 16, type: "u32" },
      units: { at: 20, type: "u32" },
      height: { at: 24, type: "u32" },
      width: { at: 28, type: "u32" },
      perThread: { at: 32, type: "u32" },
      headBytes: { at: 36, type: "u32" },
      gapBytes: { at: 40, type: "u32" },
      tailBytes: { at: 44, type: "u32" },
    },
  },
  batch: {
    bytes: 16,
    fields: {
      count: { at: 0, type: "u32" },
      blocks: { at: 4, type: "u32" },
      shards: { at: 8, type: "u32" },
      step: { at: 12, type: "u32" },
    },
  },
  maxOver: {
    bytes: 28,
    fields: {
      input: { at: 0, type: "u32" },
      output: { at: 4, type: "u32" },
      inputGradient: { at: 8, type: "u32" },
      outputGradient: { at: 12, type: "u32" },
      rows: { at: 16, type: "u32" },
      columns: { at: 20, type: "u32" },
      accumulate: { at: 24, type: "u32" },
    },
  },
  multiply: {
    bytes: 24,
    fields: {
      first: { at: 0, type: "u32" },
      second: { at: 4, type: "u32" },
      output: { at: 8, type: "u32" },
      firstUnits: { at: 12, type: "u32" },
      secondUnits: { at: 16, type: "u32" },
      accumulate: { at: 20, type: "u32" },
    },
  },
  multiplyBackward: {
    bytes: 20,
    fields: {
      gradient: { at: 0, type: "u32" },
      other: { at: 4, type: "u32" },
      target: { at: 8, type: "u32" },
      otherUnits: { at: 12, type: "u32" },
      targetUnits: { at: 16, type: "u32" },
    },
  },
  globalPooling: {
    bytes: 12,
    fields: {
      plane: { at: 0, type: "u32" },
      mean: { at: 4, type: "u32" },
      accumulate: { at: 8, type: "u32" },
    },
  },
  pooling: {
    bytes: 64,
    fields: {
      input: { at: 0, type: "u32" },
      output: { at: 4, type: "u32" },
      inputGradient: { at: 8, type: "u32" },
      outputGradient: { at: 12, type: "u32" },
      kernelY: { at: 16, type: "u32" },
      kernelX: { at: 20, type: "u32" },
      strideY: { at: 24, type: "u32" },
      strideX: { at: 28, type: "u32" },
      top: { at: 32, type: "u32" },
      left: { at: 36, type: "u32" },
      bottom: { at: 40, type: "u32" },
      right: { at: 44, type: "u32" },
      dilationY: { at: 48, type: "u32" },
      dilationX: { at: 52, type: "u32" },
      countPadding: { at: 56, type: "u32" },
      accumulate: { at: 60, type: "u32" },
    },
  },
  program: {
    bytes: 24,
    fields: {
      segments: { at: 0, type: "u32" },
      segmentCount: { at: 4, type: "u32" },
      losses: { at: 8, type: "u32" },
      stop: { at: 12, type: "u32" },
      times: { at: 16, type: "u32" },
      timeBytes: { at: 20, type: "u32" },
    },
  },
  segment: {
    bytes: 28,
    fields: {
      prologue: { at: 0, type: "u32" },
      prologueCount: { at: 4, type: "u32" },
      body: { at: 8, type: "u32" },
      bodyCount: { at: 12, type: "u32" },
      kind: { at: 16, type: "u32" },
      stops: { at: 20, type: "u32" },
      firstTime: { at: 24, type: "u32" },
    },
  },
  instruction: {
    bytes: 8,
    fields: {
      kernel: { at: 0, type: "u32" },
      record: { at: 4, type: "u32" },
    },
  },
  rearrange: {
    bytes: 20,
    fields: {
      input: { at: 0, type: "u32" },
      output: { at: 4, type: "u32" },
      places: { at: 8, type: "u32" },
      scatter: { at: 12, type: "u32" },
      accumulate: { at: 16, type: "u32" },
    },
  },
  resample: {
    bytes: 24,
    fields: {
      input: { at: 0, type: "u32" },
      output: { at: 4, type: "u32" },
      rows: { at: 8, type: "u32" },
      columns: { at: 12, type: "u32" },
      fill: { at: 16, type: "f32" },
      accumulate: { at: 20, type: "u32" },
    },
  },
  sgdStep: {
    bytes: 16,
    fields: {
      rate: { at: 0, type: "f32" },
      momentum: { at: 4, type: "f32" },
      weightDecay: { at: 8, type: "f32" },
      nesterov: { at: 12, type: "u32" },
    },
  },
  sparseConvolution: {
    bytes: 32,
    fields: {
      input: { at: 0, type: "u32" },
      output: { at: 4, type: "u32" },
      rowStart: { at: 8, type: "u32" },
      entries: { at: 12, type: "u32" },
      bias: { at: 16, type: "u32" },
      strideY: { at: 20, type: "u32" },
      strideX: { at: 24, type: "u32" },
      tileRows: { at: 28, type: "u32" },
    },
  },
  sparseConvolutionBackward: {
    bytes: 56,
    fields: {
      input: { at: 0, type: "u32" },
      inputGradient: { at: 4, type: "u32" },
      outputGradient: { at: 8, type: "u32" },
      classes: { at: 12, type: "u32" },
      classCount: { at: 16, type: "u32" },
      entries: { at: 20, type: "u32" },
      entryCount: { at: 24, type: "u32" },
      weightGradient: { at: 28, type: "u32" },
      shardBytes: { at: 32, type: "u32" },
      accumulate: { at: 36, type: "u32" },
      strideY: { at: 40, type: "u32" },
      strideX: { at: 44, type: "u32" },
      tileRows: { at: 48, type: "u32" },
      height: { at: 52, type: "u32" },
    },
  },
  placeClass: {
    bytes: 20,
    fields: {
      entryCount: { at: 0, type: "u32" },
      rows: { at: 4, type: "u32" },
      columns: { at: 8, type: "u32" },
      inputOffset: { at: 12, type: "u32" },
      gradientOffset: { at: 16, type: "u32" },
    },
  },
  sparseDense: {
    bytes: 24,
    fields: {
      input: { at: 0, type: "u32" },
      output: { at: 4, type: "u32" },
      rowStart: { at: 8, type: "u32" },
      entries: { at: 12, type: "u32" },
      bias: { at: 16, type: "u32" },
      accumulate: { at: 20, type: "u32" },
    },
  },
  sparseDenseWeightGradient: {
    bytes: 24,
    fields: {
      input: { at: 0, type: "u32" },
      outputGradient: { at: 4, type: "u32" },
      rowStart: { at: 8, type: "u32" },
      entries: { at: 12, type: "u32" },
      weightGradient: { at: 16, type: "u32" },
      shardBytes: { at: 20, type: "u32" },
    },
  },
  pixelGroup: {
    bytes: 28,
    fields: {
      gatheredRow: { at: 0, type: "u32" },
      gatheredColumn: { at: 4, type: "u32" },
      ownRow: { at: 8, type: "u32" },
      ownColumn: { at: 12, type: "u32" },
      pixels: { at: 16, type: "u32" },
      ranges: { at: 20, type: "u32" },
      rangeCount: { at: 24, type: "u32" },
    },
  },
  sparsePixels: {
    bytes: 44,
    fields: {
      input: { at: 0, type: "u32" },
      output: { at: 4, type: "u32" },
      groups: { at: 8, type: "u32" },
      groupCount: { at: 12, type: "u32" },
      starts: { at: 16, type: "u32" },
      taps: { at: 20, type: "u32" },
      entries: { at: 24, type: "u32" },
      bias: { at: 28, type: "u32" },
      inputStep: { at: 32, type: "u32" },
      outputStep: { at: 36, type: "u32" },
      accumulate: { at: 40, type: "u32" },
    },
  },
  sparsePixelsWeightGradient: {
    bytes: 44,
    fields: {
      input: { at: 0, type: "u32" },
      outputGradient: { at: 4, type: "u32" },
      groups: { at: 8, type: "u32" },
      groupCount: { at: 12, type: "u32" },
      starts: { at: 16, type: "u32" },
      taps: { at: 20, type: "u32" },
      entries: { at: 24, type: "u32" },
      gradientStep: { at: 28, type: "u32" },
      inputStep: { at: 32, type: "u32" },
      weightGradient: { at: 36, type: "u32" },
      shardBytes: { at: 40, type: "u32" },
    },
  },
  transfer: {
    bytes: 8,
    fields: {
      tensor: { at: 0, type: "u32" },
      images: { at: 4, type: "u32" },
    },
  },
  unitScale: {
    bytes: 28,
    fields: {
      input: { at: 0, type: "u32" },
      output: { at: 4, type: "u32" },
      factors: { at: 8, type: "u32" },
      factorStep: { at: 12, type: "u32" },
      gate: { at: 16, type: "u32" },
      above: { at: 20, type: "f32" },
      accumulate: { at: 24, type: "u32" },
    },
  },
  unitProducts: {
    bytes: 24,
    fields: {
      first: { at: 0, type: "u32" },
      second: { at: 4, type: "u32" },
      gate: { at: 8, type: "u32" },
      partial: { at: 12, type: "u32" },
      together: { at: 16, type: "u32" },
      accumulate: { at: 20, type: "u32" },
    },
  },
  shardSum: {
    bytes: 24,
    fields: {
      gradient: { at: 0, type: "u32" },
      count: { at: 4, type: "u32" },
      shardBytes: { at: 8, type: "u32" },
      faulty: { at: 12, type: "u32" },
      stop: { at: 16, type: "u32" },
      sums: { at: 20, type: "u32" },
    },
  },
  unitGradient: {
    bytes: 28,
    fields: {
      gradient: { at: 0, type: "u32" },
      units: { at: 4, type: "u32" },
      partial: { at: 8, type: "u32" },
      elementBytes: { at: 12, type: "u32" },
      factor: { at: 16, type: "u32" },
      faulty: { at: 20, type: "u32" },
      stop: { at: 24, type: "u32" },
    },
  },
  update: {
    bytes: 28,
    fields: {
      values: { at: 0, type: "u32" },
      stride: { at: 4, type: "u32" },
      count: { at: 8, type: "u32" },
      gradient: { at: 12, type: "u32" },
      state: { at: 16, type: "u32" },
      copies: { at: 20, type: "u32" },
      order: { at: 24, type: "u32" },
    },
  },
  clearShard: {
    bytes: 12,
    fields: {
      sums: { at: 0, type: "u32" },
      bytes: { at: 4, type: "u32" },
      shardBytes: { at: 8, type: "u32" },
    },
  },
  unitSums: {
    bytes: 8,
    fields: {
      gradient: { at: 0, type: "u32" },
      partial: { at: 4, type: "u32" },
    },
  },
  winogradConvolution: {
    bytes: 36,
    fields: {
      input: { at: 0, type: "u32" },
      output: { at: 4, type: "u32" },
      weights: { at: 8, type: "u32" },
      bias: { at: 12, type: "u32" },
      workspace: { at: 16, type: "u32" },
      top: { at: 20, type: "u32" },
      left: { at: 24, type: "u32" },
      groupTiles: { at: 28, type: "u32" },
      accumulate: { at: 32, type: "u32" },
    },
  },
  winogradWeightGradient: {
    bytes: 32,
    fields: {
      input: { at: 0, type: "u32" },
      outputGradient: { at: 4, type: "u32" },
      sums: { at: 8, type: "u32" },
      shardBytes: { at: 12, type: "u32" },
      workspace: { at: 16, type: "u32" },
      top: { at: 20, type: "u32" },
      left: { at: 24, type: "u32" },
      groupTiles: { at: 28, type: "u32" },
    },
  },
  winogradWeights: {
    bytes: 32,
    fields: {
      entries: { at: 0, type: "u32" },
      rowStart: { at: 4, type: "u32" },
      outUnits: { at: 8, type: "u32" },
      inUnits: { at: 12, type: "u32" },
      weights: { at: 16, type: "u32" },
      turned: { at: 20, type: "u32" },
      rows: { at: 24, type: "u32" },
      rowBytes: { at: 28, type: "u32" },
    },
  },
  winogradGradient: {
    bytes: 44,
    fields: {
      sums: { at: 0, type: "u32" },
      shardBytes: { at: 4, type: "u32" },
      entries: { at: 8, type: "u32" },
      rowStart: { at: 12, type: "u32" },
      outUnits: { at: 16, type: "u32" },
      inUnits: { at: 20, type: "u32" },
      gradient: { at: 24, type: "u32" },
      rows: { at: 28, type: "u32" },
      rowBytes: { at: 32, type: "u32" },
      faulty: { at: 36, type: "u32" },
      stop: { at: 40, type: "u32" },
    },
  },
} as const;

/** The record that each kernel reads; a kernel's number is its place here. */
export const kernels = {
  activation: "activation",
  activationBackward: "activation",
  activationCurvature: "activationCurvature",
  adamw: "update",
  batchStatistics: "batchStatistics",
  batchCoefficients: "batchNorm",
  runningCoefficients: "batchNorm",
  gradientCoefficients: "batchNorm",
  updateRunning: "batchNorm",
  tangentStatistics: "tangentStatistics",
  normTangents: "normTangent",
  normGradientTangents: "normTangent",
  combine: "combine",
  gate: "gate",
  gradientSums: "gradientSums",
  normGradient: "normGradient",
  copyUnits: "copyUnits",
  flatten: "copyPlaces",
  flattenBackward: "copyPlaces",
  clearBorder: "clearBorder",
  clearTensor: "clearTensor",
  crossEntropy: "crossEntropy",
  crossEntropyTangent: "crossEntropyTangent",
  dropout: "dropout",
  checkFinite: "finiteCheck",
  maxOver: "maxOver",
  maxOverBackward: "maxOver",
  maxOverTangent: "maxOver",
  multiply: "multiply",
  multiplyBackward: "multiplyBackward",
  maxPool: "pooling",
  maxPoolBackward: "pooling",
  maxPoolTangent: "pooling",
  averagePool: "pooling",
  averagePoolBackward: "pooling",
  globalAveragePool: "globalPooling",
  globalAveragePoolBackward: "globalPooling",
  rearrange: "rearrange",
  resample: "resample",
  sgd: "update",
  sparseConvolution: "sparseConvolution",
  sparseConvolutionBackward: "sparseConvolutionBackward",
  sparseDense: "sparseDense",
  sparseDenseWeightGradient: "sparseDenseWeightGradient",
  sparsePixels: "sparsePixels",
  sparsePixelsWeightGradient: "sparsePixelsWeightGradient",
  loadImages: "transfer",
  storeImages: "transfer",
  scaleUnits: "unitScale",
  unitProducts: "unitProducts",
  sumShards: "shardSum",
  sumUnits: "unitGradient",
  clearShard: "clearShard",
  unitSums: "unitSums",
  winogradConvolution: "winogradConvolution",
  winogradWeightGradient: "winogradWeightGradient",
  winogradWeights: "winogradWeights",
  winogradGradient: "winogradGradient",
} as const;

export const SIGMOID = 0;
export const TANH = 1;
export const GELU = 2;
export const SILU = 3;
export const HARD_SWISH = 4;
export const HARD_SIGMOID = 5;
export const ELU = 6;
export const SOFTPLUS = 7;
export const SELU = 8;
export const CELU = 9;
export const MISH = 10;
export const SOFTSIGN = 11;
export const GELU_TANH = 12;
export const THRESHOLDED_RELU = 13;
export const CLIP = 14;
export const LINEAR = 15;
export const NO_UNIT = 4294967295;

/** Addresses and counts are u32, which JavaScript gets as i32. */
export interface Exports {
  setBatch(batch: number): void;
  setThread(thread: number, threadCount: number): void;
  run(program: number, barrier: number): void;
  serve(orders: number, barrier: number): void;
  heapBase(): number;
}
