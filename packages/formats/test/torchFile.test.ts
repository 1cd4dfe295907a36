import { readFileSync, writeFileSync } from "node:fs";
import { ArgumentError } from "@phew/core";
import { beforeAll, describe, expect, it } from "vitest";
import { caseCount } from "../../../vitest.long.ts";
import { Placeholder, unpickle } from "../src/pickle.ts";
import { readSafetensors } from "../src/safetensors.ts";
import type { Tensors } from "../src/tensor.ts";
import { parseTorch, readTorch } from "../src/torchFile.ts";
import { zipChunks } from "../src/zip.ts";
import { fuzz } from "./fuzz.ts";
import { pythonHas, runPython } from "./python.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();
const hasTorch = pythonHas("torch", "safetensors");

/** A file as torch.save lays it out, around a pickle written by hand. */
function archive(pickle: Uint8Array | string, storages: Record<string, Uint8Array> = {}): Uint8Array {
  const data = typeof pickle === "string" ? Buffer.from(pickle, "latin1") : pickle;
  const entries: [string, Uint8Array[]][] = [["m/data.pkl", [data]]];
  for (const [key, bytes] of Object.entries(storages)) entries.push([`m/data/${key}`, [bytes]]);
  return new Uint8Array(Buffer.concat([...zipChunks(entries)]));
}

/** The pickle of {"w": a tensor of float32} with this shape, these strides and this storage length, all one byte. */
function tensorPickle(shape: readonly number[], strides: readonly number[], offset = 0, length = 6): string {
  const int = (n: number) => `K${String.fromCharCode(n)}`;
  const tuple = (ns: readonly number[]) => `(${ns.map(int).join("")}t`;
  const storage = `(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu${int(length)}tQ`;
  const ordered = "ccollections\nOrderedDict\n)R";
  return `\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(${storage}${int(offset)}${tuple(shape)}${tuple(strides)}\x89${ordered}tRs.`;
}
const six = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);

