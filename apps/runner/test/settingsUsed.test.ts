/**
 * Each setting that a run has is used: a setting that nothing reads would change the run's folder and nothing else. What
 * copies a configuration as a whole (files, hashes, events) uses none of its settings.
 */
import { optimisers } from "@phew/training/settings";
import { Command } from "commander";
import { expect, it } from "vitest";
import {
  type CommandLineSettings,
  commandLineSettings,
  withAllSettings,
} from "../src/settings/commandLine.ts";
import { entries, isCarryingOut, isOwn, type TrainConfig } from "../src/settings/configuration.ts";
import { GROUPS } from "../src/settings/table.ts";
import { withDigests } from "../src/sources/weightSources.ts";
import { gather } from "../src/train/runMaterial.ts";
import { configOf, placeOf } from "../src/verbs/train.ts";

/** The same object, which adds to `read` the names that are asked for one by one. */
function watched<T extends object>(object: T, read: Set<string>): T {
  // each is asked for once more where all are copied
  let copied = new Set<string | symbol>();
  return new Proxy(object, {
    ownKeys(target) {
      copied = new Set(Reflect.ownKeys(target));
      return Reflect.ownKeys(target);
    },
    get(target, name) {
      if (!copied.delete(name) && typeof name === "string") read.add(name);
      return Reflect.get(target, name);
    },
  });
}

function settingsFrom(line: string): CommandLineSettings {
  const command = withAllSettings(new Command("train").argument("[model]"), "train");
  command.parse(line.split(" "), { from: "user" });
  return commandLineSettings(command);
}

const LINE = "lenet5 --density 0.5 --classes 3 --train-count 30 --test-count 30";

/** Settings of a run that are read where it is prepared and its training is set up. */
async function readOf(optimiser: string): Promise<{ config: TrainConfig; read: Set<string> }> {
  const settings = settingsFrom(`${LINE} --optimiser ${optimiser}`);
  const config = await configOf("lenet5", settings);
  const read = new Set<string>();
  const seen = await withDigests(watched(config, read));
  const place = placeOf(settings.values, "used");
  const { initial } = await gather(seen, place, { signal: new AbortController().signal });
  await initial();
  return { config, read };
}

it("does not take a copy of everything for a use", () => {
  const read = new Set<string>();
  const settings = watched({ a: 1, b: 2, c: 3 }, read);
  const { a, ...rest } = settings;
  expect([a, rest, Object.entries(settings)]).toHaveLength(3);
  expect([...read]).toEqual(["a"]);
});

it("has every setting of a run read by what prepares it, by settingsOf or by what they call", async () => {
  const read = new Set<string>();
  for (const { name, settings } of optimisers) {
    const { read: own } = await readOf(name);
    const unread = Object.keys(settings).filter((setting) => !own.has(setting));
    expect(unread, `settings of ${name} that settingsOf does not read`).toEqual([]);
    for (const setting of own) read.add(setting);
  }
  const unread = entries.filter(([name, entry]) => isOwn(entry) && !read.has(name)).map(([name]) => name);
  expect(unread, "settings that change a run's folder and that nothing reads").toEqual([]);
});

it("has every setting of how a run is carried out read by placeOf", () => {
  const read = new Set<string>();
  placeOf(watched(settingsFrom(LINE).values, read), "used");
  const unread = Object.entries(GROUPS.Execution)
    .filter(([name, entry]) => isCarryingOut(entry) && !read.has(name))
    .map(([name]) => name);
  expect(unread, "settings of the group Execution that placeOf does not read").toEqual([]);
});
