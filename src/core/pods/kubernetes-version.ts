/** Where neither kube_node_info nor the user tells the version: the newest rules that kpfd knows. */
export const ASSUMED_KUBERNETES_MINOR = 35;

/** "v1.34.4", "1.34", "v1.29.1-eks-abc" → 34; undefined for anything else. */
export function kubernetesMinor(version: string): number | undefined {
  const match = /^v?1\.(\d{1,3})(\D|$)/.exec(version);
  return match === null ? undefined : Number(match[1]);
}
