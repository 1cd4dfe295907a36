/** `wanted`, or with the first of the numbers 1, 2, … behind it that is not used; adds it to `used`. */
export function unusedName(used: Set<string>, wanted: string): string {
  let name = wanted;
  for (let k = 1; used.has(name); k++) name = `${wanted}_${k}`;
  used.add(name);
  return name;
}
