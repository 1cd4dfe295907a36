/**
 * The table of bad input: what verbs are asked to do where all is well, and everything that may be wrong with it. Driven
 * by badInput.test.ts.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { onnxFile } from "../../../packages/formats/test/onnxFile.ts";
import { denseTfjs, smallSafetensors } from "../../../packages/formats/test/smallFiles.ts";
import { OPTIMISER_SETTINGS } from "../src/settings/optimisers.ts";
import { safetensorsBytes, zipOf } from "./phew.ts";

const quick = "--train-count 8 --test-count 8 --epochs 1 --threads 1".split(" ");

/** Command lines that succeed, by verb: each bad input is added to them, or stands in place of what they name. */
export const VERBS = {
  prune: ["prune", "mlp", "--density", "0.5"],
  analyze: ["analyze", "mlp"],
  compare: "compare mlp --method random --density 0.5 --seed 0 --workers 1".split(" "),
  predict: ["predict", "mlp", "--batch", "batch.safetensors"],
  export: "export mlp --masks masks.safetensors --out new.onnx".split(" "),
  train: ["train", "mlp", "--density", "0.5", ...quick],
  imp: ["imp", "mlp", "--density", "0.5", "--rounds", "1", ...quick],
  recipes: ["recipes"],
  "data fetch": ["data", "fetch", "arrays"],
  "data check": ["data", "check", "glyphs"],
  sweep: ["sweep", "sweep.json"],
  "runs list": ["runs", "list"],
  "runs show": ["runs", "show", "401a"],
  "runs diff": ["runs", "diff", "401a", "401a"],
  "runs tag": ["runs", "tag", "401a"],
  "runs note": ["runs", "note", "401a"],
  "runs remove": ["runs", "remove", "401a", "--dry-run"],
  watch: ["watch", "--once"],
  report: ["report", "runs/e", "--no-figures"],
  knee: ["knee", "knees/k"],
  zoo: ["zoo", "mlp"],
  completion: ["completion", "bash"],
  doctor: ["doctor", "mlp"],
  demo: ["demo"],
  reproduce: ["reproduce", "accuracy"],
  "bench train": "bench train mlp --batch-size 1 --rounds 1 --round-seconds 0 --baseline none".split(" "),
  "bench predict": "bench predict mlp --batch-size 1 --rounds 1 --round-seconds 0 --baseline none".split(" "),
  "bench layer":
    "bench layer --shape 3x6x6-4 --batch-size 1 --rounds 1 --round-seconds 0 --baseline none".split(" "),
  "bench prune": "bench prune mlp --rounds 1".split(" "),
} as const satisfies Record<string, readonly string[]>;

interface BadValues {
  readonly values: readonly string[];
  /** What the message says; the option's name or what it is of unless given. */
  readonly message?: RegExp;
  /** Options without which this one means nothing, for every verb or by verb. */
  readonly with?: readonly string[] | Readonly<Record<string, readonly string[]>>;
}
const bad = (values: readonly string[], message?: RegExp, more: BadValues["with"] = []): BadValues => ({
  values,
  ...(message && { message }),
  with: more,
});

/** What looks at examples. */
const looking = { prune: ["--method", "snip"], compare: ["--method", "snip"] };

const COUNTS = ["0", "-1", "1.5", "x", "", "9007199254740993"];
const FRACTIONS = ["-0.1", "1.5", "NaN", "x", ""];
const AMOUNTS = ["-1", "Infinity", "fast", ""];
const NAMES = ["nothing", ""];
const missing = ["missing.safetensors"];

