// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, ObjectKey, APIResource } from '../client/object.ts';
import type { Patch } from '../client/patch.ts';
import { truncateBytes } from '../webhook/truncate.ts';

/** The object that an event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** '' for cluster-scoped objects; their events go to `default`. */
  readonly namespace: string;
  readonly uid: string;
}

export interface EventDetails {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase. */
  readonly reason: string;
  /** A sentence; cut at 1024 bytes. */
  readonly message: string;
}

/** Equal occurrences, counted together. */
export interface Series {
  readonly subject: EventSubject;
  readonly details: EventDetails;
  readonly name: string;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly count: number;
}

/** The calls that recording takes; `Client` has them. */
export interface EventClient {
  create(
    resource: APIResource,
    namespace: string,
    body: object,
    options?: { signal?: AbortSignal },
  ): Promise<KubeObject>;
  patch(
    resource: APIResource,
    key: ObjectKey,
    patch: Patch,
    options?: { signal?: AbortSignal },
  ): Promise<KubeObject>;
}

const MAX_MESSAGE_BYTES = 1024;
const MAX_REASON = 128;
/** Names have at most 253 characters; Event names end in a dot and 20 more. */
const MAX_NAME_PREFIX = 230;

/** What makes two occurrences the same: subject, type, reason and message. */
export const identityOf = (subject: EventSubject, details: EventDetails): string =>
  [subjectKey(subject), details.type, details.reason, details.message].join('\n');

const subjectKey = ({ apiVersion, kind, namespace, name, uid }: EventSubject): string =>
  [apiVersion, kind, namespace, name, uid].join('\n');

export const boundedDetails = ({ type, reason, message }: EventDetails): EventDetails => ({
  type,
  reason: reason.slice(0, MAX_REASON),
  message: truncateBytes(message, MAX_MESSAGE_BYTES),
});

/** Unique enough among events of one subject: time and a random part. */
export function eventName({ name }: EventSubject, now: number, random: number): string {
  const tail = Math.floor(random * 2 ** 32);
  const unique = now.toString(16).padStart(12, '0') + tail.toString(16).padStart(8, '0');
  return `${name.slice(0, MAX_NAME_PREFIX).replace(/[.-]+$/, '')}.${unique}`;
}

export const namespaceOf = ({ namespace }: EventSubject): string =>
  namespace === '' ? 'default' : namespace;

/** The core/v1 Event, as `kubectl describe` shows it. */
export function eventOf(series: Series, component: string, instance: string): object {
  const { subject, details, name } = series;
  const namespace = namespaceOf(subject);
  const { apiVersion, kind, uid } = subject;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace, name },
    involvedObject: {
      apiVersion,
      kind,
      name: subject.name,
      ...(subject.namespace !== '' && { namespace: subject.namespace }),
      ...(uid !== '' && { uid }),
    },
    ...details,
    source: { component },
    reportingComponent: component,
    reportingInstance: instance,
    firstTimestamp: timestamp(series.firstAt),
    ...repeatOf(series),
  };
}

/** The fields that a repetition changes. */
export const repeatOf = ({ lastAt, count }: Series): object => ({
  lastTimestamp: timestamp(lastAt),
  count,
});

/** `Time` of Kubernetes: whole seconds. */
const timestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
