/** Values with the same key together; groups in the order of their first. */
export function grouped<T>(all: readonly T[], keyOf: (each: T) => string | number): T[][] {
  const groups = new Map<string | number, T[]>();
  for (const each of all) {
    const key = keyOf(each);
    const group = groups.get(key);
    if (group) group.push(each);
    else groups.set(key, [each]);
  }
  return [...groups.values()];
}