/** Every option that takes a value, with values that it does not take; with a verb before it, those of that verb. */
export const OPTIONS: Readonly<Record<string, BadValues>> = {
  "--architecture": bad(["lenet6", "missing.onnx"], /lenet5|missing\.onnx|architecture/),
  "--augmentation": bad(NAMES),
  "--baseline": bad(NAMES),
  "--batch": bad(["missing.npz", ""], /batch|missing|""/, looking),
  "--batch-size": bad(COUNTS),
  "--check": bad(NAMES),
  "knee --tolerance": bad(FRACTIONS),
  "--check-option": bad(["x", "within=nothing", ""], /check/),
  "--rule": bad(NAMES),
  "--rule-option": bad(["x", "alpha=2", "alpha=nothing", ""], /rule/),
  "--checkpoint-minutes": bad(AMOUNTS),
  "--checkpoint-steps": bad(["-1", "1.5", "x", ""]),
  "--classes": bad(COUNTS),
  "--clip-norm": bad(AMOUNTS),
  "--columns": bad(["acuracy"], /"accuracy"/),
  "--compare": bad(["missing.safetensors", "batch.txt"], /missing|batch\.txt/),
  "--config": bad(["missing.json"], /missing\.json|together with/),
  "--data-dir": bad(["missing"], /missing|--data-dir|mnist/),
  "--data-seed": bad(["-1", "1.5", "x", ""]),
  "--data": bad(["glyph=x", "x", ""], /data/),
  "--dataset": bad(["glyph"], /data set|--dataset/, looking),
  "compare --density": bad([...FRACTIONS, "0", "0.5,2", "1e-9"], /densit/),
  "--density": bad([...FRACTIONS, "0", "5%", "1e-9"], /densit/),
  "--drop-factor": bad(FRACTIONS),
  "--drops": bad(["0.7,0.5", "2", "x", ""]),
  "--end-rate": bad(AMOUNTS),
  "--epochs": bad(COUNTS),
  "--executor": bad(["gpu", ""]),
  "--experiment": bad(["a/b", "..", ""]),
  "--form": bad(NAMES),
  "--format": bad(["word", "tex", ""], /latex/),
  "--from": bad(missing, /missing/),
  "--image-size": bad(COUNTS),
  "--init": bad(NAMES),
  "--input": bad(["0", "3,x", "3,-1,2", "1,2,3,4,5", ""]),
  "--kernel": bad(["0", "x", "-1", ""]),
  "--label-smoothing": bad(FRACTIONS),
  "--layout": bad(NAMES),
  "--limit": bad(["10", "10x", "-1s", "0s", "forever", ""]),
  "--logs": bad(["nobody"], /nobody/),
  "--masks": bad(missing, /missing/),
  "--mean": bad(["x", "1,,2", ""]),
  "--method": bad(["magnitud", ""], /magnitude|method/),
  "compare --method": bad(
    ["magnitud", "phew,phew", "random+shuffel", "phew:bias=cube", "a+b+c"],
    /method|check|bias/,
  ),
  "--narrow-to-density": bad([...FRACTIONS, "0", "0.5"], /narrow|density/),
  "--on": bad(["cloud", ""]),
  "--optimiser": bad(["adamv", "SGD", ""], /sgd/),
  "--option": bad(["x", "branch=weight", "bias=cubic", "data=-1", ""], /option|branching|magnitude|data/),
  "--out": bad(["batch.txt/new.safetensors", "batch.txt"], /batch\.txt/),
  "--output": bad(NAMES, /output/),
  "--patience": bad(["-1", "1.5", "x", ""]),
  "--probes": bad(COUNTS),
  "--rate": bad(AMOUNTS),
  "--recipe": bad(["phwe", "missing.json"], /phew|missing/),
  "--rewind-epoch": bad(["-1", "1.5", "x", "9", ""], /rewind/),
  "--rewind-step": bad(["-1", "1.5", "x", ""]),
  "--round-seconds": bad(AMOUNTS),
  "--rounds": bad(COUNTS),
  "--runs": bad(["batch.txt"], /batch\.txt/),
  "--samples-per-class": bad(COUNTS),
  "--sbatch": bad(["--comment='x", "alone"], /sbatch/),
  "--scale": bad(["0", "1/0", "x", ""]),
  "--schedule": bad(NAMES),
  "--score-weights": bad(missing, /missing/),
  "--scores": bad(["no/such/scores.safetensors"], /scores|does not exist/),
  "--seed": bad(["-1", "1.5", "x", "", "9007199254740993"]),
  "compare --seed": bad(["4..0", "x", "-1", ""]),
  "--shape": bad(["16x32-16", "x", ""]),
  "--start-weights": bad(missing, /missing/),
  "--std": bad(["0", "-1", "x", ""]),
  "--sort": bad(["acuracy", "-"], /"accuracy"|got ""/),
  "--target": bad([...FRACTIONS, "90%"]),
  "--test-count": bad(COUNTS),
  "--threads": bad([...COUNTS, "1000"]),
  "--tensorboard": bad(["batch.txt", "batch.txt/new"], /batch\.txt/),
  "--throttle": bad(COUNTS),
  "--tolerance": bad(["-1", "x", ""], /tolerance/, ["--compare", "batch.safetensors"]),
  "--trace-shares": bad(["no/such/shares.safetensors"], /does not exist|no\/such/),
  "--train-count": bad(COUNTS),
  "--validation": bad(FRACTIONS),
  "--variant": bad(NAMES),
  "--view": bad(NAMES),
  "--theme": bad(NAMES),
  "--warmup-epochs": bad(["-1", "x", ""]),
  "--weights": bad(missing, /missing/),
  "--within": bad(missing, /missing|within/),
  "--without": bad(["tracee", ""]),
  "--workers": bad(COUNTS),
  // settings of optimisers
  ...Object.fromEntries(
    Object.entries(OPTIMISER_SETTINGS).flatMap(([, { flag, type }]) =>
      type.read === undefined ? [] : [[flag!.split(" ")[0]!, bad(["-1", "x", ""])]],
    ),
  ),
};

