/** Walks that would take for ever: refused within a moment, with what is possible. */
import path from "node:path";
import { describe, expect, it } from "vitest";
import { filesBelow, phew, scratchFolder, sharedFile } from "./phew.ts";

const tiny = sharedFile("cases", "attack", "tiny.safetensors");

describe("--limit", () => {
  it("changes no mask that is found within it", async () => {
    const masks = async (...limit: string[]) =>
      JSON.parse((await phew(["prune", "lenet5", "--density", "0.3", "--layers", "--json", ...limit])).stdout)
        .masks[0];
    const { elapsedMs: _a, ...usual } = await masks();
    const { elapsedMs: _b, ...unlimited } = await masks("--limit", "none");
    expect(unlimited.layers).toEqual(usual.layers);
    expect(unlimited.walkCount).toBe(usual.walkCount);
  });
});

describe.skipIf(tiny === undefined)(
  "weights so small that walks practically never reach them (skipped without ../shared/cases)",
  () => {
    const model = ["lenet5", "--weights", `${tiny}`];

    it.each([
      ["--option", "bias=magnitude"],
      ["--option", "bias=square"],
      ["--option", "granularity=kernel"],
    ])("are refused with the greatest density, which then ends: %s %s", async (...option) => {
      const folder = scratchFolder();
      const out = ["--out", path.join(folder, "masks.safetensors")];
      const refused = await phew(["prune", ...model, ...option, "--density", "0.5", ...out]);
      expect(refused.exitCode).toBe(1);
      const [, density] = refused.stderr.match(
        /^phew: density: got one that takes .*: about \S+ walks are needed .* at most 1:00:00 h\. Ask for a density of at most (0\.\d+)/,
      )!;
      expect(filesBelow(folder)).toEqual([]);
      const less = `${0.9 * Number(density)}`;
      expect((await phew(["prune", ...model, ...option, "--density", less, ...out])).exitCode).toBe(0);
    });

    it("are refused by compare too", async () => {
      const compared = await phew([
        "compare",
        ...model,
        "--method",
        "phew",
        "--density",
        "0.5",
        "--limit",
        "5s",
      ]);
      expect(compared.exitCode).toBe(1);
      expect(compared.stderr).toMatch(/walks that take at most 5\.0 s/);
    });
  },
);
