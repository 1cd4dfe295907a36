/** Gives out addresses before there is memory, so that the need is known before anything is allocated. */
export class Addresses {
  #next: number;

  /** @param first lowest free address */
  constructor(first: number) {
    this.#next = first;
  }

  /** Room for `bytes` bytes at a multiple of 16, apart from all others. */
  take(bytes: number): number {
    const at = Math.ceil(this.#next / 16) * 16;
    this.#next = at + bytes;
    return at;
  }

  /** Addresses given out so far, from 0. */
  get end(): number {
    return this.#next;
  }
}
