/**
 * The baseline: a plain walker, one walk at a time. At every unit it scans the norms of the row's kernels up to a
 * random share of their sum, then the weights of the kernel likewise.
 */

function randomOf(seed) {
  // xorshift128
  let [x, y, z, w] = [seed ^ 0x9e3779b9, 362436069, 521288629, 88675123];
  return () => {
    const t = x ^ (x << 11);
    [x, y, z] = [y, z, w];
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return (w >>> 0) / 4294967296;
  };
}

function prepare({ outCount, inCount, groups, kernelSize, weight }) {
  const inPerGroup = inCount / groups;
  const norm = new Float32Array(outCount * inPerGroup);
  const forwardSum = new Float64Array(inCount);
  const backwardSum = new Float64Array(outCount);
  for (let o = 0, at = 0, kernel = 0; o < outCount; o++) {
    const firstInput = Math.floor(o / (outCount / groups)) * inPerGroup;
    for (let i = 0; i < inPerGroup; i++, kernel++) {
      let sum = 0;
      for (let k = 0; k < kernelSize; k++) sum += Math.abs(weight[at++]);
      norm[kernel] = sum;
      forwardSum[firstInput + i] += sum;
      backwardSum[o] += sum;
    }
  }
  return { norm, forwardSum, backwardSum };
}

/** @returns walkOn(keepCount, isOver): walks until keepCount edges are kept or the time is over */
export function linearScanWalker(plan, seed) {
  const random = randomOf(seed);
  const tables = plan.layers.map(prepare);
  const mask = new Uint8Array(plan.edgeCount);
  const linksFrom = plan.layers.map((_, l) => plan.links.filter((link) => link.from === l));
  const linksTo = plan.layers.map((_, l) => plan.links.filter((link) => link.to === l));
  const fromInput = plan.links.filter((link) => link.from === -1);
  const toOutput = plan.links.filter((link) => link.to === plan.layers.length);
  let [kept, walks, steps] = [0, 0, 0];

  const pick = (links) => links[Math.floor(random() * links.length)];
  function take(l, o, i) {
    const { weight, kernelSize, firstEdge, inCount, groups } = plan.layers[l];
    const kernel = o * (inCount / groups) + i;
    let target = random() * tables[l].norm[kernel];
    let k = 0;
    while (k < kernelSize - 1) {
      target -= Math.abs(weight[kernel * kernelSize + k]);
      if (target < 0) break;
      k++;
    }
    const edge = firstEdge + kernel * kernelSize + k;
    kept += 1 - mask[edge];
    mask[edge] = 1;
    steps++;
  }
  function forward(unit) {
    let link = pick(fromInput);
    while (link.to < plan.layers.length) {
      const l = link.to;
      const { outCount, inCount } = plan.layers[l];
      const { norm, forwardSum } = tables[l];
      let target = random() * forwardSum[unit];
      let o = 0;
      while (o < outCount - 1) {
        target -= norm[o * inCount + unit];
        if (target < 0) break;
        o++;
      }
      take(l, o, unit);
      unit = o;
      link = pick(linksFrom[l]);
    }
  }
  function backward(unit) {
    let link = pick(toOutput);
    while (link.from >= 0) {
      const l = link.from;
      const { inCount } = plan.layers[l];
      const { norm, backwardSum } = tables[l];
      let target = random() * backwardSum[unit];
      let i = 0;
      while (i < inCount - 1) {
        target -= norm[unit * inCount + i];
        if (target < 0) break;
        i++;
      }
      take(l, unit, i);
      unit = i;
      link = pick(linksTo[l]);
    }
  }
  return (keepCount, isOver) => {
    while (kept < keepCount && (walks % 64 !== 0 || !isOver())) {
      if (walks % 2 === 0) forward((walks / 2) % plan.inputCount);
      else backward(((walks - 1) / 2) % plan.outputCount);
      walks++;
    }
    return { keptCount: kept, walkCount: walks, stepCount: steps };
  };
}
