/** Every optimiser by its name. Adding one: its file and a line here. Loads nothing else: it is there for help, too. */
import { adamw } from "./adamw.ts";
import type { Optimiser, Setting } from "./optimiser.ts";
import { sgd } from "./sgd.ts";

export type { Optimiser, Setting };

/** The default first. */
export const optimisers: readonly Optimiser[] = [sgd, adamw];
