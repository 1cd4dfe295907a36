/**
 * One change of masks by each rule of dynamic sparse training, written as the papers put it: layers are lists of single
 * weights, everything is scored, sorted and counted. Random numbers come from the caller, who decides their stream.
 */

/** One weight. */
export interface PlainWeight {
  /** Its number in the network. */
  readonly id: number;
  readonly layer: number;
  /** Output unit and input unit within the layer. */
  readonly out: number;
  readonly in: number;
  /** Place within the kernel. */
  readonly tap: number;
  readonly value: number;
  readonly kept: boolean;
  readonly gradient: number;
  readonly momentum: number;
}

/** Numbers of one stream. */
export interface PlainRandom {
  /** 0 … bound − 1. */
  below(bound: number): number;
  /** 0 ≤ u < 1. */
  float(): number;
}

/** The stream of a layer, or of the network, for drops or growth. */
export type PlainStreams = (purpose: "drop" | "grow", layer?: number) => PlainRandom;

/** Ids in the order of the choice; a weight that is dropped and grown again is in neither. */
export interface PlainChange {
  readonly dropped: readonly number[];
  readonly grown: readonly number[];
}

type Weights = readonly PlainWeight[];

const layersOf = (weights: Weights): Weights[] => {
  const count = 1 + Math.max(...weights.map(({ layer }) => layer));
  return Array.from({ length: count }, (_, l) => weights.filter(({ layer }) => layer === l));
};
const range = (n: number) => Array.from({ length: n }, (_, k) => k);
const size = (value: number) => Math.abs(value);
const whole = (fraction: number, count: number) => Math.min(count, Math.floor(fraction * count + 1e-9));

/** Ascending by score; of equal scores the later weight first. */
const ascending = (weights: Weights, score: (w: PlainWeight) => number): PlainWeight[] =>
  [...weights].sort((a, b) => score(a) - score(b) || b.id - a.id);
/** Descending by score; of equal scores the earlier weight first. */
const descending = (weights: Weights, score: (w: PlainWeight) => number): PlainWeight[] =>
  [...weights].sort((a, b) => score(b) - score(a) || a.id - b.id);

function outcome(
  weights: Weights,
  dropped: readonly PlainWeight[],
  grown: readonly PlainWeight[],
): PlainChange {
  const gone = new Set(dropped.map(({ id }) => id));
  const back = new Set(grown.map(({ id }) => id));
  const wasKept = new Set(weights.filter(({ kept }) => kept).map(({ id }) => id));
  return {
    dropped: [...gone].filter((id) => !back.has(id)),
    grown: [...back].filter((id) => !wasKept.has(id)),
  };
}

/** `count` of the candidates, without repetition: each place of the list is swapped with a later one. */
function shuffled(candidates: Weights, count: number, random: PlainRandom): PlainWeight[] {
  const left = [...candidates];
  const chosen: PlainWeight[] = [];
  for (let k = 0; k < count; k++) {
    const other = k + random.below(left.length - k);
    const taken = left[other]!;
    left[other] = left[k]!;
    left[k] = taken;
    chosen.push(taken);
  }
  return chosen;
}

/** What is not kept once some are dropped. */
const absentAfter = (weights: Weights, dropped: Weights): PlainWeight[] =>
  weights.filter((w) => !w.kept || dropped.includes(w));
const keptOf = (weights: Weights): PlainWeight[] => weights.filter(({ kept }) => kept);

/** SET as used since RigL: the least magnitudes go, random ones come, layer by layer. */
export function plainSet(weights: Weights, zeta: number, streams: PlainStreams): PlainChange {
  return byLayer(weights, (own, layer) => {
    const dropped = ascending(keptOf(own), (w) => size(w.value)).slice(0, whole(zeta, keptOf(own).length));
    return { dropped, grown: shuffled(absentAfter(own, dropped), dropped.length, streams("grow", layer)) };
  });
}

/** SET as published. */
export function plainSetSigns(weights: Weights, zeta: number, streams: PlainStreams): PlainChange {
  return byLayer(weights, (own, layer) => {
    const positive = keptOf(own).filter(({ value }) => value >= 0);
    const negative = keptOf(own).filter(({ value }) => value < 0);
    const dropped = [
      ...ascending(positive, ({ value }) => value).slice(0, whole(zeta, positive.length)),
      ...ascending(negative, ({ value }) => -value).slice(0, whole(zeta, negative.length)),
    ];
    return { dropped, grown: shuffled(absentAfter(own, dropped), dropped.length, streams("grow", layer)) };
  });
}

