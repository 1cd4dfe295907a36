/** The ways to the native part of `@tensorflow/tfjs-node`, in the order in which they are tried. Adding one: a line here. */
import { officialInstaller } from "./officialInstaller.ts";
import { tensorflowWheel } from "./tensorflowWheel.ts";

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

export const ways: readonly Way[] = [officialInstaller, tensorflowWheel];
