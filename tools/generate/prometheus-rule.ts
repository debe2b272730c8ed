// SPDX-License-Identifier: Apache-2.0
import { parse } from 'yaml';

/** The alert rules as an object of the Prometheus operator. */
export function prometheusRule(alerts: string): object {
  const spec: unknown = parse(alerts);
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: {
      name: 'altershield',
      namespace: 'altershield-system',
      labels: {
        'app.kubernetes.io/name': 'altershield',
        'app.kubernetes.io/part-of': 'altershield',
      },
    },
    spec,
  };
}
