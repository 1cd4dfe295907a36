/** An option that is a fraction. */
import type { OptionSpec } from "@phew/core";

export const fractionOption = (initial: number, help: string): OptionSpec => ({
  kind: "number",
  least: 0,
  most: 1,
  whole: false,
  initial,
  help,
});
