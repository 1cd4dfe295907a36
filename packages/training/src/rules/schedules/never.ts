import type { Schedule } from "../rule.ts";

export const never: Schedule = {
  name: "never",
  summary: "the masks stay",
  options: {},
  at: () => undefined,
};
