/** Runs named, chosen, sorted, spoken of and removed. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RunWriter, readEntry } from "@phew/runs";
import {
  addNote,
  changeTags,
  clearNotes,
  fieldsOf,
  type KeptRun,
  keptRun,
  NOTES_FILE,
  namer,
  parseFilters,
  readNotes,
  removeRun,
  runNamed,
  sortRuns,
} from "@phew/runs/list";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "phew-list-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A run folder of a given name. */
function makeRun(path: string, config: object = {}): string {
  const folder = join(root, path);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify({ config }));
  return folder;
}

function run(config: object, over: object = {}): KeptRun {
  return {
    ...{ folder: "f", experiment: "e", id: "i", name: "n", config, life: "finished", updatedT: 0 },
    ...{
      summary: { phase: "finished", fraction: 1 },
      notes: { tags: [], notes: [] },
      hasDamagedNotes: false,
    },
    ...over,
  } as KeptRun;
}

describe("a run is named", () => {
  it("by its folder, its id, its experiment and id, or a beginning that no other id has", () => {
    const [a, b, c] = ["x/aa11-0", "x/ab22-0", "y/aa11-0"].map((path) => makeRun(path)) as [
      string,
      string,
      string,
    ];
    expect(runNamed(root, a)).toBe(a);
    expect(runNamed(root, "ab22-0")).toBe(b);
    expect(runNamed(root, "ab")).toBe(b);
    expect(runNamed(root, "y/aa11-0")).toBe(c);
    expect(runNamed(root, "y/a")).toBe(c);
    expect(["ab", "x/aa"].map(namer(root))).toEqual([b, a]);
  });

  it("by its whole id where that begins another's", () => {
    const [a] = ["x/aa", "x/aab"].map((path) => makeRun(path));
    expect(runNamed(root, "aa")).toBe(a);
  });

  it("by nothing else: what is meant by none or by several is said", () => {
    for (const path of ["x/aa11-0", "x/ab22-0", "y/aa11-0"]) makeRun(path);
    expect(() => runNamed(root, "a")).toThrow(/several ids begin with.*x\/aa11-0, x\/ab22-0, y\/aa11-0/);
    expect(() => runNamed(root, "aa11-0")).toThrow(/in several experiments.*x\/aa11-0, y\/aa11-0/);
    expect(() => runNamed(root, "ac22-0")).toThrow(/got "ac22-0".*Did you mean "ab22-0"/);
    for (const nothing of ["", "/", "z/aa11-0", "x"])
      expect(() => runNamed(root, nothing)).toThrow(/folder of a run/);
  });
});

