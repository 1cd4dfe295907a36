/** Models of several files: whatever stops their writing, the old model or the new one is there, never a mixture. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import promises, { type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { hostname } from "node:os";
import type { Network, Weights } from "@phew/core";
import { Masks, maskedWeights, zooModel } from "@phew/core";
import { afterEach, describe, expect, it } from "vitest";
import { exportModel, readOnnx, writeOnnx } from "../src/index.ts";
import { writeTfjs } from "../src/tfjs/exportTfjs.ts";
import { readTfjs } from "../src/tfjs/importTfjs.ts";
import { writeNetworkAsTfjs } from "../src/tfjs/networkAsTfjs.ts";
import { type Bundle, writeBundle, writeWhole } from "../src/writeFile.ts";
import { uniform } from "./fuzz.ts";
import { masksFor } from "./masks.ts";
import { randomWeights, sameBits } from "./predict.ts";
import { scratchFolder } from "./scratch.ts";

/** What the disk does: `before` is called ahead of each operation that changes it. */
const disk = { before: (_operation: string): void | Promise<void> => undefined };
const { open, link, rename, unlink } = promises;

function watched<A extends unknown[], R>(name: string, operation: (...given: A) => Promise<R>) {
  return async (...given: A): Promise<R> => {
    await disk.before(name);
    return operation(...given);
  };
}

async function watchedOpen(...given: Parameters<typeof open>): Promise<FileHandle> {
  if (given[1] !== "wx") return open(...given);
  await disk.before("open");
  const handle = await open(...given);
  for (const name of ["write", "sync"] as const)
    Object.assign(handle, { [name]: watched(name, handle[name].bind(handle) as () => Promise<unknown>) });
  const close = handle.close.bind(handle);
  // descriptors are given back in any case
  Object.assign(handle, { close: () => close().then(() => disk.before("close")) });
  return handle;
}

// for every module that has imported them
Object.assign(promises, {
  open: watchedOpen,
  link: watched("link", link),
  rename: watched("rename", rename),
  unlink: watched("unlink", unlink),
});
syncBuiltinESMExports();

afterEach(() => {
  disk.before = () => undefined;
});

const scratch = scratchFolder();
const FIXTURES = new URL("./fixtures/torch/", import.meta.url).pathname;
interface Read {
  readonly network: Network;
  readonly weights: Weights;
}

/** A way to write a model where another is, or none. */
interface Scenario {
  readonly name: string;
  readonly main: string;
  /** Makes the files that are there before. */
  prepare(folder: string): Promise<void> | void;
  read(path: string): Promise<Read>;
  write(path: string): Promise<unknown>;
}

const copy = (folder: string, name: string) => {
  for (const suffix of ["", ".data"])
    cpSync(`${FIXTURES}${name}-dynamo.onnx${suffix}`, `${folder}/${name}-dynamo.onnx${suffix}`);
};
const onnx = (force: boolean, source?: string) => async (path: string) => {
  const model = await readOnnx(source ?? path);
  await writeOnnx(path, model, masksFor(model.network, 3), "zeroed", { force });
};
const tfjsFrom = async (path: string, seed: number, force: boolean) => {
  const { network } = await readOnnx(`${FIXTURES}mlp-dynamo.onnx`);
  const weights = randomWeights(network, uniform(seed));
  await writeNetworkAsTfjs(path, network, weights, Masks.dense(network), "zeroed", { force });
};

const SCENARIOS: readonly Scenario[] = [
  {
    name: "ONNX with data over its own source",
    main: "mlp-dynamo.onnx",
    prepare: (folder) => copy(folder, "mlp"),
    read: readOnnx,
    write: onnx(true),
  },
  {
    name: "ONNX with data over another model",
    main: "view-dynamo.onnx",
    prepare: (folder) => copy(folder, "view"),
    read: readOnnx,
    write: onnx(true, `${FIXTURES}mlp-dynamo.onnx`),
  },
  {
    name: "ONNX with data where no model is",
    main: "new.onnx",
    prepare: () => undefined,
    read: readOnnx,
    write: onnx(false, `${FIXTURES}mlp-dynamo.onnx`),
  },
  {
    name: "tfjs over its own source",
    main: "model.json",
    prepare: (folder) => tfjsFrom(`${folder}/model.json`, 1, false),
    read: readTfjs,
    async write(path) {
      const model = await readTfjs(path);
      await writeTfjs(path, model, masksFor(model.network, 3), "zeroed", { force: true });
    },
  },
  {
    name: "tfjs where no model is",
    main: "model.json",
    prepare: () => undefined,
    read: readTfjs,
    write: (path) => tfjsFrom(path, 2, false),
  },
];

