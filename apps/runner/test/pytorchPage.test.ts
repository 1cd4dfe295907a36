/** docs/pytorch.md, followed by the letter in an empty folder, with either of PyTorch's exporters. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { isLong } from "../../../vitest.long.ts";
import { phew, scratchFolder } from "./phew.ts";

const page = readFileSync(new URL("../../../docs/pytorch.md", import.meta.url), "utf8");

/** The code blocks behind `<!-- name -->`, by name and in the order of the page. */
const blocks = new Map(
  [...page.matchAll(/<!-- (\S+) -->\s*```\w+\n([\s\S]*?)```/g)].map(([, name, code]) => [name!, code!]),
);
const steps = ["check", "prune", "load", "train", "return"];
/** With the newer exporter those that only read what the others wrote are left to the long tests. */
/** The newer exporter takes as long again. */
const exporters = isLong ? ["export.py", "export_dynamo.py"] : ["export.py"];
const needed = ["torch", "safetensors", "onnx", "onnxscript", "onnxruntime"];

function hasAll(modules: readonly string[]): boolean {
  const script = `import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in ${JSON.stringify(modules)}))`;
  try {
    execFileSync("python3", ["-c", script], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Runs a line of a step. @returns what it printed */
async function carriedOut(line: string, folder: string): Promise<string> {
  const [program, ...args] = line.split(" ");
  if (program === "python3")
    return execFileSync("python3", args, { cwd: folder, encoding: "utf8", stdio: "pipe" });
  expect(program).toBe("phew");
  const { exitCode, stdout, stderr } = await phew(args, folder);
  expect(exitCode, `${line}\n${stderr}`).toBe(0);
  return stdout;
}

describe.skipIf(!hasAll(needed))(
  `docs/pytorch.md, step by step (skipped without python3 and ${needed.join(", ")})`,
  () => {
    it.each(exporters)("goes to PyTorch and back with %s: equal outputs at every step", async (exporter) => {
      const folder = scratchFolder();
      for (const [name, code] of blocks) {
        if (name.endsWith(".py")) writeFileSync(path.join(folder, name), code);
      }
      if (exporter !== "export.py") {
        const [before] = blocks.get("export.py")!.split("torch.onnx.export(");
        writeFileSync(path.join(folder, "export.py"), before + blocks.get(exporter)!);
      }
      const printed = new Map<string, string>();
      for (const step of steps) {
        for (const line of blocks.get(step)!.trim().split("\n")) {
          printed.set(line, await carriedOut(line, folder));
        }
      }
      const all = [...printed.values()].join("");
      // batch normalisation is kept: 7 convolutions and 2 dense layers, and no word of folding
      expect(all).toMatch(/9 layers/);
      expect(all).not.toMatch(/folded/);
      expect(all).toContain("made for other weights");
      expect(all).toContain("largest difference of onnxruntime from PyTorch");
      const compared = [...printed].filter(([line]) => line.includes("--compare"));
      expect(compared.length).toBe(3);
      for (const [, text] of compared) {
        const [, difference] = /difference[^\n]*?: (\d[\d.]*(?:e-?\d+)?)/.exec(text) ?? [];
        expect(Number(difference), text).toBeLessThan(1e-4);
      }
    });
  },
);
