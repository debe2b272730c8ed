// SPDX-License-Identifier: Apache-2.0
import { RESOURCES, type Client, type KubeObject } from '@altershield/kube';

/** The fields of a Deployment that `kubectl rollout status` uses. */
export interface RolloutStatus extends KubeObject {
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

/** Every replica is of the newest revision and available, and no other pod is left. */
export function isRolledOut({ metadata, spec, status }: RolloutStatus): boolean {
  const { replicas: desired = 1 } = spec ?? {};
  const { observedGeneration, replicas, updatedReplicas, availableReplicas } = {
    ...{ observedGeneration: 0, replicas: 0, updatedReplicas: 0, availableReplicas: 0 },
    ...status,
  };
  if (observedGeneration < (metadata.generation ?? 0) || updatedReplicas < desired) return false;
  return replicas <= updatedReplicas && availableReplicas >= updatedReplicas;
}

/** Why the Deployment controller has given up on the newest revision; `undefined`: it has not. */
export function stalledBecause({ metadata, status = {} }: RolloutStatus): string | undefined {
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) return undefined;
  return status.conditions?.find(({ reason }) => reason === 'ProgressDeadlineExceeded')?.message;
}

interface Waiting {
  readonly reason?: string;
  readonly message?: string;
}

interface Pod extends KubeObject {
  readonly spec?: { readonly containers?: readonly { readonly image?: string }[] };
  readonly status?: {
    readonly containerStatuses?: readonly { readonly state?: { readonly waiting?: Waiting } }[];
  };
}

export interface PodsOfImage {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
}

/** Reasons of the kubelet for an image that a retry cannot pull. */
const HOPELESS: ReadonlySet<string> = new Set(['InvalidImageName', 'ErrImageNeverPull']);
/** These, and the reason between two attempts. */
const PULL_FAILED: ReadonlySet<string> = new Set([...HOPELESS, 'ImagePullBackOff']);
const WATCH_SECONDS = 300;

/**
 * Watches pods until the image of one cannot be pulled, and returns the reason. Pods of other images, as
 * of the version before, do not count.
 */
export async function pullFailure(
  client: Pick<Client, 'list' | 'watch'>,
  { namespace, labels, image }: PodsOfImage,
  signal: AbortSignal,
): Promise<string> {
  const labelSelector = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join();
  const selection = { namespace, labelSelector, signal };
  /** The first attempt has the cause; later ones only report the backoff. */
  const causes = new Map<string, string>();
  for (;;) {
    const { items, resourceVersion } = await client.list<Pod>(RESOURCES.pod, selection);
    // A pod that backs off now may do so since an earlier install: the image may be there meanwhile.
    const hopeless = first(items, (pod) => describe(pod, { image, causes, reasons: HOPELESS }));
    if (hopeless !== undefined) return hopeless;
    const watch = { ...selection, resourceVersion, timeoutSeconds: WATCH_SECONDS };
    for await (const { type, object } of client.watch<Pod>(RESOURCES.pod, watch)) {
      if (type === 'BOOKMARK' || type === 'DELETED') continue;
      const why = describe(object, { image, causes, reasons: PULL_FAILED });
      if (why !== undefined) return why;
    }
  }
}

function first<T>(items: readonly T[], of: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = of(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Looked {
  readonly image: string;
  readonly causes: Map<string, string>;
  readonly reasons: ReadonlySet<string>;
}

function describe(
  { metadata: { name }, spec, status }: Pod,
  { image, causes, reasons }: Looked,
): string | undefined {
  if (spec?.containers?.some((container) => container.image === image) !== true) return undefined;
  return first(status?.containerStatuses ?? [], ({ state }) => {
    const { reason = '', message = '' } = state?.waiting ?? {};
    if (reason === 'ErrImagePull') causes.set(name, message);
    return reasons.has(reason)
      ? `pod ${name}: ${reason}: ${causes.get(name) ?? message}`
      : undefined;
  });
}
