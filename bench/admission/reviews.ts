// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import { aDeployment, imageOf } from '../support/objects.ts';

export const NAMESPACE = 'team-1';

type Json = Readonly<Record<string, unknown>>;

/** An UPDATE of a governed Deployment, as the API server sends it: two objects with managed fields. */
function review(object: Json, oldObject: Json): string {
  const gvk = { group: 'apps', version: 'v1', kind: 'Deployment' };
  const gvr = { group: 'apps', version: 'v1', resource: 'deployments' };
  return JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: gvk,
      resource: gvr,
      requestKind: gvk,
      requestResource: gvr,
      name: 'app-1',
      namespace: NAMESPACE,
      operation: 'UPDATE',
      userInfo: {
        username: 'alice@example.com',
        uid: '1000',
        groups: ['developers', 'system:authenticated'],
      },
      object,
      oldObject,
      dryRun: false,
      options: { kind: 'UpdateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'kubectl-set' },
    },
  });
}

/** As a governed Deployment is between changes: with the annotation that says which revision is verified. */
function atRest(deployment: Json): Json {
  const { metadata, ...rest } = deployment;
  const annotations = { [ANNOTATIONS.release]: '5d4f8c9b7d//0/10' };
  return { ...rest, metadata: { annotations, ...Object(metadata) } };
}

const before = atRest(aDeployment(1));

/** The template has another image: it is to be held and signed. */
export const CHANGE = review(atRest(aDeployment(1, imageOf(2))), before);
/** Nothing of the template differs. */
export const NO_CHANGE = review(before, before);
