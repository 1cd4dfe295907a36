/** Elementwise functions, as PyTorch defines them. */

export function activate(name: string, x: number, alpha?: number, beta?: number): number {
  switch (name) {
    case "relu":
      return Math.max(0, x);
    case "relu6":
      return Math.min(6, Math.max(0, x));
    case "leakyRelu":
      return x >= 0 ? x : (alpha ?? 0.01) * x;
    case "sigmoid":
      return 1 / (1 + Math.exp(-x));
    case "tanh":
      return Math.tanh(x);
    case "gelu":
      return (x * (1 + erf(x / Math.SQRT2))) / 2;
    case "silu":
      return x / (1 + Math.exp(-(alpha ?? 1) * x));
    case "hardSwish":
      return (x * Math.min(6, Math.max(0, x + 3))) / 6;
    case "hardSigmoid":
      return Math.min(1, Math.max(0, (alpha ?? 1 / 6) * x + (beta ?? 0.5)));
    case "elu":
      return x >= 0 ? x : (alpha ?? 1) * (Math.exp(x) - 1);
    case "softplus":
      return Math.max(0, x) + Math.log1p(Math.exp(-Math.abs((alpha ?? 1) * x))) / (alpha ?? 1);
    case "selu":
      return 1.0507009873554805 * (x >= 0 ? x : 1.6732632423543772 * (Math.exp(x) - 1));
    case "celu":
      return Math.max(0, x) + Math.min(0, (alpha ?? 1) * (Math.exp(x / (alpha ?? 1)) - 1));
    case "softsign":
      return x / (1 + Math.abs(x));
    case "mish": {
      // tanh(ln(1 + t)) = ((1 + t)² − 1) / ((1 + t)² + 1)
      const t = Math.exp(Math.min(x, 300));
      return (x * (t * t + 2 * t)) / (t * t + 2 * t + 2);
    }
    case "geluTanh": {
      const inner = 0.7978845608028654 * (x + 0.044715 * x * x * x);
      return x - x / (Math.exp(2 * inner) + 1);
    }
    case "thresholdedRelu":
      return x > (alpha ?? 1) ? x : 0;
    case "linear":
      return (alpha ?? 1) * x + (beta ?? 0);
    case "clip":
      return Math.min(beta ?? 1, Math.max(alpha ?? -1, x));
    default:
      throw new Error(`the oracle knows no activation "${name}"`);
  }
}

/** The error function by its series of positive terms: 2/√π · e^(−x²) · Σ_n 2^n x^(2n+1) / (2n+1)!!. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
