/** The model file of a run: its network in the shape of the run's data. */
import { elementCount, type Shape } from "@phew/core";
import { type ReadModel, readModel, summariseModel } from "@phew/formats";

export interface ModelFileOptions {
  /** Shape of one input, as asked for. */
  readonly input?: Shape | undefined;
  /** Of a file with several outputs, the one that is wanted. */
  readonly output?: string | undefined;
  /** Shape of one input where the file leaves it open and none is asked for. */
  readonly usualInput?: Shape | undefined;
}

/** @throws ArgumentError as `readModel` */
export async function readModelFile(file: string, options: ModelFileOptions): Promise<ReadModel> {
  const { input, output, usualInput } = options;
  if (input !== undefined || usualInput === undefined) return readModel(file, { inputShape: input, output });
  const { format, inputDims } = await summariseModel(file);
  const isOpen = format === "onnx" && (inputDims?.includes(undefined) ?? true);
  return readModel(file, { inputShape: isOpen ? inputOf(inputDims, usualInput) : undefined, output });
}

/** The data's shape: flat where the file has features, and of one row where it has sequences. */
function inputOf(dims: readonly (number | undefined)[] | undefined, usual: Shape): Shape {
  if (dims?.length === 1) return [elementCount(usual)];
  const [channels, height, length] = usual;
  return dims?.length === 2 && height === 1 ? [channels!, length!] : usual;
}