describe.each(SCENARIOS)("$name", ({ name, main, prepare, read, write }) => {
  const fresh = async (stop: string) => {
    const folder = scratch(`${name}-${stop}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    await prepare(folder);
    return folder;
  };
  const weightsAt = async (folder: string) =>
    readdirSync(folder).includes(main) ? (await read(`${folder}/${main}`)).weights : undefined;
  const same = (a: Weights | undefined, b: Weights | undefined) =>
    a === b ||
    (a?.size === b?.size && [...(a ?? [])].every(([key, values]) => sameBits(values, b?.get(key))));

  /** Runs the writing with `before` on the disk. @returns whether it got through */
  const run = async (folder: string, before: (count: number) => void) => {
    let count = 0;
    disk.before = () => before(count++);
    const done = await write(`${folder}/${main}`).then(
      () => true,
      () => false,
    );
    disk.before = () => undefined;
    return { done, count };
  };

  it("is old or new after a death between any two operations on the disk, and can be written again", async () => {
    const whole = await fresh("whole");
    const old = await weightsAt(whole);
    const { count } = await run(whole, () => undefined);
    const wanted = await weightsAt(whole);
    expect(same(old, wanted)).toBe(false);
    expect(readdirSync(whole).filter((file) => file.endsWith(".partial"))).toEqual([]);
    expect(count).toBeGreaterThan(8);
    const seen = new Set<string>();
    for (let stop = 0; stop <= count; stop++) {
      const folder = await fresh("killed");
      await run(folder, (step) => {
        // the dead do not tidy up either
        if (step >= stop) throw new Error("killed");
      });
      const found = await weightsAt(folder);
      expect(same(found, old) || same(found, wanted), `after ${stop} operations`).toBe(true);
      seen.add(same(found, old) ? "old" : "new");
      if (found === undefined) await run(folder, () => undefined);
      expect(await weightsAt(folder)).toBeDefined();
    }
    expect([...seen]).toEqual(["old", "new"]);
  });

  it("is as it was, with nothing beside it, after any operation on the disk failed", async () => {
    const whole = await fresh("counted");
    const before = readdirSync(whole);
    const old = await weightsAt(whole);
    const { count } = await run(whole, () => undefined);
    const after = readdirSync(whole);
    const wanted = await weightsAt(whole);
    for (let stop = 0; stop < count; stop++) {
      const folder = await fresh("failed");
      const { done } = await run(folder, (step) => {
        if (step === stop) throw Object.assign(new Error("EIO"), { code: "EIO", syscall: "write" });
      });
      expect(same(await weightsAt(folder), done ? wanted : old), `operation ${stop}`).toBe(true);
      const extra = readdirSync(folder).filter((file) => !(done ? after : before).includes(file));
      // what could not be removed stays
      expect(extra.length, `operation ${stop}: ${extra}`).toBeLessThanOrEqual(done ? 1 : 0);
    }
  });
});

describe("what is replaced and what is not", () => {
  it("alternates between two names of data, and leaves none behind", async () => {
    const folder = scratch("alternating");
    mkdirSync(folder);
    copy(folder, "mlp");
    const path = `${folder}/mlp-dynamo.onnx`;
    for (const data of ["mlp-dynamo.onnx.1.data", "mlp-dynamo.onnx.data", "mlp-dynamo.onnx.1.data"]) {
      const model = await readOnnx(path);
      const masks = masksFor(model.network, data.length);
      const masked = maskedWeights(model.weights, masks);
      await writeOnnx(path, model, masks, "zeroed", { force: true });
      expect(readdirSync(folder)).toEqual(["mlp-dynamo.onnx", data]);
      const { weights } = await readOnnx(path);
      for (const [key, values] of masked) expect(sameBits(weights.get(key), values), key).toBe(true);
    }
  });

  it("removes the data of a model that is replaced by one that needs none", async () => {
    const folder = scratch("no-data");
    mkdirSync(folder);
    copy(folder, "mlp");
    const network = zooModel("lenet5");
    const zoo = { format: "zoo", network, weights: randomWeights(network, uniform(1)) } as const;
    const path = `${folder}/mlp-dynamo.onnx`;
    await exportModel(path, zoo, Masks.dense(network), "zeroed", { force: true });
    expect(readdirSync(folder)).toEqual(["mlp-dynamo.onnx"]);
    expect((await readOnnx(path)).network.prunableCount).toBe(network.prunableCount);
  });

  it("keeps files that the old model does not name, or that bear names of the user's", async () => {
    const folder = scratch("others");
    mkdirSync(folder);
    writeFileSync(`${folder}/out.onnx.data`, "the user's");
    writeFileSync(`${folder}/out.onnx`, "no model");
    const model = await readOnnx(`${FIXTURES}mlp-dynamo.onnx`);
    await writeOnnx(`${folder}/out.onnx`, model, masksFor(model.network, 1), "compact", { force: true });
    expect(readFileSync(`${folder}/out.onnx.data`, "utf8")).toBe("the user's");
    expect(readdirSync(folder)).toEqual(["out.onnx", "out.onnx.1.data", "out.onnx.data"]);
  });
});

describe("two that write the same name at once", () => {
  const only = (path: string, parts: number, text: string): Bundle => ({
    path,
    parts: Array.from({ length: parts }, () => [Buffer.from(text)]),
    partNames: (attempt) => Array.from({ length: parts }, (_, k) => `part${k}-${attempt}`),
    chunks: (names) => [Buffer.from(JSON.stringify({ text, names }))],
    ownParts: () => [],
  });

  it("do not both succeed without force, whichever comes when, and nothing of the loser stays", async () => {
    for (let hold = 0; hold < 14; hold++) {
      const folder = scratch(`raced-${hold}`);
      mkdirSync(folder);
      const path = `${folder}/same`;
      const outcome = (text: string) => writeBundle(only(path, 2, text)).then(() => "done", String);
      // the first waits before its operation number `hold` until the second is through
      let second: Promise<string> | undefined;
      let count = 0;
      disk.before = async () => {
        if (second !== undefined || count++ < hold) return;
        second = outcome("second");
        await second;
      };
      const outcomes = [await outcome("first"), await second];
      disk.before = () => undefined;
      const { text, names } = JSON.parse(readFileSync(path, "utf8"));
      for (const name of names) expect(readFileSync(`${folder}/${name}`, "utf8")).toBe(text);
      expect(readdirSync(folder)).toEqual([...names, "same"]);
      const failed = outcomes.filter((result) => result !== "done");
      expect(failed, `held at ${hold}`).toEqual([expect.stringMatching(/a file that exists.*--force/)]);
    }
  });

  it("works on file systems without hard links too", async () => {
    const folder = scratch("no-links");
    mkdirSync(folder);
    disk.before = (operation) => {
      if (operation === "link") throw Object.assign(new Error("EPERM"), { code: "EPERM", syscall: "link" });
    };
    await writeBundle(only(`${folder}/same`, 2, "first"));
    await expect(writeWhole(`${folder}/same`, [Buffer.from("x")])).rejects.toThrow("a file that exists");
    expect(readdirSync(folder)).toEqual(["part0-0", "part1-0", "same"]);
    expect(readFileSync(`${folder}/part1-0`, "utf8")).toBe("first");
  });
});

it("writes a name as long as the file system takes, and says when it is longer", async () => {
  const folder = scratch("long");
  mkdirSync(folder);
  await writeWhole(`${folder}/${"n".repeat(255)}`, [Buffer.from("x")]);
  expect(readdirSync(folder)).toEqual(["n".repeat(255)]);
  await expect(writeWhole(`${folder}/${"n".repeat(256)}`, [])).rejects.toThrow("a name that is too long");
  expect(readdirSync(folder)).toHaveLength(1);
});

describe("what a process that was killed left half written", () => {
  it("is removed by the next that writes there, once it is a minute old; what others write is left", async () => {
    const folder = scratch("stale");
    mkdirSync(folder);
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    const machine = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
    const other = machine.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
    const left = (name: string, ageS: number) => {
      writeFileSync(`${folder}/${name}`, "half");
      utimesSync(`${folder}/${name}`, Date.now() / 1000 - ageS, Date.now() / 1000 - ageS);
      return name;
    };
    left(`.phew.${machine}.${pid}.0.partial`, 120);
    const kept = [
      left(`.phew.${machine}.${pid}.1.partial`, 1),
      left(`.phew.${machine}.${process.pid}.999.partial`, 120),
      left(`.phew.${other}.${pid}.0.partial`, 120),
      left(`mine.${pid}.partial`, 120),
    ];
    await writeWhole(`${folder}/whole`, [Uint8Array.of(1)]);
    expect(readdirSync(folder).sort()).toEqual([...kept, "whole"].sort());
  });
});
