/** The experiment on cost: multiply-adds against weights counted here, and times that stand in its tables. */
import { readFileSync } from "node:fs";
import { initialise, prune, zooModel } from "@phew/core";
import { describe, expect, it } from "vitest";
import { cost } from "../src/reproduce/experiments/cost.ts";
import { phew, readText, scratchFolder } from "./phew.ts";

describe("multiply-adds", () => {
  it("are the kept weights of a network of dense layers", async () => {
    const [operations] = cost.plan("smoke", new Set()).own!;
    const measured = () => operations!.measure("mlp phew 0.02 3", new AbortController().signal);
    const row = await measured();
    const network = zooModel("mlp");
    const weights = await initialise(network, { seed: 3 });
    const { keptCount } = await prune(network, weights, { method: "phew", density: 0.02, seed: 3 });
    expect(row).toMatchObject({ dense: 784 * 300 + 300 * 100 + 100 * 10, kept: keptCount });
    expect(await measured()).toEqual(row);
  });
});

describe("the smoke run", () => {
  it("times what it says, and draws it", { timeout: 300_000 }, async () => {
    const folder = scratchFolder();
    const { exitCode, stderr } = await phew(["reproduce", "cost", "--out", folder, "--json"]);
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
    const [head, ...rows] = readText(`${folder}/cost-smoke/times.csv`).trimEnd().split("\n");
    const columns = head!.split(",");
    expect(rows).toHaveLength(3);
    for (const row of rows) {
      const cells = row.split(",");
      expect(cells).toHaveLength(columns.length);
      expect(Number(cells[columns.indexOf("stepMs")])).toBeGreaterThan(0);
      expect(cells[columns.indexOf("date")]).toMatch(/^\d{4}-\d\d-\d\d$/);
    }
    expect(readFileSync(`${folder}/cost-smoke/times.png`).length).toBeGreaterThan(1000);
  });
});