describe.skipIf(!hasTorch)("a file of torch.save", () => {
  beforeAll(() => {
    runPython(
      `import sys, os, collections, torch
from safetensors.torch import save_file
to = sys.argv[1]
torch.manual_seed(5)
def save(name, value, plain, **options):
    torch.save(value, to + name + ".pt", **options)
    save_file({k: v.contiguous().clone() for k, v in plain.items()}, to + name + ".safetensors")
net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Linear(8, 5))
state = net.state_dict()
save("state", state, state)
for p in (3, 4, 5): save(f"protocol{p}", state, state, pickle_protocol=p)
types = {str(t)[6:]: torch.arange(6).reshape(2, 3).to(t) for t in [torch.float64, torch.float32, torch.float16, torch.bfloat16,
  torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool, torch.uint16, torch.uint32]}
types |= {"one": torch.tensor(3.5), "empty": torch.zeros(0, 4), "parameter": torch.nn.Parameter(torch.randn(3))}
save("types", types, {k: v.detach() for k, v in types.items()})
base = torch.arange(24.).reshape(2, 3, 4)
views = {"transposed": base.permute(2, 0, 1), "slice": base[:, 1:, ::2], "row": base[1, 2], "base": base, "half": base.half().t() if base.dim() == 2 else base.half().transpose(0, 2),
  "long": base.long().transpose(0, 1), "column": base.reshape(6, 4)[:, 1:2]}
save("views", views, views)
negatives = {str(t)[6:]: torch._neg_view(torch.tensor([[0.0, -0.0, 1.5, -2.0, torch.inf, 1.0 if t == torch.bfloat16 else torch.nan]] * 2, dtype=t)) for t in [torch.float64, torch.float32, torch.float16, torch.bfloat16]}
negatives |= {str(t)[6:]: torch._neg_view(torch.tensor([0, 1, 2, 100], dtype=t)) for t in [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]}
negatives |= {"transposed": torch._neg_view(base.permute(2, 0, 1)), "offset": torch._neg_view(base)[1, 2:], "twice": torch._neg_view(torch._neg_view(base)), "parameter": torch.nn.Parameter(torch._neg_view(base.clone())),
  "imaginary": torch.conj(torch.tensor([1 + 2j, 3 - 4j])).imag, "plain": torch.ones(3)}
assert negatives["imaginary"].is_neg() and negatives["parameter"].is_neg() and not negatives["twice"].is_neg()
save("negatives", negatives, {k: v.detach().resolve_neg() for k, v in negatives.items()})
opt = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
net.eval(); net[2](torch.randn(1, 8)).sum().backward(); opt.step()
state = net.state_dict()
save("checkpoint", {"epoch": 3, "best": 0.5, "state_dict": {"module." + k: v for k, v in state.items()}, "optimizer": opt.state_dict(), "args": {"lr": 0.1}}, state)
save("compiled", {"model": collections.OrderedDict(("_orig_mod.module." + k, v) for k, v in state.items()), "step": torch.tensor(3)}, state)
torch.save(state, to + "old.pt", _use_new_zipfile_serialization=False)
torch.save(net, to + "module.pt")
torch.save({"w": torch.zeros(1).expand(1000)}, to + "expanded.pt")
torch.save({"lr": 0.1}, to + "nothing.pt")
torch.save(torch.randn(3), to + "bare.pt")
class Evil:
    def __reduce__(self): return (os.system, ("touch " + to + "ran",))
w = torch.randn(3)
save_file({"w": w}, to + "evil.safetensors")
torch.save({"w": w, "x": Evil()}, to + "evil.pt")
torch.save({"w": torch.randn(3).to_sparse()}, to + "sparse.pt")
import argparse, pathlib, datetime, enum, dataclasses, functools, types as kinds, decimal, fractions, uuid, random
import numpy as np
sys.modules["their"] = their = kinds.ModuleType("their")
class Their(collections.OrderedDict): pass
class Colour(enum.Enum): RED = 1
@dataclasses.dataclass
class Settings:
    lr: float = 0.1
    betas: tuple = (0.9, 0.99)
class Slots:
    __slots__ = ("a",)
class Reduced:
    def __reduce_ex__(self, protocol): return (getattr, ("x", "y"), {"z": 1}, iter([1]), iter({"k": 2}.items()))
for c in (Their, Colour, Settings, Slots, Reduced): c.__module__ = "their"; setattr(their, c.__name__, c); c.__qualname__ = c.__name__
slots = Slots(); slots.a = 3
adam = torch.optim.Adam(net.parameters()); adam.step()
scheduler = torch.optim.lr_scheduler.StepLR(adam, 3)
neighbours = {"args": argparse.Namespace(lr=0.1, path=pathlib.Path("/tmp")), "best_acc1": np.float64(0.5), "int": np.int64(3), "bool": np.bool_(True), "array": np.arange(5.0),
  "when": datetime.datetime(2026, 11, 30), "delta": datetime.timedelta(3), "set": {1, "a"}, "frozen": frozenset([1]), "bytes": b"abc", "bytearray": bytearray(b"abc"), "complex": 1 + 2j,
  "size": torch.Size([2, 3]), "dtype": torch.float16, "device": torch.device("cpu"), "layout": torch.strided, "path": pathlib.PurePosixPath("a/b"), "colour": Colour.RED,
  "dataclass": Settings(), "partial": functools.partial(max, 1), "default": collections.defaultdict(list, {"a": [1]}), "counter": collections.Counter("abc"), "deque": collections.deque([1]),
  "their": Their(a=1), "slots": slots, "reduced": Reduced(), "class": Settings, "function": os.path.join, "decimal": decimal.Decimal("1.5"), "uuid": uuid.UUID(int=3), "range": range(3), "slice": slice(1, 2),
  "ellipsis": ..., "optimizer": adam.state_dict(), "scheduler": scheduler.state_dict(), "rng_state": torch.get_rng_state(), "python_rng": random.getstate(), "numpy_rng": np.random.get_state(),
  "ema": {k: v + 1 for k, v in state.items()}, "history": [{"loss": np.float32(0.5)}], "huge": 2 ** 200, "complex_tensor": torch.zeros(2, dtype=torch.complex64), "evil": Evil()}
for p in (2, 3, 4, 5): save(f"neighbours{p}", {"epoch": 3, "state_dict": dict(state), **neighbours}, state, pickle_protocol=p)
save("inside", {**state, "extra": argparse.Namespace(a=1), "version": np.int64(2), "freqs": torch.zeros(2, dtype=torch.complex64)}, state)
save("subclass", Their(state), state)
save("nested", {"checkpoint": {"epoch": 1, "model": {"net": dict(state)}}, "args": argparse.Namespace()}, state)
save("odd", {"encoder": dict(state), "optimizer": adam.state_dict(), "epoch": 3}, state)
save("attributes", {k: v for k, v in zip(state, [torch.nn.Parameter(v, requires_grad=False) if v.is_floating_point() else v for v in state.values()])}, state)
torch.save({"generator": state, "discriminator": state.copy()}, to + "two.pt")
torch.save({"model": net, "epoch": 3}, to + "yolo.pt")
import pickle
pickle.dump({"w": [1.0]}, open(to + "bare-pickle.pt", "wb"))
torch.jit.save(torch.jit.script(net), to + "script.pt")`,
      `${scratch("")}/`,
    );
  });

  const same = (tensors: Tensors, expected: Tensors) => {
    expect([...tensors.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [name, { dtype, shape, data }] of expected) {
      const tensor = tensors.get(name)!;
      expect([name, tensor.dtype, tensor.shape]).toEqual([name, dtype, shape]);
      expect(Buffer.compare(tensor.data, data)).toBe(0);
    }
  };

  it.each(["state", "protocol3", "protocol4", "protocol5", "types", "views", "negatives"])(
    "is read bit for bit: %s",
    async (name) => {
      const { tensors, notes } = await readTorch(scratch(`${name}.pt`));
      same(tensors, (await readSafetensors(scratch(`${name}.safetensors`))).tensors);
      expect(notes).toEqual([]);
      same((await parseTorch(new Uint8Array(readFileSync(scratch(`${name}.pt`))))).tensors, tensors);
    },
  );

  it("that is a checkpoint gives the model's state dict, wrappers taken off its names", async () => {
    const checkpoint = await readTorch(scratch("checkpoint.pt"));
    same(checkpoint.tensors, (await readSafetensors(scratch("checkpoint.safetensors"))).tensors);
    expect(checkpoint.notes).toEqual([
      'Took "state_dict" of the checkpoint; left out: epoch, best, optimizer, args.',
      'Took "module." off every name.',
    ]);
    const compiled = await readTorch(scratch("compiled.pt"));
    same(compiled.tensors, checkpoint.tensors);
    expect(compiled.notes.slice(1)).toEqual([
      'Took "_orig_mod." off every name.',
      'Took "module." off every name.',
    ]);
  });

  it.each([
    ["old", /format before PyTorch 1\.6.*weights_only=True/],
    [
      "module",
      /an object of the class torch\.nn\.modules\.container\.Sequential, pickled whole.*Save the state_dict alone/,
    ],
    [
      "yolo",
      /whose "model" is an object of the class torch\.nn\.modules\.container\.Sequential, pickled whole/,
    ],
    ["sparse", /without named tensors \(w \(torch\._utils\._rebuild_sparse_tensor\)\)/],
    ["script", /a TorchScript module, which is code/],
    ["two", /2 dictionaries of tensors: "generator" \(9 tensors\), "discriminator" \(9 tensors\)/],
    ["bare-pickle", /a bare Python pickle/],
    ["expanded", /1,000 elements over 1 in memory.*contiguous/],
    ["nothing", /dictionary without named tensors \(lr\)/],
    ["bare", /no dictionary/],
  ])(
    "that holds more than tensors is refused by name, and nothing of it is run: %s",
    async (name, message) => {
      await expect(readTorch(scratch(`${name}.pt`))).rejects.toThrow(message);
      await expect(readTorch(scratch(`${name}.pt`))).rejects.toThrow(ArgumentError);
      expect(() => readFileSync(scratch("ran"))).toThrow(/ENOENT/);
    },
  );

  it.each([2, 3, 4, 5])(
    "is read where harmless objects stand beside its tensors, which are named and not made: protocol %i",
    async (protocol) => {
      const { tensors, notes } = await readTorch(scratch(`neighbours${protocol}.pt`));
      same(tensors, (await readSafetensors(scratch(`neighbours${protocol}.safetensors`))).tensors);
      expect(notes).toHaveLength(1);
      expect(notes[0]).toMatch(
        /^Took "state_dict" of the checkpoint; left out: epoch, args \(argparse\.Namespace\), best_acc1 \(numpy\..*scalar\).*and 3\d more\.$/,
      );
      expect(() => readFileSync(scratch("ran"))).toThrow(/ENOENT/);
    },
  );

  it.each([
    ["evil", /^Left out what is no tensor: x \(posix\.system\)\.$/],
    [
      "inside",
      /^Left out what is no tensor: extra \(argparse\.Namespace\), version \(numpy.*\), freqs \(a tensor of torch\.Complex/,
    ],
    [
      "nested",
      /^Took "checkpoint\.model\.net" of the checkpoint; left out: args \(argparse\.Namespace\), epoch\.$/,
    ],
    ["odd", /^Took "encoder" of the checkpoint; left out: optimizer, epoch\.$/],
    ["subclass", undefined],
    ["attributes", undefined],
  ])("is found wherever it lies, and objects in it are left out: %s", async (name, note) => {
    const { tensors, notes } = await readTorch(scratch(`${name}.pt`));
    same(tensors, (await readSafetensors(scratch(`${name}.safetensors`))).tensors);
    expect(notes).toHaveLength(note === undefined ? 0 : 1);
    if (note !== undefined) expect(notes[0]).toMatch(note);
    expect(() => readFileSync(scratch("ran"))).toThrow(/ENOENT/);
  });

  it("damaged costs an ArgumentError", async () => {
    const report = await fuzz(
      [new Uint8Array(readFileSync(scratch("state.pt")))],
      caseCount(1_000, 100_000),
      31,
      (bytes) => parseTorch(bytes),
    );
    expect(report.largestAllocation).toBeLessThan(1e6);
  });
});

const mutants = caseCount(4_000, 100_000);

describe("what a tensor is made with", () => {
  const made = (text: string) =>
    tensorPickle([3], [1]).replace("ccollections\nOrderedDict\n)RtR", `ccollections\nOrderedDict\n)R${text}`);
  const metadata = (name: string, value: string) =>
    made(`}X${String.fromCharCode(name.length)}\0\0\0${name}${value}stR`);
  const values = async (pickle: string) => {
    const { tensors, others } = await parseTorch(archive(pickle, { 0: six }));
    const tensor = tensors.get("w");
    return [tensor && [...new Float32Array(tensor.data.slice().buffer)], others.get("w")];
  };

  it("is applied where it sets the negative bit, and passed over where it sets nothing", async () => {
    expect(await values(metadata("neg", "\x88"))).toEqual([[-1, -2, -3], undefined]);
    expect(await values(metadata("neg", "\x89"))).toEqual([[1, 2, 3], undefined]);
    expect(await values(metadata("other", "\x89"))).toEqual([[1, 2, 3], undefined]);
    expect(await values(made("NtR"))).toEqual([[1, 2, 3], undefined]);
  });

  it.each(["conj", "other"])("makes a tensor that only its code could make: %s", async (name) => {
    await expect(values(metadata(name, "\x88"))).rejects.toThrow(`w (a tensor with "${name}" set)`);
  });

  it.each([
    ["metadata that is no dictionary", made("K\x01tR"), /other arguments than PyTorch gives/],
    ["metadata that is no yes or no", metadata("neg", "K\x01"), /other arguments than PyTorch gives/],
    ["more than PyTorch gives", made("}NtR"), /other arguments than PyTorch gives/],
    ["a state beside its elements", made("tR}b"), /a state for what has none/],
    [
      "a storage that is a window on another",
      tensorPickle([3], [1]).replace("K\x06tQ", "K\x06NtQ"),
      /a storage of more than/,
    ],
  ])("is refused where it is %s", async (_, pickle, message) => {
    await expect(values(pickle)).rejects.toThrow(message);
    await expect(values(pickle)).rejects.toThrow(ArgumentError);
  });
});

describe("a window on a storage", () => {
  it("is read through its strides", async () => {
    const { tensors } = await parseTorch(archive(tensorPickle([3, 2], [1, 3]), { 0: six }));
    expect([...new Float32Array(tensors.get("w")!.data.slice().buffer)]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it.each<[string, string, RegExp]>([
    [
      "reaches beyond its end",
      tensorPickle([3, 2], [2, 2]),
      /shape \[3, 2\] and strides \[2, 2\] from 0 on, beyond/,
    ],
    ["begins beyond its end", tensorPickle([1], [1], 6), /beyond its storage/],
    ["has more axes than strides", tensorPickle([1, 1], [1]), /beyond its storage/],
    ["repeats itself", tensorPickle([7], [0]), /7 elements over 6 in memory/],
    ["is of another length", tensorPickle([1], [1], 0, 5), /storage "0": got 24 bytes, expected 20/],
  ])("that %s is refused", async (_, pickle, message) => {
    await expect(parseTorch(archive(pickle, { 0: six }))).rejects.toThrow(message);
  });

  it("without its storage is refused", async () => {
    await expect(parseTorch(archive(tensorPickle([1], [1])))).rejects.toThrow(/storage "0": got none/);
  });
});

describe("a pickle", () => {
  const read = (text: string) =>
    unpickle(new Uint8Array(Buffer.from(text, "latin1")), {
      subject: "p",
      globals: new Map(),
      persistent: (id) => id,
    });

  it("of plain values is read", () => {
    expect(
      read("\x80\x02]q\0(K\x01M\x00\x02J\xff\xff\xff\xff\x8a\x02\x00\x80\x88\x89NX\x02\0\0\0\xc3\xa9e."),
    ).toEqual([1, 512, -1, -32768, true, false, null, "é"]);
    expect(read("\x80\x04\x95\0\0\0\0\0\0\0\0}\x94\x8c\x01a\x94G?\xf8\0\0\0\0\0\0s.")).toEqual(
      new Map([["a", 1.5]]),
    );
    expect(read("\x80\x02\x8a\x09\0\0\0\0\0\0\0\0\x01.")).toBe(2n ** 64n);
  });

  it.each([
    ["cos\nsystem\nX\x01\0\0\0a\x85R.", "os.system"],
    ["\x8c\x08builtins\x8c\x04eval\x93.", "builtins.eval"],
    ["(K\x01ios\nsystem\n.", "os.system"],
    ["(cos\nsystem\nK\x01o.", "os.system"],
    ["cos\nsystem\n)}\x92.", "os.system"],
    ["cos\nsystem\n)\x81}b.", "os.system"],
    ["cos\nsystem\n)R)R(K\x01K\x02u(K\x01e.", "os.system"],
    ["\x82\x01.", "extension 1"],
    ["\x97\x98.", "a buffer outside of the file"],
  ])("that names code gives a placeholder, whatever the opcode: %j", (text, name) => {
    const made = read(text);
    expect(made).toBeInstanceOf(Placeholder);
    expect((made as Placeholder).name).toBe(name);
  });

  it("of protocol 0 is read", () => {
    expect(read("(lp0\nI1\naI01\naL2L\naF0.5\naS'a'\nap1\n.")).toEqual([1, 1, 2, 0.5, "'a'"]);
    expect(read("Pid\n.")).toBe("id");
  });

  it.each([
    ["K\x01\x85K\x01R.", /a call of what cannot be called/],
    ["}K\x01a.", /no list/],
    ["]K\x01K\x02s.", /no dictionary/],
    ["h\x05.", /memo 5/],
    ["t.", /no mark/],
    [".", /too few values/],
    ["X\xff\xff\xff\xffa.", /ends too early/],
    ["\x8e\xff\xff\xff\xff\xff\xff\xff\xffa.", /ends too early/],
    ["\x8b\xff\xff\xff\x7fa.", /whole number of 2,147,483,647 bytes/],
    ["\x80\x06.", /protocol 6/],
    ["\xff.", /opcode 0xff/],
    ["Ix\n.", /no whole number/],
    ["(K\x01o.", /cannot be called/],
    ["]K\x01\x93.", /name is no text/],
    ["cos", /ends too early/],
  ])("that does more is refused: %j", (text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).toThrow(ArgumentError);
  });

  it(`damaged in ${mutants} ways inside a sound archive costs an ArgumentError, little time and little memory`, async () => {
    const bases = [tensorPickle([3, 2], [1, 3]), tensorPickle([2, 3], [3, 1])].map((text) =>
      Buffer.from(text, "latin1"),
    );
    const report = await fuzz(bases, mutants, 32, (bytes) => parseTorch(archive(bytes, { 0: six })));
    expect(report.largestAllocation).toBeLessThan(1e6);
    expect(report.refusedCount).toBeGreaterThan(mutants / 2);
    expect(report.acceptedCount).toBeGreaterThan(mutants / 100);
  });

  it("nested 100,000 deep is read without running out of stack", () => {
    expect(() => read(`${"]".repeat(100_000)}${"a".repeat(99_999)}.`)).not.toThrow();
    writeFileSync(scratch("deep.pt"), archive(`${"]".repeat(100_000)}${"a".repeat(99_999)}.`));
    return expect(readTorch(scratch("deep.pt"))).rejects.toThrow(/no dictionary/);
  });
});
