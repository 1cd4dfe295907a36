/** Measures the rows of an experiment that has its own function for them, one after the other. */
import type { Measurement } from "./experiment.ts";
import { readRows, writeRows } from "./results.ts";

export interface OwnWork {
  readonly measurement: Measurement;
  readonly file: string;
  /** Those without a row. */
  readonly keys: readonly string[];
}

/** The keys that are still to be measured. */
export function ownWork(measurement: Measurement, file: string): OwnWork {
  const rows = readRows(file, measurement.shape);
  return { measurement, file, keys: measurement.keys.filter((key) => !rows.has(key)) };
}

/** Measures these keys; rewrites the table after each row. @throws signal.reason */
export async function measureOwn(
  { measurement: { shape, keys: order, measure }, file, keys }: OwnWork,
  signal: AbortSignal,
  onProgress: (fraction: number, doing: string) => void,
): Promise<void> {
  const rows = readRows(file, shape);
  for (const [k, key] of keys.entries()) {
    // lets an interrupt arrive
    await new Promise((resolve) => setTimeout(resolve));
    signal.throwIfAborted();
    onProgress(k / keys.length, key);
    rows.set(key, await measure(key, signal));
    writeRows(
      file,
      shape,
      [...new Set([...order, ...rows.keys()])].flatMap((each) => rows.get(each) ?? []),
    );
  }
}
