import { isFailing, STATUSES, type Status } from '../pods/status.ts';
import { conclude, type Prediction } from './prediction.ts';

/** How good the probabilities of many rows were, of all and of those above a RISK of 0.05 alone. */
export interface RowFigures extends Figures {
  readonly above5: Figures;
}

/** Shares are of 1; NaN where there was nothing to measure. */
export interface Figures {
  /** The sum of their weights. */
  readonly rows: number;
  /** The part of the rows whose pods failed within the horizon. */
  readonly failed: number;
  /** Of the label, in nats. */
  readonly logLoss: number;
  /** Of RISK. */
  readonly brier: number;
  /** The expected calibration error of RISK over ten bins of equal width. */
  readonly ece: number;
  /** The mean over the classes that have rows. */
  readonly macroF1: number;
  readonly classes: Readonly<Partial<Record<Status, ClassFigures>>>;
  readonly reliability: readonly ReliabilityBin[];
}

interface ClassFigures {
  readonly rows: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Of this class against all others, over all rows. */
  readonly brier: number;
}

/** Rows whose RISK fell into one bin: how much was said, and how much of it came. */
interface ReliabilityBin {
  readonly rows: number;
  readonly meanRisk: number;
  readonly failed: number;
}

const BINS = 10;
/** Rows below it are the healthy many, which flatter every mean. */
const LOW_RISK = 0.05;
/** A probability of 0 for what came would make the log loss infinite. */
const LEAST_PROBABILITY = 1e-6;

/** Sums that grow by one row at a time: memory does not depend on how many rows there are. */
export class RowScore {
  readonly #all = new Sums();
  readonly #above5 = new Sums();

  /** `label`: what became of the row. `weight`: for how many rows it stands. */
  add(probabilities: Readonly<Record<Status, number>>, label: Status, weight = 1): void {
    const conclusion = conclude(probabilities);
    this.#all.add(probabilities, conclusion, label, weight);
    if (conclusion.risk > LOW_RISK) this.#above5.add(probabilities, conclusion, label, weight);
  }

  /** Adds the rows of another score, `times` over. */
  addScore(other: RowScore, times = 1): void {
    this.#all.addSums(other.#all, times);
    this.#above5.addSums(other.#above5, times);
  }

  figures(): RowFigures {
    return { ...this.#all.figures(), above5: this.#above5.figures() };
  }
}

class Sums {
  #weight = 0;
  #failed = 0;
  #logLoss = 0;
  #brier = 0;
  readonly #classBrier = new Map<Status, number>();
  readonly #confusion = new Map<Status, Map<Status, number>>();
  readonly #bins = newBins();

  add(
    probabilities: Readonly<Record<Status, number>>,
    { status, risk }: Prediction,
    label: Status,
    weight: number,
  ): void {
    const failed = Number(isFailing(label));
    this.#weight += weight;
    this.#failed += weight * failed;
    this.#logLoss -= weight * Math.log(Math.max(probabilities[label], LEAST_PROBABILITY));
    this.#brier += weight * (risk - failed) ** 2;
    for (const one of STATUSES) {
      const miss = probabilities[one] - Number(one === label);
      this.#classBrier.set(one, (this.#classBrier.get(one) ?? 0) + weight * miss * miss);
    }
    const own = this.#confusion.get(label) ?? new Map<Status, number>();
    own.set(status, (own.get(status) ?? 0) + weight);
    this.#confusion.set(label, own);
    addTo(this.#bins, risk, failed, weight);
  }

  addSums(other: Sums, times: number): void {
    this.#weight += times * other.#weight;
    this.#failed += times * other.#failed;
    this.#logLoss += times * other.#logLoss;
    this.#brier += times * other.#brier;
    for (const [status, sum] of other.#classBrier) {
      this.#classBrier.set(status, (this.#classBrier.get(status) ?? 0) + times * sum);
    }
    for (const [label, theirs] of other.#confusion) {
      const own = this.#confusion.get(label) ?? new Map<Status, number>();
      for (const [status, weight] of theirs) own.set(status, (own.get(status) ?? 0) + times * weight);
      this.#confusion.set(label, own);
    }
    mergeBins(this.#bins, other.#bins, times);
  }

  figures(): Figures {
    const classes = this.#classes();
    const f1 = Object.values(classes).map((own) => own.f1);
    return {
      rows: this.#weight,
      failed: this.#failed / this.#weight,
      logLoss: this.#logLoss / this.#weight,
      brier: this.#brier / this.#weight,
      ece: calibrationError(this.#bins),
      macroF1: f1.reduce((sum, value) => sum + value, 0) / f1.length,
      classes,
      reliability: this.#bins.map(({ weight, risk, failed }) => ({
        rows: weight,
        meanRisk: risk / weight,
        failed: failed / weight,
      })),
    };
  }

  #classes(): Partial<Record<Status, ClassFigures>> {
    const classes: Partial<Record<Status, ClassFigures>> = {};
    for (const status of STATUSES) {
      const own = this.#confusion.get(status);
      if (own === undefined) continue;
      const actual = [...own.values()].reduce((sum, count) => sum + count, 0);
      const hits = own.get(status) ?? 0;
      const predicted = [...this.#confusion.values()].reduce((sum, row) => sum + (row.get(status) ?? 0), 0);
      classes[status] = {
        rows: actual,
        precision: hits / predicted,
        recall: hits / actual,
        f1: (2 * hits) / (predicted + actual),
        brier: (this.#classBrier.get(status) ?? 0) / this.#weight,
      };
    }
    return classes;
  }
}

interface Bin {
  weight: number;
  risk: number;
  failed: number;
}

function newBins(): Bin[] {
  return Array.from({ length: BINS }, () => ({ weight: 0, risk: 0, failed: 0 }));
}

function addTo(bins: readonly Bin[], risk: number, failed: number, weight: number): void {
  const bin = bins[Math.min(Math.floor(risk * BINS), BINS - 1)] as Bin;
  bin.weight += weight;
  bin.risk += weight * risk;
  bin.failed += weight * failed;
}

function mergeBins(bins: readonly Bin[], others: readonly Bin[], times: number): void {
  for (const [i, bin] of bins.entries()) {
    const other = others[i] as Bin;
    bin.weight += times * other.weight;
    bin.risk += times * other.risk;
    bin.failed += times * other.failed;
  }
}

/** The mean distance between what was said and what came, weighted by rows (Naeini et al. 2015). */
function calibrationError(bins: readonly Bin[]): number {
  const total = bins.reduce((sum, bin) => sum + bin.weight, 0);
  return bins.reduce((sum, bin) => sum + Math.abs(bin.risk - bin.failed), 0) / total;
}
