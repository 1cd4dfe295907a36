/** How long tests take: docs/architecture.md, "Tests". */

/** `npm run test:long`: everything, however long it takes. */
export const isLong = Boolean(process.env.PHEW_TEST_LARGE);

/** How many random cases there are: `usual`, or `long` in the long tests. */
export const caseCount = (usual: number, long: number): number => (isLong ? long : usual);