/** RigL. */
export function plainRigl(weights: Weights, zeta: number): PlainChange {
  return byLayer(weights, (own) => {
    const dropped = ascending(keptOf(own), (w) => size(w.value)).slice(0, whole(zeta, keptOf(own).length));
    const grown = descending(absentAfter(own, dropped), (w) => size(w.gradient)).slice(0, dropped.length);
    return { dropped, grown };
  });
}

/** MEST: random growth after drops by |w| + λ|g|. */
export function plainMest(
  weights: Weights,
  zeta: number,
  lambda: number,
  streams: PlainStreams,
): PlainChange {
  return byLayer(weights, (own, layer) => {
    const score = (w: PlainWeight) => size(w.value) + lambda * size(w.gradient);
    const dropped = ascending(keptOf(own), score).slice(0, whole(zeta, keptOf(own).length));
    return { dropped, grown: shuffled(absentAfter(own, dropped), dropped.length, streams("grow", layer)) };
  });
}

function byLayer(
  weights: Weights,
  change: (own: Weights, layer: number) => { dropped: PlainWeight[]; grown: PlainWeight[] },
): PlainChange {
  const changes = layersOf(weights).map(change);
  return outcome(
    weights,
    changes.flatMap(({ dropped }) => dropped),
    changes.flatMap(({ grown }) => grown),
  );
}

/** Whole parts of `total` in proportion to shares, none above its room, by largest remainder; ties to the earlier. */
function plainSpread(total: number, shares: readonly number[], room: readonly number[]): number[] {
  // one layer after the other is found to be full, until the rest fits
  const full = new Set<number>();
  for (;;) {
    const open = room.map((_, l) => l).filter((l) => !full.has(l));
    const left = total - [...full].reduce((sum, l) => sum + room[l]!, 0);
    const shareSum = open.reduce((sum, l) => sum + shares[l]!, 0);
    const wish = (l: number) => (full.has(l) ? room[l]! : (left * shares[l]!) / shareSum);
    const over = open.filter((l) => wish(l) > room[l]!);
    for (const l of over) full.add(l);
    if (over.length > 0) continue;
    const parts = room.map((_, l) => Math.floor(wish(l)));
    const missing = total - parts.reduce((a, b) => a + b, 0);
    const order = room.map((_, l) => l).sort((a, b) => wish(b) - parts[b]! - (wish(a) - parts[a]!) || a - b);
    for (const l of order.slice(0, missing)) parts[l]!++;
    return parts;
  }
}

/** Sparse momentum: layers grow by mean |momentum| of what they have left, up to 99 %, the greatest gradients. */
export function plainSnfs(weights: Weights, zeta: number): PlainChange {
  const layers = layersOf(weights);
  const drops = layers.map((own) =>
    ascending(keptOf(own), (w) => size(w.value)).slice(0, whole(zeta, keptOf(own).length)),
  );
  const left = layers.map((own, l) => keptOf(own).filter((w) => !drops[l]!.includes(w)));
  const means = left.map(
    (own) => own.reduce((sum, w) => sum + size(w.momentum), 0) / Math.max(1, own.length),
  );
  const room = layers.map((own, l) => Math.max(0, Math.floor(0.99 * own.length) - left[l]!.length));
  const counts = plainSpread(drops.flat().length, means, room);
  const grown = layers.flatMap((own, l) =>
    descending(absentAfter(own, drops[l]!), (w) => size(w.gradient)).slice(0, counts[l]),
  );
  return outcome(weights, drops.flat(), grown);
}

