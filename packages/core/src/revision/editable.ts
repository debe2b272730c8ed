// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, isEqual } from '../json/canonical.ts';

interface Container {
  readonly name?: string;
  readonly image?: string;
  readonly resources?: object;
  readonly targetContainerName?: string;
}

/** The fields of a pod that `editableText` reads. */
export interface EditablePod {
  readonly spec?: {
    readonly containers?: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly ephemeralContainers?: readonly Container[];
    readonly resources?: object;
  };
}

/**
 * What a client can edit in an existing pod and what changes how the pod runs: images, resources
 * and ephemeral containers. As text, because the cache keeps it for every pod.
 */
export function editableText({ spec = {} }: EditablePod): string {
  const { containers, initContainers, ephemeralContainers, resources } = spec;
  return canonicalJson({
    spec: {
      containers: containers?.map(editable),
      initContainers: initContainers?.map(editable),
      ephemeralContainers: ephemeralContainers?.map(editable),
      resources,
    },
  });
}

const editable = ({ name, image, resources, targetContainerName }: Container) => ({
  ...{ name, image, targetContainerName },
  resources: Object.keys(resources ?? {}).length === 0 ? undefined : resources,
});

/**
 * The subresource through which a pod is edited from one such text to another; '': the pod itself.
 */
export function subresourceOfEdit(from: string, to: string): string {
  const [before, after] = [from, to].map((text) => (JSON.parse(text) as EditablePod).spec);
  if (!isEqual(before?.ephemeralContainers, after?.ephemeralContainers))
    return 'ephemeralcontainers';
  return isEqual(imagesOf(before), imagesOf(after)) ? 'resize' : '';
}

const imagesOf = ({ containers = [], initContainers = [] }: EditablePod['spec'] = {}) =>
  [...containers, ...initContainers].map(({ image }) => image);
