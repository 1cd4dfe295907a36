/** Images of one's own, or ImageNet as it comes unpacked: class folders of JPEG and PNG. */
import type { DatasetEntry } from "./entry.ts";
import { openDataFiles } from "./files/openDataFiles.ts";
import { findClassFolders, isImage, readClassFolders } from "./images/folder.ts";

/** ImageNet's, and their mean for grey images. */
const COLOUR = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const GREY = { mean: [0.449], std: [0.226] };

export const imageFolder: DatasetEntry = {
  name: "image-folder",
  summary: "JPEG and PNG images in train/CLASS/ and test/CLASS/ or val/CLASS/, in a folder or an archive",
  embedded: false,
  source: "your own, or ImageNet: Deng et al. 2009",
  licence: "the images' own",
  async load({ dataDir, imageSize, memoryBytes, progress, mean, std }) {
    const files = await openDataFiles(dataDir!, { wanted: isImage });
    return readClassFolders(files, findClassFolders(files, await files.names()), {
      name: "image-folder",
      normalisations: [GREY, COLOUR],
      imageSize,
      memoryBytes,
      progress,
      mean,
      std,
    });
  },
};
