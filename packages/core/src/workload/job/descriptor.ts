// SPDX-License-Identifier: Apache-2.0
import { POD, batch, type KindDescriptor } from '../adapter.ts';

export const SUSPEND = '/spec/suspend';
export const PARALLELISM = '/spec/parallelism';

/** The value of `spec.managedBy` that stands for Kubernetes' own controller. */
export const JOB_CONTROLLER = 'kubernetes.io/job-controller';

/**
 * Jobs that a controller creates for an object of its own, and Jobs that another controller runs. A
 * user may forge an owner, but not the name of a service account.
 */
const LEFT_ALONE = [
  `request.kind.kind == 'Job' && request.operation == 'CREATE'`,
  [
    `(object.metadata.?ownerReferences.orValue([]).exists(o, o.?controller.orValue(false))` +
      ` && (request.userInfo.username == 'system:kube-controller-manager'` +
      ` || request.userInfo.username.startsWith('system:serviceaccount:')))`,
    `object.spec.?managedBy.orValue('${JOB_CONTROLLER}') != '${JOB_CONTROLLER}'`,
  ].join(' || '),
];

export const JOB: KindDescriptor = {
  resource: batch('Job', 'jobs'),
  isOptIn: true,
  isImmutable: true,
  leftAlone: {
    name: 'not-of-a-controller',
    expression: LEFT_ALONE.map((c) => `(${c})`).join(' && '),
  },
  cliNames: ['job', 'jobs'],
  revisionPath: '/spec/template',
  borrowedFields: [SUSPEND, PARALLELISM],
  holdsWithoutOperator: 'Webhook',
  relatedResources: { pods: { resource: POD, ownedBy: 'object', verbs: [] } },
  verbs: { '': ['patch'] },
  strategies: {
    ...{ Rolling: true, Batch: true },
    Canary: 'it has no stable pods to compare with',
    BlueGreen: 'its pods serve no traffic',
  },
  noRollback: 'its pod template cannot be changed; one that fails is suspended instead',
  byTopology: 'the scheduler chooses the nodes of its pods',
  leaks: [],
  deletes: [
    'none itself; but when a failed Job is suspended, its controller deletes the pods that are active, and keeps those that have ended',
  ],
};
