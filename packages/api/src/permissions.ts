// SPDX-License-Identifier: Apache-2.0

/**
 * Names of the objects that the operator uses besides its custom resources. The namespaced ones are
 * in the operator's namespace.
 */
export const OBJECT_NAMES = {
  lease: 'altershield',
  certificates: 'altershield-webhook',
  /** The signing key; if it is lost, existing signatures become invalid. */
  seal: 'altershield-seal',
  /** Credentials of MetricSources. Others need a Role that the user grants. */
  metricSources: 'altershield-metric-sources',
  webhooks: 'altershield',
  /** Admission policies and bindings: `clamp` limits replicas, `keep` protects the annotation. */
  clamp: 'altershield-release',
  keep: 'altershield-keep',
  /** The identity of the operator; the shipped roles are bound to it. */
  serviceAccount: 'altershield',
} as const;
