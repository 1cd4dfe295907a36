/**
 * A sweep file: the runs (grids, zipped lists, lists and seeds) and where they run.
 *   runs = (product of grid × zip ∪ list) × seeds, each on top of `settings`
 * A file may extend another: its value of a setting replaces all values of the other file.
 */
import { realpathSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { ArgumentError } from "@phew/core/messages";
import { readText } from "@phew/formats/tensors";
import { z } from "zod";
import { requireShape, type UnknownName } from "./shapeFault.ts";

/** Settings of one run: names and values. */
export type Settings = Readonly<Record<string, unknown>>;

/** Zod schema of the value of each setting, by its name; provided by the caller. */
export type SettingShape = Readonly<Record<string, z.ZodType>>;

type Lists = Readonly<Record<string, readonly unknown[]>>;

export interface Sweep {
  /** Folder of its runs: letters, digits, `.`, `_` and `-`. */
  readonly experiment: string;
  readonly settings: Settings;
  readonly grid: Lists;
  readonly zip: readonly Lists[];
  readonly list: readonly Settings[];
  readonly seeds: readonly number[];
  /** Name of what executes it. */
  readonly on: string | undefined;
  /** Runs at a time on this machine. */
  readonly workers: number | undefined;
  readonly threads: number | undefined;
  /** Fields that the file has under the name that they had in the last release: the old and the new one. */
  readonly renamed: readonly (readonly [string, string])[];
  readonly slurm: SlurmSettings;
}

export interface SlurmSettings {
  /** Most tasks of the array that run at a time. */
  readonly throttle?: number | undefined;
  /** Options handed to `sbatch` as they are. */
  readonly sbatch?: readonly string[] | undefined;
}

const seed = z.int().min(0).meta({ description: "a whole number from 0 to 2^53 − 1" });

const workers = z.int().min(1).max(1024).optional();

/**
 * The schema of a sweep file over the settings of a run.
 * @param executors names of what can execute a sweep
 */
export function sweepSchema(shape: SettingShape, executors: readonly string[]) {
  const settings = z.strictObject(shape).partial();
  const lists = z
    .strictObject(
      Object.fromEntries(
        Object.entries(shape).map(([key, value]) => [
          key,
          z
            .array(value)
            .min(1)
            .meta({ description: `a list, each of which: ${value.description ?? key}` }),
        ]),
      ),
    )
    .partial();
  return z.strictObject({
    $schema: z.string().optional().meta({ description: "path of sweep.schema.json, for editors" }),
    extends: z.string().min(1).optional().meta({
      description: "path of another sweep file, from the folder of this one, that this one changes",
    }),
    experiment: z
      .string()
      .regex(/^(?!\.+$)[\w.-]+$/)
      .optional()
      .meta({
        description: "folder of the runs: letters, digits, '.', '_' and '-'; the file's name unless given",
      }),
    settings: settings.optional().meta({ description: "settings that all runs share, each with its value" }),
    grid: lists.optional().meta({ description: "settings with lists of values: every combination is run" }),
    zip: z.array(lists).optional().meta({
      description:
        "a list of groups of settings whose lists are as long as each other: the first values go together, the second ones, …; every combination with the grid and other groups is run",
    }),
    list: z
      .array(settings)
      .optional()
      .meta({ description: "a list of settings, each run as it is beside the combinations of grid and zip" }),
    seeds: z
      .union([z.int().min(1).max(100_000), z.array(seed).min(1)])
      .optional()
      .meta({ description: "how many seeds each runs with, from 0, or a list of them" }),
    on: z
      .enum(executors)
      .optional()
      .meta({ description: "what executes the sweep; the first one unless given" }),
    workers: workers.meta({ description: "runs at a time on this machine, from 1 to 1024" }),
    processes: workers.meta({ description: "what workers was called in the last release, from 1 to 1024" }),
    threads: z.int().min(1).max(256).optional().meta({ description: "threads of each run, from 1 to 256" }),
    slurm: z
      .strictObject({
        throttle: z.int().min(1).optional().meta({ description: "most runs at a time, at least 1" }),
        sbatch: z.array(z.string().min(1)).optional().meta({
          description: 'a list of options for sbatch, such as "--partition=cpu" and "--time=02:00:00"',
        }),
      })
      .optional()
      .meta({ description: "how a cluster runs the sweep" }),
  });
}

type SweepSchema = ReturnType<typeof sweepSchema>;
type RawSweep = z.infer<SweepSchema>;

/** JSON Schema of sweep files, for editors. */
export function sweepJsonSchema(shape: SettingShape, executors: readonly string[]): object {
  return {
    title: "A sweep of phew: many runs from one file",
    ...z.toJSONSchema(sweepSchema(shape, executors), { target: "draft-7", io: "input" }),
  };
}

/** @returns the value of a setting as it is from where phew is called. @param folder of the file that has it */
export type Placed = (setting: string, value: unknown, folder: string) => unknown;

export interface SweepReading {
  /** For settings whose values are relative to the file. */
  readonly placed?: Placed;
  readonly unknownName?: UnknownName;
}

/** @throws ArgumentError naming the file and the position in it, if it or a file that it extends is not valid */
export function readSweep(
  file: string,
  shape: SettingShape,
  executors: readonly string[],
  reading: SweepReading = {},
): Sweep {
  return sweepOf(file, readExtended(file, sweepSchema(shape, executors), reading, []));
}

/** A sweep that a program makes itself: as {@link readSweep} of a file with that content. @param source names it in errors */
export function checkedSweep(
  source: string,
  content: unknown,
  shape: SettingShape,
  executors: readonly string[],
): Sweep {
  return sweepOf(source, requireShape(source, sweepSchema(shape, executors), content));
}

function sweepOf(file: string, raw: RawSweep): Sweep {
  const { settings = {}, grid = {}, zip = [], list = [], seeds = 1, slurm = {} } = raw;
  const sweep: Sweep = {
    experiment:
      raw.experiment ??
      basename(file)
        .replace(/\.json$/, "")
        .replace(/[^\w.-]/g, "-"),
    settings,
    grid: grid as Lists,
    zip: zip as readonly Lists[],
    list,
    seeds: typeof seeds === "number" ? Array.from({ length: seeds }, (_, k) => k) : seeds,
    on: raw.on,
    workers: raw.workers ?? raw.processes,
    renamed: raw.processes === undefined ? [] : [["processes", "workers"]],
    threads: raw.threads,
    slurm,
  };
  requireConsistent(file, sweep);
  return sweep;
}

function readExtended(
  file: string,
  schema: SweepSchema,
  reading: SweepReading,
  above: readonly string[],
): RawSweep {
  const { placed = (_, value) => value, unknownName } = reading;
  const path = realPath(file, above);
  if (above.includes(path)) {
    const circle = [...above.slice(above.indexOf(path)), path].map((step) =>
      relative(dirname(above[0]!), step),
    );
    throw new ArgumentError(`${file}: extends`, {
      given: circle.join(" → "),
      expected: "files that do not lead back to themselves",
    });
  }
  const raw = inPlace(requireShape(file, schema, parseJson(path, file), unknownName), placed, dirname(file));
  if (raw.extends === undefined) return raw;
  const base = readExtended(join(dirname(path), raw.extends), schema, reading, [...above, path]);
  return extended(base, raw);
}

/** Of a link to a file the folder of the link. */
function inPlace(raw: RawSweep, placed: Placed, folder: string): RawSweep {
  const ofSettings = (settings: object) =>
    Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, placed(key, value, folder)]));
  const ofLists = (lists: object) =>
    Object.fromEntries(
      Object.entries(lists).map(([key, values]) => [
        key,
        (values as readonly unknown[]).map((value) => placed(key, value, folder)),
      ]),
    );
  return {
    ...raw,
    ...(raw.settings && { settings: ofSettings(raw.settings) }),
    ...(raw.grid && { grid: ofLists(raw.grid) }),
    ...(raw.zip && { zip: raw.zip.map(ofLists) }),
    ...(raw.list && { list: raw.list.map(ofSettings) }),
  };
}

