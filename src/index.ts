/**
 * kpfd as a library: read a Prometheus, load a model, predict.
 *
 *     import { loadModel, openPrometheus, scanPods } from 'kpfd';
 *     const scan = await scanPods(openPrometheus('http://localhost:9090'), (statistics) => loadModel({ statistics }), {
 *       scope: { namespace: undefined, pods: undefined },
 *       labels: undefined,
 *       naming: { cluster: undefined, ksmSelector: '', cadvisorSelector: '' },
 *       kubernetesVersion: undefined,
 *       instant: { now: Date.now() / 1000 },
 *     });
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadModel as loadModelFolder } from './adapters/model-file.ts';
import { PrometheusClient } from './adapters/prometheus/client.ts';
import { HttpTransport, type HttpOptions } from './adapters/prometheus/http-transport.ts';
import type { Model } from './core/predictions/model.ts';
import type { MetricSource } from './core/signals/metric-source.ts';

export { FailureError, type Failure } from './core/failure.ts';
export type { PodSnapshot } from './core/pods/snapshot.ts';
export { STATUSES, type PodStatus, type Status } from './core/pods/status.ts';
export type { Model } from './core/predictions/model.ts';
export type { PodPrediction, Prediction } from './core/predictions/prediction.ts';
export type { MetricSource } from './core/signals/metric-source.ts';
export { explainPods, type Explanation } from './pipeline/explain-pod.ts';
export { scanPods, type Scan, type ScanRequest } from './pipeline/scan-pods.ts';

/**
 * The model of a folder with metadata.json; without one, the model that ships with kpfd. With `statistics` it can give reasons
 * for its predictions. Rejects with a FailureError.
 */
export async function loadModel(options: { folder?: string; statistics?: boolean } = {}): Promise<Model> {
  const shipped = join(dirname(fileURLToPath(import.meta.url)), '..', 'models', 'default');
  return loadModelFolder(options.folder ?? shipped, options.statistics);
}

/** A Prometheus at an address with its path prefix. Without options: no login, 30 s for a request. */
export function openPrometheus(url: string, options: Partial<Omit<HttpOptions, 'url'>> = {}): MetricSource {
  return new PrometheusClient(
    new HttpTransport({
      headers: {},
      bearerToken: undefined,
      username: undefined,
      password: undefined,
      caFile: undefined,
      requestTimeoutMs: 30_000,
      runTimeoutMs: 0,
      interrupted: new AbortController().signal,
      userAgent: 'kpfd',
      random: Math.random,
      ...options,
      url: new URL(url),
    }),
  );
}
