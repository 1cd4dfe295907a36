/** Walk plans of networks to measure, with Kaiming-normal weights. */

/** Builds a plan layer by layer; links are added by hand. */
function builder(engine, inputCount, outputCount) {
  const layers = [];
  const links = [];
  let edgeCount = 0;
  return {
    layer(name, inCount, outCount, kernelSize, groups = 1) {
      const weight = new Float32Array((outCount * inCount * kernelSize) / groups);
      const standardDeviation = Math.sqrt((2 * groups) / (inCount * kernelSize));
      engine.fillNormal(weight, { seed: 1, stream: layers.length, standardDeviation });
      layers.push({ name, weight, outCount, inCount, groups, kernelSize, firstEdge: edgeCount });
      edgeCount += weight.length;
      return layers.length - 1;
    },
    link(from, to, count) {
      links.push({ from, to, fromStart: 0, count, toStart: 0, spread: 1 });
    },
    build: () => ({ layers, links, inputCount, outputCount, edgeCount }),
  };
}

export function mlp(engine, sizes) {
  const plan = builder(engine, sizes[0], sizes.at(-1));
  for (let l = 0; l + 1 < sizes.length; l++) plan.layer(`fc${l}`, sizes[l], sizes[l + 1], 1);
  for (let l = 0; l < sizes.length; l++) plan.link(l - 1, l, sizes[l]);
  return plan.build();
}

/** CIFAR VGG-19: sixteen 3×3 convolutions and a classifier. */
export function vgg19(engine, classes = 10) {
  const widths = [64, 64, 128, 128, ...Array(4).fill(256), ...Array(8).fill(512)];
  const plan = builder(engine, 3, classes);
  const counts = [3, ...widths];
  for (const [l, width] of widths.entries()) plan.layer(`conv${l}`, counts[l], width, 9);
  plan.layer("fc", 512, classes, 1);
  for (const [l, count] of [...counts, classes].entries()) plan.link(l - 1, l, count);
  return plan.build();
}

/** CIFAR ResNet-20 with projection shortcuts: 270,896 weights at 10 classes. */
export function resnet20(engine, classes = 10) {
  const plan = builder(engine, 3, classes);
  let ends = [plan.layer("conv1", 3, 16, 9)];
  plan.link(-1, ends[0], 3);
  let width = 16;
  for (const outWidth of [16, 16, 16, 32, 32, 32, 64, 64, 64]) {
    const first = plan.layer("conv1", width, outWidth, 9);
    const second = plan.layer("conv2", outWidth, outWidth, 9);
    for (const end of ends) plan.link(end, first, width);
    plan.link(first, second, outWidth);
    const shortcut = width === outWidth ? [] : [plan.layer("shortcut", width, outWidth, 1)];
    for (const branch of shortcut) for (const end of ends) plan.link(end, branch, width);
    ends = [second, ...shortcut];
    width = outWidth;
  }
  const classifier = plan.layer("fc", 64, classes, 1);
  for (const end of ends) plan.link(end, classifier, 64);
  plan.link(classifier, classifier + 1, classes);
  return plan.build();
}
