/**
 * `phew doctor`: installed parts, working backends, and for each missing one the reason and the command that installs
 * it.
 */
import { spawnSync } from "node:child_process";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { loadWalkEngine } from "@phew/engine";
import { formatTable } from "@phew/report/table";
import { counted } from "@phew/runs";
import { type Availability, probeTensorflow } from "@phew/training";
import { printJson, printText } from "../output/output.ts";
import { version } from "../version.ts";

interface Finding {
  readonly what: string;
  readonly works: boolean;
  /** What was found, or why it fails and what to do. */
  readonly detail: string;
  /** True where phew cannot do its main job without it. */
  readonly needed: boolean;
}

export async function doctor(options: { json?: boolean }): Promise<void> {
  const findings = [...machine(), await engine(), ...(await tensorflow()), python(), terminal()];
  if (options.json) printJson({ version, findings });
  else {
    const rows = findings.map((finding) => ({
      ...finding,
      works: finding.works ? "yes" : finding.needed ? "NO" : "no",
    }));
    const columns = [
      { key: "what", title: "what" },
      { key: "works", title: "works" },
      { key: "detail", title: "" },
    ];
    printText(formatTable(columns, rows, "text"));
  }
  if (findings.some((finding) => finding.needed && !finding.works)) process.exitCode = 1;
}

function machine(): Finding[] {
  const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return [
    { what: "phew", works: true, needed: true, detail: version },
    {
      what: "Node",
      works: true,
      needed: true,
      detail: `${process.versions.node} (V8 ${process.versions.v8}), ${process.platform} ${process.arch}`,
    },
    {
      what: "processor",
      works: true,
      needed: true,
      detail: `${cpus()[0]?.model.trim() ?? "unknown"}, ${counted(availableParallelism(), "thread")} for this process`,
    },
    {
      what: "memory",
      works: true,
      needed: true,
      detail: `${gibibytes(totalmem())}, ${gibibytes(freemem())} free`,
    },
  ];
}

async function engine(): Promise<Finding> {
  try {
    await loadWalkEngine();
    const shared =
      typeof SharedArrayBuffer === "function" ? "shared memory for threads" : "no shared memory: one thread";
    return { what: "walk engine", works: true, needed: true, detail: `WebAssembly with SIMD, ${shared}` };
  } catch (error) {
    return { what: "walk engine", works: false, needed: true, detail: reason(error) };
  }
}

async function tensorflow(): Promise<Finding[]> {
  const { tfjsNode, wasm } = await probeTensorflow();
  return [
    tensorflowFinding("TensorFlow.js, wasm", wasm),
    tensorflowFinding("TensorFlow.js, native (tfjs-node)", tfjsNode),
  ];
}

function tensorflowFinding(what: string, found: Availability): Finding {
  return { what, works: found.available, needed: false, detail: found.available ? "trains" : found.reason };
}

/** A peer for comparisons only. */
function python(): Finding {
  const script = "import torch; print('PyTorch', torch.__version__)";
  const result = spawnSync("python3", ["-c", script], { encoding: "utf8", timeout: 60_000 });
  const works = result.status === 0;
  return {
    what: "PyTorch, as a baseline of benchmarks",
    works,
    needed: false,
    detail: works
      ? result.stdout.trim()
      : result.error
        ? "no python3"
        : "python3 has no torch; nothing but comparisons needs it",
  };
}

function terminal(): Finding {
  const { isTTY, columns, rows } = process.stdout;
  return {
    what: "terminal screen",
    works: isTTY === true,
    needed: false,
    detail: isTTY
      ? `${columns}×${rows}${process.env.NO_COLOR ? ", without colours (NO_COLOR)" : ""}`
      : "output is not a terminal: phew watch prints lines",
  };
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.split("\n")[0]! : String(error);
}
