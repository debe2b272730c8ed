// SPDX-License-Identifier: Apache-2.0
import { GROUP, OBJECT_NAMES } from '@altershield/api';
import {
  RESOURCES,
  isForbidden,
  isNotFound,
  type Client,
  type KubeObject,
  type APIResource,
} from '@altershield/kube';

interface Configuration extends KubeObject {
  readonly webhooks?: readonly { readonly name: string }[];
}

const FORMS = {
  native: 'API server (MutatingAdmissionPolicy)',
  webhook: 'webhook',
  none: 'none: changes in flight are not held',
} as const;

/** How changes in flight are held while no operator runs; undefined when the user may not read it. */
export async function clampForm(client: Client): Promise<string | undefined> {
  try {
    const { mutatingPolicy, mutatingPolicyBinding, mutatingWebhook } = RESOURCES;
    const native = await Promise.all(
      [mutatingPolicy, mutatingPolicyBinding].map((one) => find(client, one, OBJECT_NAMES.clamp)),
    );
    if (native.every((one) => one !== undefined)) return FORMS.native;
    const hooks = await find<Configuration>(client, mutatingWebhook, OBJECT_NAMES.webhooks);
    const isClamp = ({ name }: { readonly name: string }): boolean =>
      name === `in-flight.replicaset.${GROUP}`;
    return hooks?.webhooks?.some(isClamp) === true ? FORMS.webhook : FORMS.none;
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
}

async function find<T extends KubeObject>(
  client: Client,
  resource: APIResource,
  name: string,
): Promise<T | undefined> {
  try {
    return await client.get<T>(resource, { namespace: '', name });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
