/** The name of a parameter's mask, as torch.nn.utils.prune has it. */
export const maskName = (parameter: string): string => `${parameter}_mask`;
