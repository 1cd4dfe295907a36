/** How long tests take: docs/architecture.md, "Tests". */

/** `npm run test:long`: everything, however long it takes. */
export const isLong = Boolean(process.env.PHEW_TEST_LARGE);

/** `npm run test:long -- --part K`: the turn of the part, which decides what of it runs; undefined where all does. */
const turn = process.env.PHEW_TEST_TURN === undefined ? undefined : Number(process.env.PHEW_TEST_TURN);

/** How many random cases there are: `usual`, or `long` in the long tests; in a part of these, ten times as many as usual. */
export function caseCount(usual: number, long: number): number {
  if (!isLong) return usual;
  return turn === undefined ? long : Math.min(long, 10 * usual);
}

/** Of cases that take long each: none, or all in the long tests; in a part of these, the `count` whose turn it is. */
export function longCases<T>(all: readonly T[], count = 1): readonly T[] {
  if (!isLong) return [];
  if (turn === undefined) return all;
  return Array.from({ length: count }, (_, k) => all[(turn * count + k) % all.length]!);
}

/** The seed of random cases: `usual`, or another that is given to look at others. */
export const testSeed = (usual: number): number => Number(process.env.PHEW_TEST_SEED || usual);
