// SPDX-License-Identifier: Apache-2.0
import { NODE, POD, apps, type KindDescriptor } from '../adapter.ts';
import { STRATEGY_TYPE } from './strategy.ts';

export const DAEMON_SET: KindDescriptor = {
  resource: apps('DaemonSet', 'daemonsets'),
  cliNames: ['ds', 'daemonset', 'daemonsets'],
  revisionPath: '/spec/template',
  appliedImmediately: [
    '/spec/template/spec/nodeSelector',
    '/spec/template/spec/affinity',
    '/spec/template/spec/tolerations',
  ],
  borrowedFields: [STRATEGY_TYPE],
  holdsWithoutOperator: 'Webhook',
  relatedResources: {
    controllerRevisions: {
      resource: apps('ControllerRevision', 'controllerrevisions'),
      ownedBy: 'object',
      verbs: [],
    },
    pods: { resource: POD, ownedBy: 'object', verbs: ['delete'] },
    nodes: { resource: NODE, ownedBy: 'cluster', verbs: [] },
  },
  verbs: { '': ['get', 'patch'] },
  strategies: {
    ...{ Rolling: true, Batch: true, Canary: true },
    BlueGreen: 'each node runs one of its pods, so there cannot be two sets of them',
  },
  byTopology: true,
  leaks: [
    'the pod of a new node',
    'a pod that replaces one that was deleted or evicted, or that ended',
  ],
  deletes: [
    'stable pods of a batch that is not the last one, in the order of their nodes and within `maxUnavailable`: its controller has no partition',
  ],
};
