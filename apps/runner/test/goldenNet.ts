/**
 * Parameters of two and more axes of golden nets that are no weights of a layer: positions, tokens, tables of
 * embeddings, and a layer's scale.
 */
export const NEVER_PRUNED = /pos_embed|token|wte\.weight|wpe\.weight|^g$/;
