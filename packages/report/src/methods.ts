/** Written by methods.mjs at build: what the methods of packages/core/src/pruners say of themselves. */
export const METHOD_COLOURS: Readonly<Record<string, string>> = {
  phew: "#0072b2",
  "uniform-walk": "#56b4e9",
  magnitude: "#e69f00",
  random: "#a3a3a3",
  uniform: "#c8ae8a",
  erk: "#cc79a7",
  snip: "#d55e00",
  grasp: "#b09a00",
  synflow: "#009e73",
  "synflow-l2": "#882255",
};
