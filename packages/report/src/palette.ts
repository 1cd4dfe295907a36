/**
 * One fixed colour for each method in every figure, readable with any colour vision: Okabe & Ito (2008), its yellow
 * darkened to stand on white, and three of Tol's muted scheme (2021) for the methods beyond eight.
 */
const METHOD_COLOURS: Readonly<Record<string, string>> = {
  dense: "#3b3b3b",
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

const OTHER_COLOURS = ["#332288", "#117733", "#aa4499", "#999933", "#44aa99", "#661100"] as const;

/** Colours for methods in their order: fixed for known ones, by turns for others. */
export function methodColours(methods: readonly string[]): string[] {
  let others = 0;
  return methods.map((method) => METHOD_COLOURS[method] ?? OTHER_COLOURS[others++ % OTHER_COLOURS.length]!);
}

/** The known methods in the order figures and legends show them. */
export function byMethodOrder(a: string, b: string): number {
  const known = Object.keys(METHOD_COLOURS);
  const rank = (method: string) => (known.includes(method) ? known.indexOf(method) : known.length);
  return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}
