/** How a batch is divided among threads. */

/** Runs of blocks whose sums are kept apart: as many threads as can share a batch. */
export const MOST_SHARDS = 8;

export const shardCount = (blocks: number): number => Math.min(MOST_SHARDS, blocks);