/** Command lines that are wrong as a whole. */
export const LINES: readonly (readonly [string, number, RegExp])[] = [
  ["prone", 2, /prune/],
  ["prune --density 0.1", 2, /phew zoo/],
  ["prune lenet5", 2, /--density 0\.05/],
  ["prune resnet21 --density 0.1", 1, /Did you mean "resnet20"/],
  ["prune lenet5 --densty 0.1", 2, /--density/],
  ["prune lenet5 --density 0.1,0.05 --out masks-new.safetensors", 2, /\{density\}/],
  ["prune lenet5 --method phew --density 0.1 --scores s.safetensors", 2, /scores/],
  ["prune lenet5 --method snip --density 0.1", 2, /--batch FILE/],
  ["prune lenet5 --density 0.1 --watch", 2, /without a terminal/],
  ["compare lenet5 --density 0.1 --watch", 2, /without a terminal/],
  ["train lenet6 --density 0.1", 1, /lenet5/],
  ["train lenet5 --method dense --density 0.5", 2, /--density/],
  ["train lenet5 --density 0.1 --classes 1", 2, /--classes/],
  ["prune lenet5 --density 0.1 --data-dir empty", 2, /--data-dir: got it without --dataset/],
  ["train lenet5 --method dense --check shuffle", 2, /check/],
  ["train lenet5 --density 0.1 --dataset mnist", 1, /--data-dir/],
  ["train lenet5 --density 0.1 --classes 63", 1, /classes: got 63, expected a whole number from 2 to 62/],
  ["train mlp --density 0.1 --patience 3 --train-count 8 --test-count 8", 1, /--validation 0\.1/],
  ["train", 2, /<model>: got nothing/],
  ["train --config sweep.json --rate 1", 2, /together with --rate/],
  ["train lenet5 --density 0.1 --method magnitude --start-weights runs", 1, /runs/],
  ["analyze lenet5 --masks masks.safetensors", 1, /no mask for|mask of no parameter/],
  ["analyze mlp --seed 4 --masks masks.safetensors --same-weights", 2, /other weights/],
  ["analyze lenet5 --without fans --histograms", 2, /histograms/],
  ["analyze mlp --masks masks.safetensors,masks.safetensors --trace-shares s.safetensors", 2, /trace-shares/],
  ["predict mlp", 2, /--batch/],
  ["predict mlp --batch batch.safetensors --tolerance 0.1", 2, /--compare/],
  ["predict mlp --batch batch.safetensors --compare onnxruntime", 2, /onnxruntime/],
  ["export mlp --out new.safetensors", 2, /--masks/],
  ["export mlp --masks masks.safetensors", 2, /--out/],
  ["export mlp --masks masks.safetensors --out new.doc", 1, /new\.doc|\.onnx/],
  ["compare mlp --method snip --batch a --dataset glyphs", 2, /--batch: got it beside --dataset/],
  ["sweep", 2, /<file>: got nothing/],
  ["sweep sweep.json --cancel --status", 2, /--status: got it beside --cancel/],
  ["sweep sweep.json --retry --logs", 2, /--logs: got it beside --retry/],
  ["sweep sweep.json --throttle 3", 2, /--throttle: got it for pool/],
  ["sweep sweep.json --on slurm --workers 3", 2, /--workers: got it for slurm/],
  ["watch nowhere", 1, /nowhere/],
  ["report nowhere", 1, /nowhere/],
  ["report empty", 1, /empty/],
  ["knee empty", 1, /0 finished runs/],
  ["runs list phew", 1, /filter: got "phew"/],
  ["runs show 402", 1, /run: got "402"/],
  ["runs tag 401a +a,b", 1, /tag: got "a,b"/],
  ["runs note 401a text --clear", 2, /--clear: got it beside a note/],
  ["runs remove 401a", 2, /--yes/],
  ["completion tcsh", 2, /tcsh.*bash, zsh, fish/],
  ["zoo nothing", 1, /nothing/],
  ["data check nothing", 1, /nothing/],
  ["data fetch nothing", 1, /nothing/],
  ["recipes nothing", 1, /nothing/],
  ["bench frain", 2, /train/],
  ["bench layer", 2, /--shape/],
  ["bench train --method dense --density 0.5", 2, /dense network/],
  ["bench prune lenet5 --method snip", 1, /no examples/],
  ["bench train --method phwe", 1, /Did you mean "phew"/],
  ["bench predict --batch-size 1,x", 2, /--batch-size: got "x"/],
  ["bench layer --shape 16x32-16", 2, /16x32x32-16/],
  ["compare lenet5 --method phew+shuffel", 1, /check: got "shuffel".*Did you mean "shuffle"/],
  ["compare lenet5 --method phew,synflwo", 1, /method: got "synflwo".*Did you mean "synflow"/],
  ["compare lenet5 --method phew,phew", 2, /--method: got "phew" twice/],
  ["compare lenet5 --method a+b+c", 2, /at most one check/],
  ["compare lenet5 --out sweep.json", 1, /sweep\.json: /],
  ["prune lenet5 --density 1.5", 2, /For 1\.5 % pass 0\.015/],
  ["prune lenet5 --density 5%", 2, /For 5 % pass 0\.05/],
  ["prune lenet5 --density 0.05,2", 2, /For 2 % pass 0\.02/],
  ["prune lenet5 --density 1e-9", 1, /less than one/],
  ["prune lenet5 --density 0.1 --method magnitud", 1, /Did you mean "magnitude"/],
  ["train lenet5 --density 0.1 --dataset glyph", 1, /Did you mean "glyphs"/],
  ["doctor --jsno", 2, /--json/],
  ["demo more", 2, /too many arguments|more/],
];