/** DSR: a threshold for all layers, growth in proportion to what is left. @returns the next threshold too */
export function plainDsr(
  weights: Weights,
  zeta: number,
  threshold: number,
  streams: PlainStreams,
): PlainChange & { threshold: number } {
  const layers = layersOf(weights);
  const below = (own: Weights) =>
    ascending(keptOf(own), (w) => size(w.value)).filter((w) => size(w.value) < threshold);
  const drops = layers.map((own) => below(own).slice(0, keptOf(own).length - 1));
  const left = layers.map((own, l) => keptOf(own).length - drops[l]!.length);
  const room = layers.map((own, l) => own.length - left[l]!);
  const counts = plainSpread(drops.flat().length, left, room);
  const grown = layers.flatMap((own, l) =>
    shuffled(absentAfter(own, drops[l]!), counts[l]!, streams("grow", l)),
  );
  const wanted = whole(zeta, keptOf(weights).length);
  const found = layers.flatMap(below).length;
  const next = found < 0.9 * wanted ? threshold * 2 : found > 1.1 * wanted ? threshold / 2 : threshold;
  return { ...outcome(weights, drops.flat(), grown), threshold: next };
}

/** GraNet: pruned to `keepCount` by magnitude over all layers, then RigL's step. */
export function plainGranet(weights: Weights, zeta: number, keepCount: number): PlainChange {
  const pruned = ascending(keptOf(weights), (w) => size(w.value)).slice(
    0,
    keptOf(weights).length - keepCount,
  );
  const changes = layersOf(weights).map((own) => {
    const left = keptOf(own).filter((w) => !pruned.includes(w));
    const replaced = ascending(left, (w) => size(w.value)).slice(0, whole(zeta, left.length));
    const gone = ascending([...keptOf(own).filter((w) => pruned.includes(w)), ...replaced], (w) =>
      size(w.value),
    );
    const grown = descending(absentAfter(own, gone), (w) => size(w.gradient)).slice(0, replaced.length);
    return { gone, grown };
  });
  return outcome(
    weights,
    changes.flatMap(({ gone }) => gone),
    changes.flatMap(({ grown }) => grown),
  );
}

/** How active the input units and the output units of each layer are. */
export type PlainActivity = readonly {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}[];

/** An output in proportion to its activity, one of the inputs that it reads likewise, any tap of their kernel. */
function proposed(
  own: Weights,
  { inputs, outputs }: PlainActivity[number],
  random: PlainRandom,
): PlainWeight {
  const out = placeOf(outputs, random.float());
  const row = own.filter((w) => w.out === out);
  const read = [...new Set(row.map((w) => w.in))];
  const masses = read.map((i) => inputs[i]!);
  const input = read[placeOf(masses, random.float())]!;
  const kernel = row.filter((w) => w.in === input);
  return kernel[random.below(kernel.length)]!;
}

/** GSE with uniform proposals over layers, drops and growth ranked over the network. */
export function plainGse(
  weights: Weights,
  zeta: number,
  gamma: number,
  streams: PlainStreams,
  active?: PlainActivity,
): PlainChange {
  const random = streams("grow");
  const dropped = ascending(keptOf(weights), (w) => size(w.value)).slice(
    0,
    whole(zeta, keptOf(weights).length),
  );
  const absent = absentAfter(weights, dropped);
  const found: PlainWeight[] = [];
  for (const [l, own] of layersOf(weights).entries()) {
    const keptCount = own.filter((w) => !absent.includes(w)).length;
    for (let k = 0; k < Math.ceil(gamma * keptCount); k++) {
      const drawn = active === undefined ? own[random.below(own.length)]! : proposed(own, active[l]!, random);
      if (absent.includes(drawn) && !found.includes(drawn)) found.push(drawn);
    }
  }
  if (found.length < dropped.length) {
    const rest = absent.filter((w) => !found.includes(w));
    for (let k = rest.length - 1; k > 0; k--) {
      const other = random.below(k + 1);
      [rest[k], rest[other]] = [rest[other]!, rest[k]!];
    }
    found.push(...rest.slice(0, dropped.length - found.length));
  }
  return outcome(weights, dropped, descending(found, (w) => size(w.gradient)).slice(0, dropped.length));
}

