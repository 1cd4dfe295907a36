import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeMaskFaults, maskFaults } from "../src/analysis/maskFaults.ts";
import { Masks } from "../src/masks/masks.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import { prune } from "../src/prune.ts";
import { initialise } from "../src/weights/initialise.ts";
import { zooModel } from "../src/zoo/zoo.ts";
import { oracleNetwork } from "./oracleNetwork.ts";
import { randomMasks, randomNetworks } from "./randomNetwork.ts";
import { unitPaths } from "./unitPaths.ts";

const masksByName = (masks: Masks) =>
  new Map(masks.network.prunable.map((parameter) => [parameter.name, masks.of(parameter)]));

const perceptron = () => {
  const b = new NetworkBuilder("perceptron", [4]);
  return b.build(b.dense("out", b.relu(b.dense("hidden", b.input, 3)), 2));
};

describe("what a mask breaks", () => {
  it("agrees with an enumeration of all paths of random masks: outputs cut off, layers collapsed", () => {
    let [compared, broken] = [0, 0];
    fc.assert(
      fc.property(
        randomNetworks,
        fc.constantFrom(0.5, 0.2, 0.1, 0.03),
        fc.nat(),
        ({ network }, density, seed) => {
          const masks = randomMasks(network, density, seed);
          const graph = oracleNetwork(network);
          const paths = unitPaths(graph, masksByName(masks), 20_000);
          const whole = unitPaths(graph, masksByName(Masks.dense(network)), 20_000);
          if (paths === undefined || whole === undefined) return;
          compared++;
          const lost = network.prunable.filter(
            ({ name }) =>
              whole.through.get(name)!.some((count) => count > 0) &&
              !paths.through.get(name)!.some((count) => count > 0),
          );
          const faults = maskFaults(masks);
          expect(faults.collapsedLayers).toEqual(lost.map(({ name }) => name));
          expect(faults.cutOff).toBe(paths.count === 0);
          const { name } = network.prunable.at(-1)!;
          // every output of these networks is a unit of its last layer
          const through = paths.through.get(name)!;
          const [outCount] = network.outputShape as [number];
          const row = through.length / outCount;
          const missed = Array.from({ length: outCount }, (_, o) => o).filter((o) =>
            through.slice(o * row, (o + 1) * row).every((count) => count === 0),
          );
          expect(faults.unreachedOutputs).toEqual(missed);
          if (missed.length > 0 || lost.length > 0) broken++;
          expect(describeMaskFaults(faults) === undefined).toBe(missed.length === 0 && lost.length === 0);
          const effective = [...paths.through.values()].reduce(
            (sum, each) => sum + each.filter((count) => count > 0).length,
            0,
          );
          expect(faults.ineffectiveCount).toBe(masks.keptCount - effective);
        },
      ),
      { numRuns: 600 },
    );
    expect(compared).toBeGreaterThan(50);
    expect(broken).toBeGreaterThan(15);
  });

  it("is a warning with remedies, and an error if strict", async () => {
    const network = zooModel("lenet5");
    const weights = await initialise(network, { seed: 0 });
    const settings = { method: "magnitude", density: 0.0005, seed: 0 };
    const messages: string[] = [];
    const { warnings } = await prune(network, weights, {
      ...settings,
      onEvent: (event) => event.kind === "log" && messages.push(event.message),
    });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /cut off.*through \d layers \(.*What helps: a greater density, or scope=layer/,
    );
    expect(messages).toEqual(warnings);
    await expect(prune(network, weights, { ...settings, strict: true })).rejects.toThrow(
      /^masks by magnitude: got masks with a fault \(the output is cut off/,
    );
    const sound = await prune(network, weights, { ...settings, density: 0.1, strict: true });
    expect(sound.warnings).toEqual([]);
  });

  it("warns if all scores are equal, since order alone then decides", async () => {
    const network = perceptron();
    const alike = new Map(
      network.parameters.map(({ name, shape }) => [
        name,
        new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5),
      ]),
    );
    const of = async (weights: typeof alike, density: number) =>
      (await prune(network, weights, { method: "magnitude", density, seed: 0, options: { scope: "layer" } }))
        .warnings;
    const equal =
      "all weights have the same score, 0.5: which of them are kept is decided by their order alone";
    expect((await of(alike, 0.9))[0]).toBe(equal);
    expect(await of(alike, 1)).toEqual([]);
    alike.get("out.weight")![1] = 0.25;
    expect(await of(alike, 0.9)).not.toContain(equal);
  });

  it("names the outputs that are lost while others are left, and the layers that a shortcut bypasses", async () => {
    const network = perceptron();
    const masks = Masks.dense(network);
    masks.get("out.weight")!.fill(0, 3);
    expect(describeMaskFaults(maskFaults(masks))).toBe(
      "no path of kept weights reaches 1 output of 2 (1), the same for every input",
    );
    const resnet = zooModel("resnet20");
    const cut = Masks.dense(resnet);
    const { name } = resnet.prunable[1]!;
    cut.get(name)!.fill(0);
    const faults = maskFaults(cut);
    expect(faults.cutOff).toBe(false);
    expect(faults.collapsedLayers).toHaveLength(2);
    expect(describeMaskFaults(faults)).toMatch(
      /^no path of kept weights leads through 2 layers \(.*\); other paths bypass them; [\d.]+ % of the kept weights are on no path$/,
    );
  });

  it("suggests no greater density if the allowed weights have the fault already", async () => {
    const network = perceptron();
    const weights = await initialise(network, { seed: 3 });
    // nothing enters output 1, and hidden unit 2 leads nowhere
    const within = Masks.dense(network);
    const [hidden, out] = network.prunable.map((parameter) => within.of(parameter)) as [
      Uint8Array,
      Uint8Array,
    ];
    out.set([1, 1, 0, 0, 0, 0]);
    expect(hidden.length).toBe(12);
    const ask = (keepCount: number, method = "phew") =>
      prune(network, weights, { method, density: keepCount / 18, seed: 0, within });
    const { warnings } = await ask(6);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /1 output of 2 \(1\).*What helps: a larger set of weights to choose from, .*already\.$/,
    );
    // walks reach 8 weights into hidden units 0 and 1 and 2 weights out of them; scores all 14
    const refusal = await ask(11).catch((error: Error) => error.message);
    expect(refusal).toMatch(
      /at most the 10 of 18 that are left on paths .*a density of at most 0\.5555555555555556\.$/,
    );
    expect((await ask(10)).keptCount).toBe(10);
    await expect(ask(15, "magnitude")).rejects.toThrow(/at most the 14 of 18 that are left to choose from/);
    expect((await ask(14, "magnitude")).keptCount).toBe(14);
  });

  it("ignores what the dense network lacks already: a layer that nothing reads", () => {
    const b = new NetworkBuilder("side", [2, 4, 4]);
    const x = b.relu(b.conv2d("trunk", b.input, { outChannels: 3, kernel: 3 }));
    const unread = b.conv2d("unread", x, { outChannels: 2, kernel: 1 });
    const read = b.node("read", { kind: "select", index: [0, 1, 2] }, b.concat(x, unread));
    const network = b.build(b.dense("fc", b.flatten(b.globalAveragePool(read)), 2));
    expect(describeMaskFaults(maskFaults(Masks.dense(network)))).toBeUndefined();
  });
});
