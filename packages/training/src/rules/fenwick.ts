/** Masses of many places, of which one is drawn in proportion to its mass in O(log places) (Fenwick 1994). */
export class Masses {
  readonly #mass: Float64Array;
  /** Entry k is the sum of the k & −k masses up to k, 1-based. */
  readonly #tree: Float64Array;
  readonly #top: number;

  /** @param mass at least 0 each; copied */
  constructor(mass: Float64Array) {
    this.#mass = mass.slice();
    this.#tree = new Float64Array(mass.length + 1);
    this.#top = 2 ** Math.floor(Math.log2(Math.max(1, mass.length)));
    this.#sum();
  }

  #sum(): void {
    const { length } = this.#mass;
    this.#tree.fill(0);
    for (let k = 1; k <= length; k++) {
      this.#tree[k]! += this.#mass[k - 1]!;
      const parent = k + (k & -k);
      if (parent <= length) this.#tree[parent]! += this.#tree[k]!;
    }
  }

  at(place: number): number {
    return this.#mass[place]!;
  }

  set(place: number, mass: number): void {
    const change = mass - this.#mass[place]!;
    this.#mass[place] = mass;
    for (let k = place + 1; k < this.#tree.length; k += k & -k) this.#tree[k]! += change;
  }

  /** A place in proportion to its mass, for u uniform in [0, 1); undefined if all masses are 0. */
  pick(u: number): number | undefined {
    const place = this.#find(u * this.#total());
    if (this.#mass[place]! > 0) return place;
    // changes have left rounding errors where the masses are 0
    this.#sum();
    let left = u * this.#mass.reduce((sum, mass) => sum + mass, 0);
    const found = this.#mass.findIndex((mass) => {
      left -= mass;
      return left < 0;
    });
    if (found >= 0) return found;
    const last = this.#mass.findLastIndex((mass) => mass > 0);
    return last < 0 ? undefined : last;
  }

  #total(): number {
    let sum = 0;
    for (let k = this.#mass.length; k > 0; k -= k & -k) sum += this.#tree[k]!;
    return sum;
  }

  /** The first place at which the sum of masses exceeds `sum`; the last place if none does. */
  #find(sum: number): number {
    let place = 0;
    let left = sum;
    for (let step = this.#top; step > 0; step >>= 1) {
      if (place + step < this.#tree.length && this.#tree[place + step]! <= left) {
        place += step;
        left -= this.#tree[place]!;
      }
    }
    return Math.min(place, this.#mass.length - 1);
  }
}
