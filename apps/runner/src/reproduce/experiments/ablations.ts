/**
 * Which properties make PHEW's masks good: the walks (bias, kernels, direction, branching), the magnitude of the signal,
 * the learning rate, the weights for which the mask was made, or only the densities of its layers.
 */
import { accuracyOverDensity, type Report, traceAgainstWidth } from "@phew/report";
import { accuracyIn, leadClaims, maskClaims, walkClaims } from "../ablations/claims.ts";
import { baseGrids, gridName, maskGrids, runGrids, situations } from "../ablations/grids.ts";
import type { Experiment, Findings, Measured, Plan, Scale } from "../experiment.ts";
import { figure } from "../figure.ts";
import { type BySeed, minus } from "../statistics.ts";
import { accuracyTable, maskTable, meanAndInterval } from "../tables.ts";

export const ablations: Experiment = {
  name: "ablations",
  question:
    "what makes a mask of PHEW good: its walks, the size of its signal, its weights, or its layer densities alone?",
  plan: (scale, datasets): Plan => ({
    masks: maskGrids(scale),
    runs: runGrids(scale).filter(({ settings }) => datasets.has(settings.dataset as string)),
  }),
  analyse: (measured, scale): Findings => ({
    claims: [maskClaims, walkClaims, leadClaims]
      .flatMap((claims) => claims(measured, scale))
      .filter(({ evidence }) => evidence.length > 0),
    tables: tablesOf(measured, scale),
    figures: figuresOf(measured, scale),
    notes: [
      "PHEW's masks are nested as they are: with one seed, that of a lower density is part of that of a higher one. So there is nothing to compare nested masks with.",
      "A network without forks has the same masks whatever the branching.",
      "rescale multiplies weights that were kept for their size, so that the signal grows beyond that of a dense network; reinitialise with fanIn=unit or layer gives the size that was meant.",
      "After a shuffle within layers, a network without batch normalisation may have too small a signal to learn at all; ResNet-20 tells the layer densities apart from that.",
    ],
  }),
};

function tablesOf(measured: Measured, scale: Scale): Findings["tables"] {
  const runs = runGrids(scale).filter(({ name, of }) => of === undefined && measured.runs(name).length > 0);
  const masks = maskGrids(scale).filter(({ name }) => measured.masks(name).length > 0);
  return [
    {
      name: "situations",
      title:
        "Test accuracy %, SynFlow's lead over PHEW and PHEW's over walks without bias, in each situation",
      report: situationTable(measured, scale),
    },
    ...runs.map(({ name }) => ({
      ...{ name: `runs-${name}`, title: `Runs of ${name}`, report: accuracyTable(measured.runs(name)) },
    })),
    ...masks.map(({ name }) => ({
      ...{ name: `masks-${name}`, title: `Masks of ${name}`, report: maskTable(measured.masks(name)) },
    })),
  ];
}

function situationTable(measured: Measured, scale: Scale): Report {
  const interval = (values: BySeed) => meanAndInterval([...values.values()]);
  return {
    columns: [
      { key: "situation", title: "situation" },
      { key: "seeds", title: "seeds" },
      { key: "phew", title: "phew" },
      { key: "uniform", title: "uniform-walk" },
      { key: "synflow", title: "synflow" },
      { key: "lead", title: "synflow − phew" },
      { key: "bias", title: "phew − uniform-walk" },
    ],
    rows: situations(scale).flatMap((situation) => {
      const of = (method: string) => accuracyIn(situation, method, measured);
      const [phew, uniform, synflow] = [of("phew"), of("uniform-walk"), of("synflow")];
      if (phew.size === 0) return [];
      return [
        {
          ...{ situation: situation.what, seeds: phew.size },
          ...{ phew: interval(phew), uniform: interval(uniform), synflow: interval(synflow) },
          ...{ lead: interval(minus(synflow, phew)), bias: interval(minus(phew, uniform)) },
        },
      ];
    }),
  };
}

function figuresOf(measured: Measured, scale: Scale): Findings["figures"] {
  const [base] = baseGrids(scale);
  const variants = measured.runs(gridName(base, "variants"));
  const densities = new Set(variants.map(({ density }) => density));
  const own = measured
    .runs(base.name)
    .filter(({ method, density }) => ["phew", "uniform-walk"].includes(method) && densities.has(density));
  return [
    ...maskGrids(scale).flatMap(({ name, model }) =>
      figure(
        `masks-${name}`,
        `Trace against width of walks of each kind, ${model}`,
        traceAgainstWidth,
        measured.masks(name),
        model,
      ),
    ),
    ...figure(
      "variants",
      "Accuracy of walks of each kind",
      accuracyOverDensity,
      [...own, ...variants],
      "lenet5 · glyphs",
    ),
  ];
}
