// Time of the digest of a data set, compared with reading the data: node packages/bench/src/digest.mjs
// 60,000 images of CIFAR-10's size in memory as bytes, and 2,000 files of 100 kB as in an image folder.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dataStamp } from "@phew/training";
import { ByteImages, digestOfExamples, FileDigest } from "@phew/training/bench";

const timed = async (what, act) => {
  const times = [];
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    await act();
    times.push(performance.now() - start);
  }
  console.log(`${what}: ${Math.min(...times).toFixed(0)} ms`);
};

const normalisation = { mean: [0, 0, 0], std: [1, 1, 1] };
const part = (count) =>
  new ByteImages([3, 32, 32], new Uint8Array(count * 3072).fill(7), new Uint8Array(count), normalisation);
const cifar = { train: part(50_000), test: part(10_000) };
await timed("digest of CIFAR-10 in memory, 184 MB", () => digestOfExamples(cifar));

const folder = mkdtempSync(join(tmpdir(), "phew-digest-"));
mkdirSync(join(folder, "train"));
const image = new Uint8Array(100_000).fill(3);
for (let k = 0; k < 2000; k++) writeFileSync(join(folder, "train", `${k}.jpg`), image);
const files = readdirSync(join(folder, "train")).map((name) => join(folder, "train", name));
await timed("reading 2,000 files of 100 kB", () => {
  for (const file of files) readFileSync(file);
});
await timed("reading them and their digest", () => {
  const digest = new FileDigest();
  for (const file of files) digest.add("0/0", readFileSync(file));
});
await timed("their stamp", () => dataStamp(folder));
rmSync(folder, { recursive: true });
