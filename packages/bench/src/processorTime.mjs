/** Processor time of all threads of this process, for measurements on a machine that others use too. */

/** Of the work, in milliseconds. */
export async function measured(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e3;
}

export function median(times) {
  return [...times].sort((a, b) => a - b)[times.length >> 1];
}
