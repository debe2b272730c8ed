// SPDX-License-Identifier: Apache-2.0
import { POD, SERVICE, apps, type KindDescriptor } from '../adapter.ts';
import { HTTP_ROUTE } from '../traffic/http-route.ts';

export const DEPLOYMENT: KindDescriptor = {
  resource: apps('Deployment', 'deployments'),
  cliNames: ['deploy', 'deployment', 'deployments'],
  revisionPath: '/spec/template',
  revisionNumber: 'deployment.kubernetes.io/revision',
  borrowedFields: [],
  holdsWithoutOperator: 'Marks',
  relatedResources: {
    replicaSets: {
      resource: apps('ReplicaSet', 'replicasets'),
      ownedBy: 'object',
      verbs: ['patch'],
    },
    services: { resource: SERVICE, ownedBy: 'namespace', verbs: ['patch'] },
    httpRoutes: {
      ...{ resource: HTTP_ROUTE, ownedBy: 'namespace', verbs: ['patch'] },
      isOptional: true,
    },
    pods: { resource: POD, ownedBy: 'replicaSets', verbs: [] },
  },
  verbs: { '': ['get', 'patch'], status: ['patch'] },
  strategies: { Rolling: true, Batch: true, Canary: true, BlueGreen: true },
  byTopology:
    'the scheduler chooses the nodes of its pods, and its controller the pods that it replaces',
  splitsRequests: true,
  leaks: [],
  deletes: [],
};
