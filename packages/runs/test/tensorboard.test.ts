/** TensorBoard's event files, held against bytes and sums that TensorFlow's own code gives. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { crc32c } from "../src/crc32c.ts";
import { keepRecords, TensorboardFile } from "../src/tensorboardFile.ts";
import { runHparams } from "../src/tensorboardHparams.ts";
import {
  restartRecord,
  scalarRecord,
  sessionEndRecord,
  sessionStartRecord,
  versionRecord,
} from "../src/tensorboardRecord.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "phew-tb-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("has the checksums of RFC 3720, appendix B.4", () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, k) => k))).toBe(0x46dd794e);
});

it("writes records byte for byte as TensorBoard's own writer", () => {
  // RecordWriter(…).write(Event(…).SerializeToString()) of tensorboard 2.21
  expect(versionRecord(1_500_000_000_250).toString("hex")).toBe(
    "1800000000000000a37f4b2209000010c00b5ad6411a0d627261696e2e4576656e743a32130a0322",
  );
  expect(scalarRecord(1_500_000_000_250, 300, { "train/loss": 0.25 }).toString("hex")).toBe(
    "2100000000000000017becf609000010c00b5ad64110ac022a130a110a0a747261696e2f6c6f7373150000803ee54585bd",
  );
  expect(restartRecord(1_500_000_000_250, 301).toString("hex")).toBe(
    "100000000000000095fbfe1809000010c00b5ad64110ad023a020801b82adc05",
  );
});

it("writes settings and endings byte for byte as the plugin's own messages", () => {
  // Event(summary=Summary(value=[Value(tag, metadata=SummaryMetadata(plugin_data=…))])) of tensorboard 2.21
  const start = sessionStartRecord(1_500_000_000_250, "6c47abdcca", new Map([["rate", 0.05]]));
  expect(start.toString("hex")).toBe(
    "6400000000000000435f1cdf09000010c00b5ad6412a590a570a1c5f68706172616d735f2f73657373696f6e5f73746172745f696e666f4a370a350a0768706172616d73122a1a280a110a04726174651209119a9999999999a93f220a3663343761626463636129000010c00b5ad64100a669be",
  );
  const entries = new Map<string, string | number | boolean>([
    ["a", "phew"],
    ["b", true],
    ["c", false],
    ["d", 0],
    ["e", ""],
  ]);
  expect(sessionStartRecord(0, "g", entries).toString("hex")).toContain(
    "0a0b0a016112061a0470686577" +
      "0a070a016212022001" +
      "0a070a016312022000" +
      "0a0e0a01641209110000000000000000" +
      "0a070a016512021a00",
  );
  const end = sessionEndRecord(1_500_000_001_500, true).subarray(12).toString("hex");
  expect(end).toContain(
    "0a1a5f68706172616d735f2f73657373696f6e5f656e645f696e666f4a1a0a180a0768706172616d73120d220b080111000060c00b5ad641",
  );
});

it("has the settings of a run, and trace, widths, gradient norms and images a second as scalars", () => {
  const file = new TensorboardFile(folder, "6c47abdcca");
  const config = { model: "lenet5", rate: 0.1, options: { bias: "square" }, drops: [0.5, 0.75], seed: 3 };
  file.append({ t: 1, kind: "run.started", name: "n", config });
  const layer = { name: "fc.weight", shape: [2, 4], keptCount: 2, count: 8, width: 0.5 };
  const measures = {
    ...{ pathKernelTrace: 100, relativeTrace: 0, log10RelativeTrace: -400, meanWidth: 0.5, minWidth: 0.5 },
    ...{ deadUnitCount: 1, ineffectiveCount: 0, logPathCount: 3 },
  };
  const mask = { method: "phew", requestedDensity: 0.25, density: 0.25, keptCount: 2, elapsedMs: 1 };
  file.append({ t: 2, kind: "prune.finished", ...mask, layers: [layer], measures });
  const result = { loss: 1, accuracy: 0.5, testLoss: 1, testAccuracy: 0.5, rate: 0.1, elapsedMs: 1 };
  file.append({ t: 3, kind: "train.epoch", epoch: 1, ...result, gradientNorms: [0.25] });
  file.append({ t: 4, kind: "run.finished", elapsedMs: 4 });
  file.close();
  const bytes = readFileSync(join(folder, readdirSync(folder)[0]!));
  const settings = new Map<string, string | number | boolean>(runHparams(config));
  expect(Object.fromEntries(settings)).toMatchObject({
    ...{ model: "lenet5", rate: 0.1, "options.bias": "square", drops: "0.5,0.75", epochs: 4 },
  });
  expect(settings.has("seed")).toBe(false);
  for (const record of [
    sessionStartRecord(1, "6c47abdcca", settings),
    scalarRecord(2, 0, {
      ...{ "mask/density": 0.25, "mask/log10_trace": 2, "mask/log10_relative_trace": -400 },
      ...{ "mask/mean_width": 0.5, "mask/density/fc.weight": 0.25, "mask/width/fc.weight": 0.5 },
    }),
    scalarRecord(3, 1, {
      ...{ "train/loss": 1, "train/accuracy": 0.5, "test/loss": 1, "test/accuracy": 0.5 },
      "gradient_norm/fc.weight": 0.25,
    }),
    sessionEndRecord(4, true),
  ])
    expect(bytes.includes(record)).toBe(true);
});

it("goes on in a file of its own, once what stands behind the checkpoint is out of the older ones", () => {
  const step = (n: number) =>
    ({ t: n, kind: "train.step", epoch: 1, step: n, loss: n, rate: 1, imagesPerSecond: 1 }) as const;
  const resumed = (at: number) =>
    new TensorboardFile(folder, "6c47abdcca", { step: at, stepsPerEpoch: 1, layers: [] });
  const first = new TensorboardFile(folder, "6c47abdcca");
  first.append(step(1));
  const end = first.flush();
  first.append(step(2));
  first.close();
  const lost = resumed(2);
  lost.append(step(3));
  lost.close();
  expect(readdirSync(folder).length).toBe(2);
  keepRecords(folder, end);
  const second = resumed(1);
  second.append(step(2));
  second.close();
  const names = readdirSync(folder).sort();
  expect(names[0]).toBe(end.file);
  const bytes = names.map((name) => readFileSync(join(folder, name)));
  expect(bytes[0]!.length).toBe(end.length);
  const stepTwo = scalarRecord(2, 2, { "train/step_loss": 2, "train/rate": 1, "train/images_per_second": 1 });
  expect(bytes[0]!.includes(stepTwo)).toBe(false);
  expect(bytes[1]!.subarray(-stepTwo.length)).toEqual(stepTwo);
});
