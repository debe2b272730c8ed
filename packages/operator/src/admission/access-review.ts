// SPDX-License-Identifier: Apache-2.0
import { CHANGE_WORKLOADS } from '@altershield/api';
import {
  DeadlineSignal,
  type AdmissionUser,
  type Client,
  type ObjectKey,
  type Scheduler,
} from '@altershield/kube';

/** Why the user may not approve the change; undefined if the user may. */
export type AccessReviewer = (
  user: AdmissionUser,
  change: ObjectKey,
) => Promise<string | undefined>;

/** The verb of AlterShield's own that RBAC grants to approvers. */
const VERB = 'approve';

/** Shorter than the timeout of the webhook, so that the user reads why. */
const TIMEOUT_MS = 3000;

/** Asks the API server whether a user has the verb `approve`. No answer is a denial. */
export const accessReviewer =
  (client: Pick<Client, 'raw'>, scheduler: Scheduler): AccessReviewer =>
  async (user, { namespace, name }) => {
    const { group, plural: resource } = CHANGE_WORKLOADS;
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user: user.username,
        ...(user.uid === undefined ? {} : { uid: user.uid }),
        ...(user.groups === undefined ? {} : { groups: user.groups }),
        ...(user.extra === undefined ? {} : { extra: user.extra }),
        resourceAttributes: { verb: VERB, group, resource, namespace, name },
      },
    };
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
    const deadline = new DeadlineSignal(undefined);
    deadline.arm(scheduler, TIMEOUT_MS, `no answer within ${TIMEOUT_MS} ms`);
    try {
      const { signal } = deadline;
      const answer: unknown = await client.raw('POST', path, body, { signal });
      const { status } = { status: {}, ...Object(answer) } as {
        readonly status: { readonly allowed?: boolean };
      };
      if (status.allowed === true) return undefined;
      return `${user.username} may not ${VERB} ${resource}.${group} in namespace ${namespace}; bind the ClusterRole altershield-approver to the user or a group`;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return `the API server did not say whether ${user.username} may ${VERB}: ${why}; try again`;
    } finally {
      deadline.dispose();
    }
  };