describe("a filter", () => {
  const passing = (config: object, ...filters: string[]) => {
    const one = run(config);
    return parseFilters(filters, fieldsOf([one]))(one);
  };

  it("compares numbers as JavaScript does", () => {
    const number = fc.oneof(
      fc.integer({ min: -9, max: 9 }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    );
    fc.assert(
      fc.property(number, number, (a, b) => {
        expect(passing({ rate: a }, `rate<${b}`)).toBe(a < b);
        expect(passing({ rate: a }, `rate<=${b}`)).toBe(a <= b);
        expect(passing({ rate: a }, `rate>${b}`)).toBe(a > b);
        expect(passing({ rate: a }, `rate >= ${b}`)).toBe(a >= b);
        expect(passing({ rate: a }, `rate=${b}`)).toBe(a === b);
        expect(passing({ rate: a }, `rate!=${b}`)).toBe(a !== b);
      }),
    );
  });

  it.each([
    ["method=phew", true],
    ["method=snip,phew", true],
    ["method=snip", false],
    ["method!=snip,grasp", true],
    ["method!=snip,phew", false],
    ["method~HE", true],
    ["method!~HE", false],
    ["density=5%", true],
    ["density<0.7%", false],
    ["density=0.05", true],
    ["options.bias=square", true],
    ["branching=equal", true],
    ["branching=weight", false],
    ["options.granularity=weight", true],
    ["options=bias=square", true],
    ["drops=0.5,0.75", true],
    ["nesterov=false", true],
    // that it does not have
    ["trainCount=1", false],
    ["trainCount!=1", true],
    ["trainCount<1", false],
    // that it stands at by default
    ["rate=0.02", true],
    ["momentum<0.9", false],
  ])("%s", (filter, passes) => {
    const config = {
      method: "phew",
      density: 0.05,
      options: { bias: "square" },
      drops: [0.5, 0.75],
      nesterov: false,
    };
    expect(passing(config, filter)).toBe(passes);
  });

  it("chooses by tags, states and dates, and all filters count", () => {
    const one = run({}, { notes: { tags: ["a", "b"], notes: [] }, updatedT: Date.parse("2026-11-30T08:00") });
    const passes = (...filters: string[]) => parseFilters(filters, fieldsOf([one]))(one);
    expect(passes("tag=a")).toBe(true);
    expect(passes("tag=c")).toBe(false);
    expect(passes("tag!=a")).toBe(false);
    expect(passes("tag=c,b", "state=finished,failed")).toBe(true);
    expect(passes("tag=a", "state=failed")).toBe(false);
    expect(passes("updated>2026-11-30T07:59")).toBe(true);
    expect(passes("updated>2026-11-30T08:01")).toBe(false);
  });

  it.each([
    ["densty=1", /filter "densty=1": got "densty".*Did you mean "density"/],
    ["state=faild", /got "faild".*Did you mean "failed"/],
    ["density<much", /got "much", expected a number/],
    ["updated>soon", /expected a date/],
    ["phew", /got "phew", expected a name/],
    ["=1", /expected a name/],
  ])("%s is refused in words", (filter, message) => {
    expect(() => passing({}, filter)).toThrow(message);
  });
});

it("sorts by several fields, up and down, runs without them last", () => {
  const runs = [
    run({ method: "b", dataSeed: 1 }, { id: "0" }),
    run({ method: "a" }, { id: "1" }),
    run({ method: "a", dataSeed: 10 }, { id: "2" }),
    run({ method: "a", dataSeed: 2 }, { id: "3" }),
  ];
  const sorted = (...keys: string[]) => sortRuns(runs, keys, fieldsOf(runs)).map(({ id }) => id);
  expect(sorted("method", "-dataSeed")).toEqual(["2", "3", "1", "0"]);
  expect(sorted("dataSeed")).toEqual(["0", "3", "2", "1"]);
  expect(sorted("-dataSeed")).toEqual(["2", "3", "0", "1"]);
  expect(sorted("state")).toEqual(["0", "1", "2", "3"]);
  expect(() => sorted("-rat")).toThrow(/--sort: got "rat".*Did you mean "rate"/);
});

describe("tags and notes", () => {
  it("are kept in one file of the folder, and change neither the run nor its id", () => {
    const folder = makeRun("e/aa-0", { method: "phew" });
    const before = readEntry(folder, 0);
    expect(readNotes(folder)).toEqual({ tags: [], notes: [] });
    changeTags(folder, ["a", "b", "a"], []);
    changeTags(folder, ["c"], ["a", "nothing"]);
    addNote(folder, "  first\nline  ", 5);
    addNote(folder, "second", 7);
    const notes = [
      { t: 5, text: "first\nline" },
      { t: 7, text: "second" },
    ];
    expect(readNotes(folder)).toEqual({ tags: ["b", "c"], notes });
    expect(readEntry(folder, 0)).toEqual(before);
    expect(readdirSync(folder).sort()).toEqual(["config.json", NOTES_FILE]);
    clearNotes(folder);
    expect(readNotes(folder)).toEqual({ tags: ["b", "c"], notes: [] });
  });

  it.each(["", "a b", "-a", "a,b", "a=b", "x".repeat(65), "\u001b[31m", "."])("%j is no tag", (tag) => {
    const folder = makeRun("e/aa-0");
    expect(() => changeTags(folder, [tag], [])).toThrow(/tag: got .* expected letters/);
    expect(existsSync(join(folder, NOTES_FILE))).toBe(false);
  });

  it.each([
    "",
    "[]",
    "{}",
    '{"tags":"a","notes":[]}',
    '{"tags":["a b"],"notes":[]}',
    '{"tags":[],"notes":[{"t":"now","text":"x"}]}',
    '{"tags":[],"notes":[{"t":1e99,"text":"x"}]}',
  ])("in a file that holds %s are not read, and it is not overwritten", (content) => {
    const folder = makeRun("e/aa-0");
    writeFileSync(join(folder, NOTES_FILE), content);
    expect(readNotes(folder)).toBeUndefined();
    expect(keptRun(readEntry(folder, 0)!)).toMatchObject({ hasDamagedNotes: true, notes: { tags: [] } });
    expect(() => changeTags(folder, ["a"], [])).toThrow(/notes\.json.*Mend it/);
    expect(() => addNote(folder, "a", 1)).toThrow(/notes\.json.*Mend it/);
    expect(readFileSync(join(folder, NOTES_FILE), "utf8")).toBe(content);
  });

  it("outlive that the run is done again", () => {
    const place = { root, experiment: "e", name: "n", config: { method: "phew" }, defaults: {}, seed: 0 };
    const first = RunWriter.open(place);
    first.close({ state: "finished" });
    changeTags(first.folder, ["kept"], []);
    const again = RunWriter.open(place);
    changeTags(first.folder, ["meanwhile"], []);
    again.close({ state: "finished" });
    expect(readNotes(first.folder)?.tags).toEqual(["kept", "meanwhile"]);
  });
});

describe("a run is removed", () => {
  const place = () => ({
    root,
    experiment: "e",
    name: "n",
    config: { method: "phew" },
    defaults: {},
    seed: 0,
  });

  it("with all that is in its folder, which is said in bytes", () => {
    const writer = RunWriter.open(place());
    writer.close({ state: "failed", failure: "x" });
    mkdirSync(join(writer.folder, "deep", "er"), { recursive: true });
    writeFileSync(join(writer.folder, "deep", "er", "file"), "12345");
    const names = readdirSync(writer.folder, { recursive: true, withFileTypes: true }).filter((item) =>
      item.isFile(),
    );
    const bytes = names.map((item) => readFileSync(join(item.parentPath, item.name)).length);
    const other = makeRun("e/other-0");
    expect(removeRun(writer.folder)).toEqual({
      fileCount: names.length,
      byteCount: bytes.reduce((sum, length) => sum + length, 0),
    });
    expect(readdirSync(join(root, "e"))).toEqual(["other-0"]);
    expect(existsSync(other)).toBe(true);
  });

  it("never while it is running, nor behind a link, nor what is no run", () => {
    const writer = RunWriter.open(place());
    expect(() => removeRun(writer.folder)).toThrow(/a run that is running/);
    expect(readEntry(writer.folder, Date.now())?.life).toBe("running");
    writer.close({ state: "finished" });
    symlinkSync(writer.folder, join(root, "e", "link-0"));
    expect(() => removeRun(join(root, "e", "link-0"))).toThrow(/a link to a folder elsewhere/);
    expect(() => removeRun(join(root, "e"))).toThrow(/no run/);
    expect(existsSync(join(writer.folder, "config.json"))).toBe(true);
  });

  it("and what a removal that was killed left goes with the next", () => {
    mkdirSync(join(root, "e", ".removed.123", "tb"), { recursive: true });
    removeRun(makeRun("e/aa-0"));
    expect(readdirSync(join(root, "e"))).toEqual([]);
  });
});