/** SRigL; `budgets` are the layers' weights at the start. */
export function plainSrigl(
  weights: Weights,
  zeta: number,
  gamma: number,
  budgets: readonly number[],
): { readonly kept: ReadonlySet<number> } {
  const layers = layersOf(weights);
  const kept = layers.flatMap((own, l) => {
    const now = keptOf(own);
    const replaced = whole(zeta, now.length);
    const strong = descending(now, (w) => size(w.value)).slice(0, now.length - replaced);
    const others = own.filter((w) => !strong.includes(w));
    const wanted = descending(others, (w) => size(w.gradient)).slice(0, replaced);
    const units = [...new Set(own.map(({ out }) => out))];
    const salient = units.map((u) => [...strong, ...wanted].filter(({ out }) => out === u).length);
    const active = units.filter((u) => now.some(({ out }) => out === u)).length;
    const bound = (gamma * now.length) / active;
    const fanIn = own.filter(({ out }) => out === 0).length;
    const ranking = [...units].sort((a, b) => salient[b]! - salient[a]! || a - b);
    const isLast = l === layers.length - 1;
    const good = isLast ? units.length : units.filter((u) => salient[u]! > 0 && salient[u]! >= bound).length;
    const count = Math.min(budgets[l]!, Math.max(good, Math.ceil(budgets[l]! / fanIn), 1));
    const k = Math.min(fanIn, Math.floor(budgets[l]! / count));
    return ranking.slice(0, count).flatMap((u) => {
      const stay = descending(
        strong.filter(({ out }) => out === u),
        (w) => size(w.value),
      ).slice(0, k);
      const free = own.filter((w) => w.out === u && !strong.includes(w));
      return [...stay, ...descending(free, (w) => size(w.gradient)).slice(0, k - stay.length)];
    });
  });
  return { kept: new Set(kept.map(({ id }) => id)) };
}

/** CH3-L3n scores of all pairs of a layer's graph, by counting paths u – b – a – v one by one. */
function plainPaths3(
  edges: readonly (readonly [out: number, into: number])[],
  outs: number,
  ins: number,
): number[][] {
  const present = new Set(edges.map(([o, i]) => o * ins + i));
  const has = (o: number, i: number) => present.has(o * ins + i);
  // several taps of a kernel are one edge
  const outDegree = (o: number) => range(ins).filter((i) => has(o, i)).length;
  const inDegree = (i: number) => range(outs).filter((o) => has(o, i)).length;
  return range(outs).map((u) =>
    range(ins).map((v) => {
      let score = 0;
      for (const a of range(outs)) {
        const shared = range(ins).filter((i) => has(u, i) && has(a, i)).length;
        if (shared > 0 && has(a, v)) score += 1 / Math.max(outDegree(a) - shared, 1);
      }
      for (const b of range(ins)) {
        const shared = range(outs).filter((o) => has(o, v) && has(o, b)).length;
        if (shared > 0 && has(u, b)) score += 1 / Math.max(inDegree(b) - shared, 1);
      }
      return Math.fround(score);
    }),
  );
}

/** Those that are dropped first, and with them what is then on no path. */
function withUseless(
  weights: Weights,
  first: readonly PlainWeight[],
  isUseless: (kept: ReadonlySet<number>) => ReadonlySet<number>,
): PlainWeight[] {
  const left = keptOf(weights).filter((w) => !first.includes(w));
  const useless = isUseless(new Set(left.map(({ id }) => id)));
  return [...first, ...weights.filter(({ id }) => useless.has(id))];
}

/** Random order of equal keys, then the greatest key first. */
export function plainCht(
  weights: Weights,
  shape: readonly { readonly outs: number; readonly ins: number }[],
  zeta: number,
  isUseless: (kept: ReadonlySet<number>) => ReadonlySet<number>,
  streams: PlainStreams,
): PlainChange {
  const layers = layersOf(weights);
  const first = layers.flatMap((own) =>
    ascending(keptOf(own), (w) => size(w.value)).slice(0, whole(zeta, keptOf(own).length)),
  );
  const dropped = withUseless(weights, first, isUseless);
  const grown = layers.flatMap((own, l) => {
    const random = streams("grow", l);
    const stays = keptOf(own).filter((w) => !dropped.includes(w));
    const scores = plainPaths3(
      stays.map((w) => [w.out, w.in] as const),
      shape[l]!.outs,
      shape[l]!.ins,
    );
    const candidates = own
      .filter((w) => !stays.includes(w))
      .map((w) => ({ w, score: scores[w.out]![w.in]!, chance: random.float() }));
    candidates.sort((a, b) => b.score - a.score || b.chance - a.chance);
    return candidates.slice(0, keptOf(own).length - stays.length).map(({ w }) => w);
  });
  return outcome(weights, dropped, grown);
}

