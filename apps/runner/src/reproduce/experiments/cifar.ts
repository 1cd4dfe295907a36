/** How the laptop scale trains on CIFAR-10 and -100: by a small part of the images and of the published epochs. */

/** Rates by a cosine from 0.1, weight decay 5e-4, crop and flip. */
export const CIFAR_RECIPE = {
  ...{ epochs: 12, batchSize: 128, rate: 0.1, warmupEpochs: 1, schedule: "cosine" },
  ...{ weightDecay: 0.0005, augmentation: "usual" },
};

/** As many steps over half as many images, for a network whose images take four times as long. */
export const CIFAR_RESNET_RECIPE = { ...CIFAR_RECIPE, epochs: 6, batchSize: 64, rate: 0.05 };
