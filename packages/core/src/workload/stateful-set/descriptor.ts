// SPDX-License-Identifier: Apache-2.0
import { POD, apps, type KindDescriptor } from '../adapter.ts';
import { STRATEGY } from './partition.ts';

export const STATEFUL_SET: KindDescriptor = {
  resource: apps('StatefulSet', 'statefulsets'),
  cliNames: ['sts', 'statefulset', 'statefulsets'],
  revisionPath: '/spec/template',
  borrowedFields: [STRATEGY],
  holdsWithoutOperator: 'Webhook',
  relatedResources: {
    controllerRevisions: {
      resource: apps('ControllerRevision', 'controllerrevisions'),
      ownedBy: 'object',
      verbs: [],
    },
    pods: { resource: POD, ownedBy: 'object', verbs: ['delete'] },
  },
  verbs: { '': ['get', 'patch'] },
  strategies: {
    ...{ Rolling: true, Batch: true, Canary: true },
    BlueGreen: 'its pods have fixed names and volumes, so there cannot be two sets of them',
  },
  byTopology: 'its pods are updated from the highest ordinal down, whatever their nodes are',
  leaks: [
    'pods that a scale-up creates while a batch is being released are updated ones',
    'pods of a third revision that is applied during a batch while no operator answers: as many as the batch has',
    'stable pods that are replaced after the ControllerRevision of the verified revision was deleted come back updated',
    'all pods, when a held change is scaled to zero and up again: at zero replicas the controller takes the update for complete',
  ],
  deletes: [
    'pods that are not ready and not of the newest revision: with podManagementPolicy OrderedReady the controller waits for them forever',
  ],
};
