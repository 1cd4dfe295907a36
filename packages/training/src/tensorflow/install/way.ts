/** What a way to the native part of `@tensorflow/tfjs-node` is. */

/** A copy of the package that a way works in; it is thrown away where the way fails. */
export interface Workshop {
  readonly folder: string;
  readonly signal?: AbortSignal;
  /** Tells what is being done. */
  note(text: string): void;
}

export interface Way {
  /** `its own installer`. */
  readonly name: string;
  /**
   * Makes `lib/napi-v8/tfjs_binding.node` and the libraries it needs in `deps/lib`.
   * @throws Error in one line saying why it cannot
   */
  build(workshop: Workshop): Promise<void>;
}
