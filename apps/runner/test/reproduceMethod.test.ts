/** The worked example of `phew reproduce method` against walks and paths counted here, one after the other. */
import { prune } from "@phew/core";
import { describe, expect, it } from "vitest";
import { exampleNetwork, passProbabilities } from "../src/reproduce/experiments/method.ts";
import { readRows, type Shape } from "../src/reproduce/results.ts";
import { filesBelow, lastingFolder, phew, readText, scratchFolder } from "./phew.ts";

interface StepsRow {
  readonly key: string;
  readonly walks: number;
  readonly edges: readonly number[];
  readonly probabilities: readonly number[];
  readonly kept: readonly number[];
}
const SHAPE: Shape<StepsRow> = {
  ...{ key: "text", walks: "number", edges: "numbers", probabilities: "numbers", kept: "numbers" },
};

let made: Promise<string> | undefined;
const lasting = lastingFolder();
const smokeOnce = () => (made ??= smoke(lasting));

async function smoke(folder: string): Promise<string> {
  const { exitCode, stderr } = await phew(["reproduce", "method", "--out", folder, "--json"]);
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  return `${folder}/method-smoke`;
}

describe("the worked example", () => {
  it("is the same bytes twice, every file of it, and is not measured again", async () => {
    const [one, other] = [await smokeOnce(), await smoke(scratchFolder())];
    const names = filesBelow(one);
    expect(names).toEqual(filesBelow(other));
    expect(names).toContain("walks-1.svg");
    for (const name of names) expect(readText(`${one}/${name}`)).toBe(readText(`${other}/${name}`));
    const { stdout } = await phew(["reproduce", "method", "--out", `${one}/..`, "--dry-run", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject([{ ownCount: 0, maskCount: 0, runCount: 0 }]);
  });

  it("walks whole ways, forward and backward in turn, with the probabilities of the weights, to the method's mask", async () => {
    const rows = readRows(`${await smokeOnce()}/steps.csv`, SHAPE);
    const { edges: walked, probabilities, kept } = rows.get("example")!;
    const { network, weights, edges } = exampleNetwork();
    const seen = new Set<number>();
    for (const [k, id] of walked.entries()) {
      const { layer, from, to, weight } = edges[id]!;
      const isForward = Math.floor(k / 3) % 2 === 0;
      expect(layer).toBe(isForward ? k % 3 : 2 - (k % 3));
      if (k % 3 > 0) {
        const before = edges[walked[k - 1]!]!;
        expect(isForward ? before.to : before.from).toBe(isForward ? from : to);
      }
      const rivals = edges.filter((e) => e.layer === layer && (isForward ? e.from === from : e.to === to));
      const sum = rivals.reduce((all, e) => all + Math.abs(e.weight), 0);
      expect(probabilities[k]).toBeCloseTo(Math.abs(weight) / sum, 6);
      expect(kept[k]).toBe(seen.add(id).size);
    }
    const { masks } = await prune(network, weights, { method: "phew", density: 0.334, seed: 1 });
    expect([...masks.bytes].flatMap((byte, id) => (byte === 1 ? [id] : []))).toEqual(
      [...seen].sort((a, b) => a - b),
    );
    expect(seen.size).toBeGreaterThanOrEqual(12);
  });

  it("says what is not measured yet", async () => {
    const folder = scratchFolder();
    const { stdout } = await phew(["reproduce", "method", "--out", folder, "--analyse-only", "--json"]);
    const [{ notes, verdicts }] = JSON.parse(stdout);
    expect(notes.at(-1)).toBe("Not measured yet: steps (all), frequencies (all), small-masks (all).");
    for (const { decision } of verdicts) expect(decision).toBe("not decided");
    const whole = JSON.parse(readText(`${await smokeOnce()}/verdicts.json`));
    expect(whole.notes.join(" ")).not.toContain("Not measured");
  });

  it("decides each claim on walks from its own numbers", async () => {
    const { verdicts } = JSON.parse(readText(`${await smokeOnce()}/verdicts.json`));
    const decisions = verdicts.map(({ decision }: { decision: string }) => decision);
    expect(decisions).toEqual(["holds", "holds", "holds"]);
    expect(verdicts[1].evidence.map(({ count }: { count: number }) => count)).toEqual([20, 20]);
  });

  it("draws each weight once, each unit once, and every step's text", async () => {
    const svg = readText(`${await smokeOnce()}/steps.svg`);
    expect(svg.match(/<line /g)).toHaveLength(36);
    expect(svg.match(/<circle /g)).toHaveLength(13);
    expect(svg.match(/a probability of/g)).toHaveLength(21);
    expect(svg).not.toMatch(/<script|https?:(?!\/\/www\.w3\.org\/2000\/svg)/);
  });
});

describe("the probability that a walk passes an edge", () => {
  it.each(["forward", "backward"] as const)("%s is the sum over all ways through it", (direction) => {
    const { edges } = exampleNetwork();
    const isForward = direction === "forward";
    const ways: { ids: number[]; p: number }[] = [];
    const start = ({ from, to }: { from: number; to: number }) => (isForward ? from : to);
    const end = ({ from, to }: { from: number; to: number }) => (isForward ? to : from);
    const go = (unit: number, layer: number, ids: number[], p: number) => {
      const leaving = edges
        .map((edge, id) => ({ ...edge, id }))
        .filter((e) => e.layer === layer && start(e) === unit);
      if (leaving.length === 0) return ways.push({ ids, p });
      const sum = leaving.reduce((all, { weight }) => all + Math.abs(weight), 0);
      for (const edge of leaving)
        go(end(edge), layer + (isForward ? 1 : -1), [...ids, edge.id], (p * Math.abs(edge.weight)) / sum);
    };
    const count = isForward ? 3 : 2;
    for (let unit = 0; unit < count; unit++) go(unit, isForward ? 0 : 2, [], 1 / count);
    expect(ways).toHaveLength(96);
    for (const [id, p] of passProbabilities(edges, direction).entries()) {
      const through = ways.filter(({ ids }) => ids.includes(id)).reduce((all, way) => all + way.p, 0);
      expect(p).toBeCloseTo(through, 12);
    }
  });
});
