/**
 * How a mask is made, in one word of the command line: `phew`, `phew:bias=square`, `synflow+shuffle`,
 * `synflow+widen:fraction=0.5` - a method with its options, and a sanity check with its own.
 */
import {
  type AppliedCheck,
  completeCheck,
  completeOptions,
  type OptionValue,
  prunerByName,
} from "@phew/core";
import { UsageError } from "../failure.ts";
import { assignments } from "../parse.ts";

export interface MaskRecipe {
  /** The word itself. */
  readonly label: string;
  readonly method: string;
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly check: AppliedCheck | undefined;
}

/** Several recipes by commas. @throws UsageError or ArgumentError for a name or option that is not known */
export function maskRecipes(text: string): MaskRecipe[] {
  const labels = text.split(",").map((label) => label.trim());
  const twice = labels.find((label, k) => labels.indexOf(label) !== k);
  if (twice !== undefined || labels.includes("")) {
    throw new UsageError("--method", {
      given: twice === undefined || twice === "" ? `"${text}"` : `"${twice}" twice`,
      expected: "different methods by commas, such as phew,random,synflow+shuffle",
    });
  }
  return labels.map(maskRecipe);
}

function maskRecipe(label: string): MaskRecipe {
  const [made, checked, ...rest] = label.split("+") as [string, string?, ...string[]];
  if (rest.length > 0) {
    throw new UsageError("--method", { given: `"${label}"`, expected: "at most one check of a mask" });
  }
  const method = named(made);
  completeOptions(prunerByName(method.name), method.options);
  const check = checked === undefined ? undefined : named(checked);
  if (check !== undefined) completeCheck(check);
  return { label, method: method.name, options: method.options, check };
}

/** `name:option=value:option=value` */
function named(text: string): AppliedCheck {
  const [name, ...options] = text.split(":") as [string, ...string[]];
  const collected = assignments("--method", "phew:bias=square");
  return {
    name,
    options: options.reduce<Record<string, OptionValue>>((before, one) => collected(one, before), {}),
  };
}