function realPath(file: string, above: readonly string[]): string {
  try {
    return realpathSync(file);
  } catch {
    const subject = above.length === 0 ? file : `${above.at(-1)}: extends`;
    throw new ArgumentError(subject, {
      given: above.length === 0 ? "a file that is not there" : `"${file}", which is not there`,
      expected: "a sweep file",
    });
  }
}

function parseJson(path: string, file: string): unknown {
  const text = readText(path);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ArgumentError(file, {
      given: `no JSON: ${(error as Error).message}`,
      expected: "a sweep file in JSON",
    });
  }
}

/** `over` on top of `base`: a setting that `over` names is removed from all of `base`. */
function extended(base: RawSweep, over: RawSweep): RawSweep {
  const named = new Set(
    [over.settings ?? {}, over.grid ?? {}, ...(over.zip ?? [])].flatMap((group) => Object.keys(group)),
  );
  const without = <T extends object>(group: T): T =>
    Object.fromEntries(Object.entries(group).filter(([key]) => !named.has(key))) as T;
  const baseZip = (base.zip ?? []).map(without).filter((group) => Object.keys(group).length > 0);
  return {
    ...base,
    ...over,
    settings: { ...without(base.settings ?? {}), ...over.settings },
    grid: { ...without(base.grid ?? {}), ...over.grid },
    zip: [...baseZip, ...(over.zip ?? [])],
    list: over.list ?? base.list ?? [],
    slurm: { ...base.slurm, ...over.slurm },
  };
}

function requireConsistent(file: string, { settings, grid, zip, seeds }: Sweep): void {
  const places = new Map<string, string>();
  const take = (key: string, place: string) => {
    const before = places.get(key);
    if (before !== undefined) {
      throw new ArgumentError(`${file}: ${place}.${key}`, {
        given: `a setting that ${before} has too`,
        expected: "each setting in one place of settings, grid and zip",
      });
    }
    places.set(key, place);
  };
  for (const key of Object.keys(settings)) take(key, "settings");
  for (const key of Object.keys(grid)) take(key, "grid");
  for (const [k, group] of zip.entries()) {
    for (const key of Object.keys(group)) take(key, `zip[${k}]`);
    requireEqualLengths(file, `zip[${k}]`, group);
  }
  const twice = seeds.find((value, k) => seeds.indexOf(value) < k);
  if (twice !== undefined) {
    throw new ArgumentError(`${file}: seeds`, { given: `${twice} twice`, expected: "each seed once" });
  }
}

function requireEqualLengths(file: string, place: string, group: Lists): void {
  const lengths = Object.entries(group).map(([key, values]) => `${key} has ${values.length}`);
  if (new Set(Object.values(group).map((values) => values.length)).size <= 1) return;
  throw new ArgumentError(`${file}: ${place}`, {
    given: lengths.join(", "),
    expected: "lists as long as each other",
    remedy: "For every combination put them into grid.",
  });
}
