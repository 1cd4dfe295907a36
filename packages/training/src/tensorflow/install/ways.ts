/** The ways to the native part of `@tensorflow/tfjs-node`, in the order in which they are tried. Adding one: a line here. */
import { officialInstaller } from "./officialInstaller.ts";
import { tensorflowWheel } from "./tensorflowWheel.ts";
import type { Way } from "./way.ts";

export const ways: readonly Way[] = [officialInstaller, tensorflowWheel];
