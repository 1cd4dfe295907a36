/** TensorBoard's event files, held against bytes and sums that TensorFlow's own code gives. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { crc32c } from "../src/crc32c.ts";
import { keepRecords, TensorboardFile } from "../src/tensorboardFile.ts";
import { restartRecord, scalarRecord, versionRecord } from "../src/tensorboardRecord.ts";

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

it("goes on in a file of its own, once what stands behind the checkpoint is out of the older ones", () => {
  const step = (n: number) =>
    ({ t: n, kind: "train.step", epoch: 1, step: n, loss: n, rate: 1, imagesPerSecond: 1 }) as const;
  const first = new TensorboardFile(folder, undefined);
  first.append(step(1));
  const end = first.flush();
  first.append(step(2));
  first.close();
  const lost = new TensorboardFile(folder, 2);
  lost.append(step(3));
  lost.close();
  expect(readdirSync(folder).length).toBe(2);
  keepRecords(folder, end);
  const second = new TensorboardFile(folder, 1);
  second.append(step(2));
  second.close();
  const names = readdirSync(folder).sort();
  expect(names[0]).toBe(end.file);
  const bytes = names.map((name) => readFileSync(join(folder, name)));
  expect(bytes[0]!.length).toBe(end.length);
  const stepTwo = scalarRecord(2, 2, { "train/step_loss": 2, "train/rate": 1 });
  expect(bytes[0]!.includes(stepTwo)).toBe(false);
  expect(bytes[1]!.subarray(-stepTwo.length)).toEqual(stepTwo);
});
