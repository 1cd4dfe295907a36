/** `metrics.csv`: one row an epoch. No times in it: a run made again has the same bytes. */
import { csvLines } from "./foreignText.ts";
import type { EpochPoint } from "./reduce.ts";

/** Fractions, not percentages; `rate` is the learning rate, a `5` the fraction with the class among the five greatest. */
const COLUMNS = {
  epoch: "epoch",
  loss: "loss",
  accuracy: "accuracy",
  validation_loss: "validationLoss",
  validation_accuracy: "validationAccuracy",
  validation_accuracy5: "validationAccuracy5",
  test_loss: "testLoss",
  test_accuracy: "testAccuracy",
  test_accuracy5: "testAccuracy5",
  rate: "rate",
} as const satisfies Record<string, keyof EpochPoint>;

/** In every file, even of a run without epochs. */
const ALWAYS: readonly string[] = ["epoch", "loss", "accuracy", "test_loss", "test_accuracy", "rate"];

/** Columns without values in a run's events are left out. */
export function metricsCsv(epochs: readonly EpochPoint[]): string {
  const columns = Object.entries(COLUMNS).filter(
    ([key, field]) => ALWAYS.includes(key) || epochs.some((point) => point[field] !== undefined),
  );
  const rows = epochs.map((point) => columns.map(([, field]) => point[field]));
  return csvLines([columns.map(([key]) => key), ...rows]);
}
