/** Test accuracy against the multiply-adds of one example's forward pass through the kept weights. */
import { accuracyAgainst } from "./accuracyAgainst.ts";

export const accuracyAgainstMultiplyAdds = accuracyAgainst({
  text: "Accuracy against multiply-adds",
  what: "multiply-adds of one example's forward pass",
  xTitle: "multiply-adds",
  cost: ({ multiplyAdds }) => multiplyAdds,
});