/**
 * CHTs: as CHT, but which weights stay and which grow is drawn, without replacement, in proportion to a score: an exponential
 * clock for each weight, whose rate is the score; the first to ring are taken. A weight's score to stay is its importance among
 * the weights of its output and of its input, to a power that rises from 1 to 3 over the run.
 */
export function plainChts(
  weights: Weights,
  shape: readonly { readonly outs: number; readonly ins: number }[],
  { zeta, progress }: { readonly zeta: number; readonly progress: number },
  isUseless: (kept: ReadonlySet<number>) => ReadonlySet<number>,
  streams: PlainStreams,
): PlainChange {
  const ring = (rate: number, u: number) => (rate > 0 ? -Math.log(1 - u) / rate : Number.POSITIVE_INFINITY);
  const layers = layersOf(weights);
  const first = layers.flatMap((own, l) => {
    const random = streams("drop", l);
    const kept = keptOf(own);
    const sumOf = (others: Weights) => others.reduce((sum, w) => sum + size(w.value), 0);
    const clocks = kept.map((w) => {
      const importance =
        size(w.value) / (1e-5 + sumOf(kept.filter((other) => other.out === w.out))) +
        size(w.value) / (1e-5 + sumOf(kept.filter((other) => other.in === w.in)));
      return { w, at: ring(importance ** (1 + 2 * progress), random.float()) };
    });
    const stayCount = kept.length - whole(zeta, kept.length);
    const stay = [...clocks].sort((a, b) => a.at - b.at).slice(0, stayCount);
    return kept.filter((w) => stay.every((one) => one.w !== w));
  });
  const dropped = withUseless(weights, first, isUseless);
  const grown = layers.flatMap((own, l) => {
    const random = streams("grow", l);
    const stays = keptOf(own).filter((w) => !dropped.includes(w));
    const links = stays.map((w) => [w.out, w.in] as const);
    const scores = plainPaths3(links, shape[l]!.outs, shape[l]!.ins);
    const clocks = own
      .filter((w) => !stays.includes(w))
      .map((w) => {
        const u = random.float();
        return { w, u, at: ring(scores[w.out]![w.in]!, u) };
      });
    // those that never ring in a random order
    clocks.sort((a, b) => (a.at === b.at ? b.u - a.u : a.at - b.at));
    return clocks.slice(0, keptOf(own).length - stays.length).map(({ w }) => w);
  });
  return outcome(weights, dropped, grown);
}

/** Row of a weight whose score is known. */
export interface PlainScored {
  readonly id: number;
  readonly row: number;
  readonly input: number;
  readonly tap: number;
  readonly score: number;
  readonly absent: boolean;
}

/** What a row needs for its proposals. */
export interface PlainRow {
  /** Greatest value of each input, and the sum over the row's output positions. */
  readonly bounds: readonly number[];
  readonly bound: number;
  readonly taps: number;
}

/**
 * Successive sampling by path scores, all of which are in a table: rows by what is absent, then proposals within the row.
 * Only for rows in which a proposal is taken before the 64th.
 */
export function plainPathDraws(
  scored: readonly PlainScored[],
  rows: readonly PlainRow[],
  count: number,
  random: PlainRandom,
): number[] {
  const drawn: number[] = [];
  while (drawn.length < count) {
    const masses = rows.map((_, r) =>
      scored
        .filter(({ id, row, absent }) => row === r && absent && !drawn.includes(id))
        .reduce((sum, { score }) => sum + score, 0),
    );
    const row = placeOf(masses, random.float());
    for (;;) {
      const { bounds, bound, taps } = rows[row]!;
      const input = placeOf(bounds, random.float());
      const tap = random.below(taps);
      const chance = random.float();
      const it = scored.find((s) => s.row === row && s.input === input && s.tap === tap)!;
      if (chance * bound * bounds[input]! < it.score && it.absent && !drawn.includes(it.id)) {
        drawn.push(it.id);
        break;
      }
    }
  }
  return drawn;
}

/** The place at which the running sum of masses exceeds u of their total. */
function placeOf(masses: readonly number[], u: number): number {
  let left = u * masses.reduce((a, b) => a + b, 0);
  return masses.findIndex((mass) => {
    left -= mass;
    return left < 0;
  });
}
