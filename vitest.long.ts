/** How long tests take: docs/architecture.md, "Tests". */

/** `npm run test:long`: everything, however long it takes. */
export const isLong = Boolean(process.env.PHEW_TEST_LARGE);

/** How many random cases there are: `usual`, or `long` in the long tests. */
export const caseCount = (usual: number, long: number): number => (isLong ? long : usual);

/** The seed of random cases: `usual`, or another that is given to look at others. */
export const testSeed = (usual: number): number => Number(process.env.PHEW_TEST_SEED || usual);
