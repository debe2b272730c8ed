// SPDX-License-Identifier: Apache-2.0

/** The few fields of native objects that decisions read. Anything else passes through unseen. */
export type Template = Readonly<Record<string, unknown>>;

interface Meta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly uid: string; readonly controller?: boolean }[];
  readonly managedFields?: readonly unknown[];
}

export type IntOrPercent = number | string;

export interface DeploymentStrategy {
  readonly type?: string;
  readonly rollingUpdate?: {
    readonly maxSurge?: IntOrPercent;
    readonly maxUnavailable?: IntOrPercent;
  };
}

export interface Deployment {
  readonly metadata: Meta;
  readonly spec: {
    readonly replicas?: number;
    readonly paused?: boolean;
    readonly minReadySeconds?: number;
    readonly progressDeadlineSeconds?: number;
    readonly strategy?: DeploymentStrategy;
    readonly template: Template;
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status?: string;
      readonly reason?: string;
      readonly message?: string;
      readonly lastUpdateTime?: string;
    }[];
  };
}

export const isRecreate = (strategy: { readonly type?: string } | undefined): boolean =>
  strategy?.type === 'Recreate';

/**
 * The number that the Deployment controller gave the newest revision; 0 before the first.
 * `kubectl rollout undo`, which puts the annotations of an earlier revision back, leaves this one.
 */
export function revisionNumber({ metadata }: Pick<Deployment, 'metadata'>): number {
  const text = metadata.annotations?.['deployment.kubernetes.io/revision'] ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/**
 * Whether what was written when the newest revision had this number may be about a later one: the
 * controller gives one number to each template, after it was written.
 */
export const isOfEarlier = (number: number, deployment: Pick<Deployment, 'metadata'>): boolean =>
  revisionNumber(deployment) > number + 1;

export interface ReplicaSet {
  readonly metadata: Meta;
  readonly spec: {
    readonly replicas?: number;
    readonly minReadySeconds?: number;
    readonly template?: Template;
  };
  readonly status?: {
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
      readonly lastTransitionTime?: string;
    }[];
  };
}

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: {
    readonly reason?: string;
    readonly message?: string;
    readonly exitCode?: number;
  };
  readonly running?: { readonly startedAt?: string };
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

/** What the kubelet does when a container ends with one of these exit codes; the first match counts. */
export interface RestartRule {
  readonly action: string;
  readonly exitCodes?: { readonly operator: string; readonly values?: readonly number[] };
}

export interface ContainerRules {
  readonly name: string;
  readonly restartPolicyRules?: readonly RestartRule[];
}

export interface Pod {
  readonly metadata: Meta;
  readonly spec?: {
    readonly nodeName?: string;
    readonly containers?: readonly ContainerRules[];
    readonly initContainers?: readonly ContainerRules[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
      readonly lastTransitionTime?: string;
    }[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

/** Untyped JSON read as a map; anything else reads as empty. */
type JsonMap = Readonly<Record<string, unknown>>;

export const isMap = (value: unknown): value is JsonMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const asRecord = (value: unknown): JsonMap => (isMap(value) ? value : {});

/** Images of a template's containers, init containers first. */
export function imagesOf(template: Template): string[] {
  const spec = asRecord(template['spec']);
  return [spec['initContainers'], spec['containers']]
    .flatMap((list): unknown[] => (Array.isArray(list) ? list : []))
    .map((container) => asRecord(container)['image'])
    .filter((image): image is string => typeof image === 'string')
    .slice(0, 32);
}