/** Puts something in a place. @returns false where this machine has no such thing */
type Maker = (path: string, good: Buffer) => unknown;
interface BadFile {
  readonly make: Maker;
  /** Of weights, masks, models and batches. */
  readonly message: RegExp;
  /**
   * A download that failed, which is called so wherever a model, weights or their parts are looked for; or what is no
   * tensors, which raw numbers may be.
   */
  readonly isOf?: "download" | "tensors";
}
const holding = (
  content: string | Uint8Array,
  message: RegExp,
  isOf: BadFile["isOf"] = "download",
): BadFile => ({
  make: (path) => writeFileSync(path, content),
  message,
  isOf,
});
const LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:59\nsize 435852734\n";
const tar = Buffer.concat([Buffer.alloc(257), Buffer.from("ustar\0"), Buffer.alloc(300)]);

/** What may stand where a file is expected. */
export const FILES: Readonly<Record<string, BadFile>> = {
  nothing: {
    make: () => undefined,
    message: /no such file|no file "|not there|expected a file in the folder/,
  },
  "a folder": { make: (path) => mkdirSync(path), message: /folder|no regular file|a link to/ },
  "a link to nothing": {
    make: (path) => symlinkSync("nowhere", path),
    message: /no such file|no file "|folder|not there|no regular file|a link to/,
  },
  "a link to itself": { make: (path) => symlinkSync(path, path), message: /./ },
  "a pipe": {
    make: (path) => run("mkfifo", path),
    message: /got a pipe, not a regular file|no regular file|a link to/,
  },
  "a device": {
    make: (path) => run("ln", "-s", "/dev/zero", path),
    message: /regular file|in the folder of/,
  },
  "an empty file": holding("", /an empty file|0 bytes|empty|JSON/),
  "a Git LFS pointer": holding(LFS, /Git LFS pointer to a file of 435,852,734 bytes.*git lfs pull/),
  "an HTML page": holding(
    "\n<!DOCTYPE html>\n<html><body>404</body></html>",
    /an HTML page.*Download the file itself/,
  ),
  "an HTML page without its type": holding("<html lang=en><title>Sign in</title>", /an HTML page/),
  XHTML: holding('<?xml version="1.0"?><!-- a --><html xmlns="x">', /an HTML page/),
  "an error of a storage service": holding(
    '<?xml version="1.0"?><Error><Code>AccessDenied</Code>',
    /an XML page \("AccessDenied"\)/,
  ),
  "an error in JSON": holding(
    '{"error":"Repository not found"}',
    /an error message in JSON \("Repository not found"\)/,
  ),
  "an error in JSON with spaces": holding(
    '{ "message": "Not Found", "status": "404" }',
    /in JSON \("Not Found"\)/,
  ),
  "plain text": holding("Entry not found", /text that begins "Entry not found"/, "tensors"),
  "a gzip": holding(gzipSync(smallSafetensors), /a gzip file.*gunzip/, "tensors"),
  "a tar": holding(tar, /a tar archive/, "tensors"),
  "a zip of a model": holding(zipOf("m.onnx"), /zip archive of other files \(m\.onnx\).*Unpack/, "tensors"),
  "text in UTF-16": holding(Buffer.from("\ufeff{}", "utf16le"), /UTF-16/, "tensors"),
  "a pickle": holding(Buffer.from("\x80\x04}.", "latin1"), /a bare Python pickle/, "tensors"),
  "half of it": {
    make: (path, good) => writeFileSync(path, good.subarray(0, good.length >> 1)),
    message: /./,
  },
  "all but its last byte": { make: (path, good) => writeFileSync(path, good.subarray(0, -1)), message: /./ },
  "a header larger than its file": holding(
    safetensorsBytes("{}", new Uint8Array(0), 5_000_000),
    /./,
    "tensors",
  ),
};

