/** Parts that cannot be computed: functions of each element, quotients, and what is assumed of the rest. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { phew, scratchFolder, sharedFile } from "./phew.ts";

const gates = fileURLToPath(new URL("fixtures/two_gates.onnx", import.meta.url));
const [selu, elu] = ["selu", "elu"].map((name) => sharedFile(`cases/opaque_selu/${name}.onnx`));

const ineffective = ({ layers }: { layers: { ineffectiveCount: number }[] }) =>
  layers.reduce((sum, layer) => sum + layer.ineffectiveCount, 0);

describe("a network of which an activation has no name of its own here", () => {
  it.skipIf(selu === undefined || elu === undefined)(
    "gets the masks that another activation gets, and no ineffective weight (skipped without ../shared)",
    async () => {
      const folder = scratchFolder();
      const masking = [selu!, elu!].map(async (model, k) => {
        const out = path.join(folder, `${k}.safetensors`);
        const pruned = await phew(["prune", model, "--treat-as-opaque", "--density", "0.02", "--out", out]);
        expect(pruned.exitCode, pruned.stderr).toBe(0);
        const report = JSON.parse(
          (await phew(["analyze", model, "--treat-as-opaque", "--masks", out, "--json"])).stdout,
        );
        expect(ineffective(report)).toBe(0);
        return readFileSync(out);
      });
      const masks = await Promise.all(masking);
      const data = (file: Buffer) => file.subarray(8 + Number(file.readBigUInt64LE(0)));
      expect(data(masks[0]!).equals(data(masks[1]!))).toBe(true);
    },
  );
});

describe("gates", () => {
  it("are products, through either factor of which paths pass", async () => {
    const out = path.join(scratchFolder(), "masks.safetensors");
    const { stdout } = await phew(["prune", gates, "--density", "0.1", "--out", out]);
    expect(stdout).not.toContain("assumption");
    const report = JSON.parse((await phew(["analyze", gates, "--masks", out, "--json"])).stdout);
    expect(ineffective(report)).toBe(0);
  });
});

describe("quotients treated as opaque", () => {
  /** The same network, that divides where it multiplied: no operation here does. */
  const written = () => {
    const file = path.join(scratchFolder(), "quotients.onnx");
    writeFileSync(file, readFileSync(gates, "latin1").replaceAll("Mul", "Div"), "latin1");
    return file;
  };

  it("are listed in one error without --treat-as-opaque", async () => {
    const { exitCode, stderr } = await phew(["prune", written(), "--density", "0.1"]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("2 × Div (/Div, /Div_1): it is computed from several values");
    expect(stderr).toContain("--treat-as-opaque");
  });

  it("let no walk jump between units, and mark what rests on them, in words and in --json", async () => {
    const file = written();
    const out = `${file}.safetensors`;
    const args = ["prune", file, "--treat-as-opaque", "--density", "0.1", "--out", out];
    const pruned = await phew(args);
    const json = JSON.parse((await phew([...args, "--force", "--json"])).stdout);
    const assumed = "paths are taken to pass through each of its inputs";
    expect(pruned.stdout).toContain(`assumption: at "/Div" (Div), "/Div_1" (Div) ${assumed}`);
    expect(json.assumptions).toEqual(
      ["/Div", "/Div_1"].map((layer) => ({ layer, operation: "Div", assumed })),
    );
    const analysed = ["analyze", file, "--treat-as-opaque", "--masks", out];
    expect((await phew(analysed)).stdout).toContain("assumption: at");
    const report = JSON.parse((await phew([...analysed, "--json"])).stdout);
    expect(report.assumptions).toHaveLength(2);
    expect(ineffective(report)).toBe(0);
  });
});
