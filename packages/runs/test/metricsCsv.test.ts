import { metricsCsv } from "@phew/runs";
import { expect, it } from "vitest";

it("writes metrics without times", () => {
  const point = {
    epoch: 1,
    step: 40,
    loss: 0.5,
    accuracy: 0.8,
    testLoss: 0.6,
    testAccuracy: 0.75,
    rate: 0.1,
  };
  expect(metricsCsv([{ ...point, t: 0, elapsedMs: 123 }])).toBe(
    "epoch,loss,accuracy,test_loss,test_accuracy,rate\n1,0.5,0.8,0.6,0.75,0.1\n",
  );
  const validated = { validationLoss: 0.7, validationAccuracy: 0.7, validationAccuracy5: 0.9 };
  expect(metricsCsv([{ ...point, ...validated, testAccuracy5: 0.95, t: 0, elapsedMs: 123 }])).toBe(
    "epoch,loss,accuracy,validation_loss,validation_accuracy,validation_accuracy5," +
      "test_loss,test_accuracy,test_accuracy5,rate\n1,0.5,0.8,0.7,0.7,0.9,0.6,0.75,0.95,0.1\n",
  );
});