function run(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

export const gemm = (external?: boolean) =>
  onnxFile({
    nodes: [{ op: "Gemm", in: ["x", "w"], out: ["y"], attributes: { transB: 1 } }],
    inputs: { x: ["n", 4] },
    tensors: {
      w: {
        dims: [3, 4],
        values: external ? [] : Float32Array.from({ length: 12 }, (_, k) => k / 12),
        ...(external && { external: { location: "file.bin", offset: 0, length: 48 } }),
      },
    },
  });
const tfjs = denseTfjs("file.bin");

/** A place where a file is taken. */
interface Place {
  /** The name of the file that is bad. */
  readonly file: string;
  /** The command lines; FILE is where its name goes. */
  readonly lines: readonly string[];
  /** What would be right; enough of it that a part is not. */
  readonly good?: () => Buffer;
  /** Other files beside it. */
  readonly beside?: Readonly<Record<string, string | Uint8Array>>;
  /** "json": bad content has other words there. "shard": never but safetensors. "raw": any bytes may be right. */
  readonly content?: "json" | "shard" | "raw";
}

const MODEL_VERBS = [
  "prune FILE --density 0.5 --out new.safetensors",
  "analyze FILE",
  "compare FILE --method random --density 0.5 --seed 0 --workers 1",
  "predict FILE --batch batch.safetensors",
  "export FILE --masks masks.safetensors --out new.safetensors",
];
const withArchitecture = MODEL_VERBS.map((line) => `${line} --architecture mlp`);
const weights = MODEL_VERBS.map((line) => `${line.replace("FILE", "mlp")} --weights FILE`);
const train = `train mlp --density 0.5 ${quick.join(" ")}`;
const masks = [
  "prune mlp --density 0.5 --out new.safetensors --from FILE",
  "analyze mlp --masks FILE",
  "predict mlp --batch batch.safetensors --masks FILE",
  "export mlp --out new.safetensors --masks FILE",
  `${train} --method magnitude --within FILE`,
];
const batches = [
  "prune mlp --density 0.5 --method snip --batch FILE",
  "analyze mlp --batch FILE",
  "compare mlp --density 0.5 --seed 0 --method snip --batch FILE",
  "predict mlp --batch FILE",
  "predict mlp --batch batch.safetensors --compare FILE",
];

/** Every way in. */
export const PLACES: Readonly<Record<string, Place>> = {
  "a model (.onnx)": { file: "file.onnx", lines: MODEL_VERBS, good: () => Buffer.from(gemm()) },
  "a model (.safetensors)": { file: "file.safetensors", lines: withArchitecture },
  "a model (.pt)": { file: "file.pt", lines: withArchitecture },
  "a model (.npz)": { file: "file.npz", lines: withArchitecture },
  "a model (model.json)": { file: "model.json", lines: MODEL_VERBS, good: () => Buffer.from(tfjs) },
  "an architecture": {
    file: "file.onnx",
    lines: ["prune masks.safetensors --architecture FILE --density 0.5"],
    good: () => Buffer.from(gemm()),
  },
  "weights (.safetensors)": { file: "file.safetensors", lines: weights },
  "weights (.pt)": { file: "file.pt", lines: weights },
  "weights (.npz)": { file: "file.npz", lines: weights },
  "weights of a training": {
    file: "file.safetensors",
    lines: [`${train} --method magnitude --score-weights FILE`, `${train} --start-weights FILE`],
  },
  masks: { file: "file.safetensors", lines: masks },
  "a batch (.safetensors)": { file: "file.safetensors", lines: batches },
  "a batch (.npz)": { file: "file.npz", lines: batches },
  "arrays to train on": {
    file: "file.safetensors",
    lines: [`${train} --dataset arrays --data-dir FILE`, "data check arrays --data-dir FILE"],
  },
  "a shard of safetensors": {
    file: "data.safetensors",
    lines: ["prune index.json --architecture mlp --density 0.5"],
    beside: { "index.json": JSON.stringify({ weight_map: { "fc1.weight": "data.safetensors" } }) },
    content: "shard",
  },
  "external data of ONNX": {
    file: "file.bin",
    lines: ["prune m.onnx --density 0.5"],
    good: () => Buffer.alloc(48, 1),
    beside: { "m.onnx": gemm(true) },
    content: "raw",
  },
  "a shard of TensorFlow.js": {
    file: "file.bin",
    lines: ["prune model.json --density 0.5"],
    good: () => Buffer.alloc(48, 1),
    beside: { "model.json": tfjs },
    content: "raw",
  },
  "a configuration": { file: "file.json", lines: ["train --config FILE"], content: "json" },
  "a recipe": { file: "file.json", lines: ["recipes FILE", `${train} --recipe FILE`], content: "json" },
  "a sweep": {
    file: "file.json",
    lines: ["sweep FILE", "sweep FILE --dry-run", "sweep FILE --status"],
    content: "json",
  },
};

/** Where a new file or folder should go, with what is in its way. */
export const OUTPUTS: Readonly<Record<string, readonly string[]>> = {
  "a file": [
    "prune mlp --density 0.5 --out OUT",
    "prune mlp --density 0.5 --method magnitude --scores OUT",
    "analyze mlp --trace-shares OUT",
    "predict mlp --batch batch.safetensors --out OUT",
    "export mlp --masks masks.safetensors --out OUT",
  ],
  "a folder": [
    "compare mlp --method random --density 0.5 --seed 0 --workers 1 --out OUT",
    "report runs/e --no-figures --out OUT",
    `${train} --no-figures --runs OUT`,
    "prune mlp --density 0.5 --runs OUT",
    "compare mlp --method random --density 0.5 --seed 0 --workers 1 --runs OUT",
    "sweep sweep.json --workers 1 --runs OUT",
    `imp mlp --density 0.5 --rounds 1 ${quick.join(" ")} --runs OUT`,
    "demo --workers 1 --runs OUT",
  ],
};

/** What is in the way of a new file or folder. */
export const OBSTACLES: Readonly<
  Record<
    string,
    {
      readonly make: (path: string) => void;
      readonly below?: string;
      readonly name?: string;
      readonly message: RegExp;
      readonly of?: string;
    }
  >
> = {
  "a file": { make: (path) => writeFileSync(path, "precious"), message: /--force|file/ },
  "a folder": { make: (path) => mkdirSync(path), message: /folder/, of: "a file" },
  "no folder for it": { make: () => undefined, below: "no/such", message: /does not exist/, of: "a file" },
  "a file instead of its folder": {
    make: (path) => writeFileSync(path, "precious"),
    below: "in",
    message: /new\.safetensors/,
  },
  "a name that is too long": {
    make: () => undefined,
    name: "n".repeat(300),
    message: /name|too long/,
  },
  "a link to itself": {
    make: (path) => symlinkSync(path, path),
    message: /new\.safetensors/,
    of: "a folder",
  },
};

const nowhere = "/nonexistent";

/** Environments that change nothing of what is printed to a pipe. */
export const ENVIRONMENTS: Readonly<Record<string, Readonly<Record<string, string | undefined>>>> = {
  "a width that is no number": { COLUMNS: "abc", LINES: "-3" },
  "a width of 0": { COLUMNS: "0", LINES: "0" },
  "no TERM": { TERM: undefined },
  "TERM=dumb": { TERM: "dumb" },
  "a TERM that nobody knows": { TERM: "nonsense\u001b[2J" },
  NO_COLOR: { NO_COLOR: "1" },
  "colours asked for": { FORCE_COLOR: "3", COLORTERM: "truecolor" },
  "colours asked for in no way": { FORCE_COLOR: "x", CLICOLOR_FORCE: "1" },
  "a language that nobody knows": { LANG: "xx_YY.nonsense", LC_ALL: "xx_YY", LANGUAGE: "xx" },
  "a language without letters beyond ASCII": { LANG: "C", LC_ALL: "C" },
  "a time zone that nobody knows": { TZ: "Nowhere/Else" },
  "no HOME": { HOME: undefined, USER: undefined, LOGNAME: undefined },
  "a HOME that is not there": { HOME: nowhere },
  "a TMPDIR that is not there": { TMPDIR: nowhere, TMP: nowhere, TEMP: nowhere },
  "a TMPDIR that is a device": { TMPDIR: "/dev/null" },
  "folders of XDG that are none": {
    XDG_CONFIG_HOME: "/dev/null",
    XDG_CACHE_HOME: nowhere,
    XDG_RUNTIME_DIR: "",
  },
  "a continuous integration": { CI: "true", GITHUB_ACTIONS: "true" },
  "no PATH": { PATH: undefined },
  "an empty PATH": { PATH: "" },
  "a job of Slurm": {
    SLURM_JOB_ID: "x",
    SLURM_ARRAY_TASK_ID: "-1",
    SLURM_ARRAY_JOB_ID: "",
    SLURM_CONF: nowhere,
  },
  "a shell of an editor": { NODE_ENV: "nonsense", DEV: "true", DEBUG: "*", EDITOR: nowhere, SHELL: nowhere },
  "threads of other libraries": {
    OMP_NUM_THREADS: "x",
    TF_CPP_MIN_LOG_LEVEL: "x",
    CXX: nowhere,
    CHROMIUM_PATH: nowhere,
  },
  "switches of these tests": { PHEW_TEST_LARGE: "x", PHEW_TEST_SEED: "x", PHEW_DEBUG: "" },
};

/** Command lines that succeed and change nothing, and print the same each time but for durations. */
export const QUIET_LINES: readonly string[] = [
  "zoo mlp",
  "prune mlp --density 0.5",
  "predict mlp --batch batch.safetensors",
  "recipes",
  "data",
  "sweep sweep.json --dry-run",
  "watch --once",
  "report --json --no-figures --out out",
];

/** What cannot be done in an environment is refused as other bad input is. */
export const REFUSED_WITH: readonly (readonly [
  string,
  Readonly<Record<string, string | undefined>>,
  RegExp,
])[] = [
  ["predict m.onnx --batch x.safetensors --compare onnxruntime", { TMPDIR: nowhere }, /nonexistent/],
  ["predict m.onnx --batch x.safetensors --compare onnxruntime", { PATH: nowhere }, /python3/],
  ["sweep sweep.json --on slurm", { PATH: nowhere }, /sbatch|Slurm/],
  ["train mlp --density 0.5 --watch", { TERM: "dumb" }, /without a terminal/],
];

/** Folders of data, by what is wrong with them. */
export const DATA: Readonly<
  Record<
    string,
    { readonly dataset: string; readonly make: (folder: string) => void; readonly message: RegExp }
  >
> = {
  "no folder": {
    dataset: "mnist",
    make: () => undefined,
    message: /got no such|does not exist|no such file/,
  },
  "a file instead of the folder": {
    dataset: "cifar10",
    make: (folder) => writeFileSync(folder, "x"),
    message: /./,
  },
  "an empty folder": { dataset: "mnist", make: (folder) => mkdirSync(folder), message: /train-images/ },
  "an empty folder of batches": {
    dataset: "cifar10",
    make: (folder) => mkdirSync(folder),
    message: /data_batch/,
  },
  "an empty folder of classes": {
    dataset: "image-folder",
    make: (folder) => mkdirSync(folder),
    message: /train/,
  },
  "an empty folder of arrays": {
    dataset: "arrays",
    make: (folder) => mkdirSync(folder),
    message: /x_train|train/,
  },
  "images that are cut short": {
    dataset: "mnist",
    make: (folder) => writeMnist(folder, { missingBytes: 10 }),
    message: /train-images.*cut short/,
  },
  "labels out of range": {
    dataset: "mnist",
    make: (folder) => writeMnist(folder, { label: 12 }),
    message: /label/,
  },
  "images that are none": {
    dataset: "image-folder",
    make: (folder) => {
      for (const part of ["train", "test"])
        for (const name of ["a", "b"]) {
          mkdirSync(join(folder, part, name), { recursive: true });
          writeFileSync(join(folder, part, name, "1.png"), "no image");
        }
    },
    message: /1\.png/,
  },
};

/** Verbs that take a data set; NAME and FOLDER are its. */
export const DATA_LINES: readonly string[] = [
  "train lenet5 --density 0.5 --epochs 1 --threads 1 --dataset NAME --data-dir FOLDER",
  "imp lenet5 --density 0.5 --rounds 1 --epochs 1 --threads 1 --dataset NAME --data-dir FOLDER",
  "data check NAME --data-dir FOLDER",
  "prune lenet5 --density 0.5 --method snip --dataset NAME --data-dir FOLDER",
  "compare lenet5 --density 0.5 --method snip --dataset NAME --data-dir FOLDER",
];

function writeMnist(folder: string, fault: { missingBytes?: number; label?: number }): void {
  mkdirSync(folder);
  for (const [part, count] of [
    ["train", 20],
    ["t10k", 10],
  ] as const) {
    const images = Buffer.alloc(16 + count * 784 - (part === "train" ? (fault.missingBytes ?? 0) : 0));
    for (const [k, field] of [0x803, count, 28, 28].entries()) images.writeUInt32BE(field, 4 * k);
    const labels = Buffer.alloc(8 + count);
    for (const [k, field] of [0x801, count].entries()) labels.writeUInt32BE(field, 4 * k);
    for (let k = 0; k < count; k++) labels[8 + k] = k % 10;
    if (fault.label !== undefined) labels[8 + 3] = fault.label;
    writeFileSync(join(folder, `${part}-images-idx3-ubyte.gz`), gzipSync(images));
    writeFileSync(join(folder, `${part}-labels-idx1-ubyte.gz`), gzipSync(labels));
  }
}

/** Weights of "mlp", the seventh of its second layer no number. */
export function weightsWithNaN(): Buffer {
  const shapes: [string, number[]][] = [
    ["fc1.weight", [300, 784]],
    ["fc1.bias", [300]],
    ["fc2.weight", [100, 300]],
    ["fc2.bias", [100]],
    ["fc3.weight", [10, 100]],
    ["fc3.bias", [10]],
  ];
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, shape] of shapes) {
    const end = offset + 4 * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: "F32", shape, data_offsets: [offset, end] };
    if (name === "fc2.weight") header.__fault = offset + 4 * 7;
    offset = end;
  }
  const data = Buffer.alloc(offset);
  for (let k = 0; k < offset; k += 4) data.writeFloatLE(((k * 7919) % 1000) / 1000 - 0.5, k);
  data.writeFloatLE(Number.NaN, header.__fault as number);
  delete header.__fault;
  return safetensorsBytes(header, data);
}
