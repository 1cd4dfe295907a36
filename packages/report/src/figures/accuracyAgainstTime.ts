/** Test accuracy against the time that the training took. */
import { accuracyAgainst } from "./accuracyAgainst.ts";

export const accuracyAgainstTime = accuracyAgainst({
  text: "Accuracy against training time",
  what: "seconds of training, evaluations included",
  xTitle: "training time (s)",
  cost: ({ trainingMs }) => trainingMs && trainingMs / 1000,
});
