/** Reads a store of inputs, on whatever thread it was sent to. */
import type { Examples, InputStore } from "./dataset.ts";
import { WindowWriter } from "./window.ts";

/** Writes inputs by their index in the store; see {@link Examples.fillInto}. */
export type InputReader = Pick<Examples, "fillInto">;

/** Loads the image decoders if the store needs them. */
export async function openStore(store: InputStore): Promise<InputReader> {
  if (store.kind === "imageFiles") {
    const { ImageFiles } = await import("./images/imageFiles.ts");
    const { loadDecode } = await import("./images/decode.ts");
    return new ImageFiles(store, await loadDecode());
  }
  const values = store.kind === "bytes" ? store.pixels : store.values;
  const writer = new WindowWriter(store.frame);
  return {
    fillInto(x, places, views) {
      for (let i = 0; i < places.length; i++) writer.write(x, i, values, places[i]!, views);
    },
  };
}
