// SPDX-License-Identifier: Apache-2.0

import { podStages, type Stage } from './pod-scenarios.ts';

/** The configuration file of kwok, the simulated kubelets: one JSON document per stage. */
export function kwokConfig(): string {
  return [nodeReady(), ...podStages()]
    .map((stage) => JSON.stringify(document(stage)))
    .join('\n---\n');
}

function document(stage: Stage): unknown {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name: `${stage.kind.toLowerCase()}-${stage.name}` },
    spec: {
      resourceRef: { apiGroup: 'v1', kind: stage.kind },
      selector: { matchExpressions: stage.when },
      delay: delayOf(stage),
      next: { event: stage.event, statusTemplate: stage.status, delete: stage.delete },
    },
  };
}

function delayOf({ after, afterQuery }: Stage): unknown {
  return {
    durationMilliseconds: after?.[0] ?? 0,
    ...(after && { jitterDurationMilliseconds: after[1] }),
    ...(afterQuery !== undefined && { durationFrom: { expressionFrom: afterQuery } }),
  };
}

function nodeReady(): Stage {
  const isReady = '.status.conditions[]? | select(.type == "Ready") | .status';
  return {
    name: 'ready',
    kind: 'Node',
    when: [{ key: isReady, operator: 'NotIn', values: ['True'] }],
    status: [
      '{{ $now := Now }}',
      'addresses:',
      '- { type: InternalIP, address: {{ NodeIP | Quote }} }',
      '- { type: Hostname, address: {{ .metadata.name | Quote }} }',
      'conditions:',
      '{{ range NodeConditions }}',
      '- type: {{ .type }}',
      '  status: {{ .status | Quote }}',
      '  reason: {{ .reason }}',
      '  message: {{ .message | Quote }}',
      '  lastHeartbeatTime: {{ $now | Quote }}',
      '  lastTransitionTime: {{ $now | Quote }}',
      '{{ end }}',
    ].join('\n'),
  };
}
