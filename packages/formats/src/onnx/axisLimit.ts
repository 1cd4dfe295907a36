/** Tables of positions are made for axes that a network may have: a damaged file must not fill memory. */
import { Unsupported } from "./unsupported.ts";

/** Longest axis that a table is made for: real ones have some thousands of positions. */
const LONGEST_AXIS = 2 ** 20;
/** Most terms of a table. */
const MOST_TERMS = 2 ** 24;

/** @param perPlace most terms of a position @throws Unsupported where a table would be longer than any network's */
export function requireAxis(length: number, perPlace = 1): void {
  if (!(length <= LONGEST_AXIS)) throw new Unsupported(`it makes an axis of ${length} positions`);
  if (!(length * perPlace <= MOST_TERMS))
    throw new Unsupported(`it makes ${length} positions of ${perPlace} others each`);
}
