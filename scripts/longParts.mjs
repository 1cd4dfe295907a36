/**
 * The long tests in parts of about a minute: each file that has long cases (it imports vitest.long.ts) is one. A part has
 * its turn on one day after the other; which of its longest cases run changes from turn to turn.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** Test files with long cases, relative to `root` and in order. */
function filesWithLongCases(root) {
  const namesIn = (folder) => readdirSync(path.join(root, folder)).map((name) => path.join(folder, name));
  return ["packages", "apps"]
    .flatMap(namesIn)
    .map((member) => path.join(member, "test"))
    .filter((folder) => existsSync(path.join(root, folder)))
    .flatMap(namesIn)
    .filter((file) => /\.test\.tsx?$/.test(file))
    .filter((file) => readFileSync(path.join(root, file), "utf8").includes('/vitest.long.ts"'))
    .sort();
}

/**
 * @param wanted "today", or the number of a part, from 1
 * @returns its `number` of `count`, its `file`, and its `turn`, one higher when all parts have had theirs
 * @throws Error with the list of parts where there is no such part
 */
export function longPart(root, wanted, date = new Date()) {
  const files = filesWithLongCases(root);
  const day = Math.floor(date.getTime() / 86_400_000);
  const number = wanted === "today" ? (day % files.length) + 1 : Number(wanted);
  const file = files[number - 1];
  if (file === undefined) {
    const list = files.map((name, k) => `${k + 1}  ${name}`).join("\n");
    throw new Error(`--part: got ${wanted ?? "nothing"}, expected "today" or a number of these:\n${list}`);
  }
  return { number, count: files.length, file, turn: Math.floor(day / files.length) };
}
