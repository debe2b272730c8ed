// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import type { ObjectMeta } from '../../json/objects.ts';
import { toJsonPointer, type PatchOp } from '../../json/patch.ts';
import { POD_TEMPLATE_HASH } from '../../revision/fingerprint.ts';
import type { PatchWrite } from '../adapter.ts';

type Labels = Readonly<Record<string, string>>;

/** The fields of a Service that decisions read. */
export interface Service {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly selector?: Labels };
}

/** A Service that sends requests to the pods of a workload. */
export interface Route {
  readonly name: string;
  readonly uid: string;
  /** The selector as its user wrote it. */
  readonly selector: Labels;
  /** Hash of the only revision that it selects now; absent: it selects all of them. */
  readonly revision?: string;
  /** Value of the annotation that says so. */
  readonly mark?: string;
  readonly hasAnnotations: boolean;
}

/** The Services that select pods with these labels. A user's own choice of a revision is respected. */
export const routesOf = (services: readonly Service[], podLabels: Labels): readonly Route[] =>
  services.flatMap((service) => {
    const route = routeOf(service);
    return route !== undefined && selects(route.selector, podLabels) ? [route] : [];
  });

function routeOf({ metadata, spec }: Service): Route | undefined {
  const { name, uid, annotations } = metadata;
  const mark = annotations?.[ANNOTATIONS.traffic];
  const { [POD_TEMPLATE_HASH]: revision, ...selector } = spec?.selector ?? {};
  // Without the mark, a user chose the revision.
  if (mark === undefined && revision !== undefined) return undefined;
  return {
    ...{ name, uid, selector, hasAnnotations: annotations !== undefined },
    ...(revision === undefined ? {} : { revision }),
    ...(mark === undefined ? {} : { mark }),
  };
}

/** Whether a selector selects pods with these labels; a Service without one selects none. */
export function selects(selector: Labels, podLabels: Labels): boolean {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([key, value]) => podLabels[key] === value);
}

/** Whether AlterShield wrote the selector. */
export const isNarrowed = ({ mark }: Route): boolean => mark !== undefined;

/**
 * Lets the Services select one revision, each in one write; undefined: all revisions, as their
 * users wrote them.
 */
export const switchTo = (routes: readonly Route[], revision: string | undefined): PatchWrite[] =>
  routes.flatMap((route) => {
    const isDone = route.revision === revision && route.mark === revision;
    return isDone
      ? []
      : [patch(route, revision === undefined ? widen(route) : narrow(route, revision))];
  });

/** The patch that restores the selector of a Service; undefined: AlterShield did not write it. */
export function restoreService(service: Service): readonly PatchOp[] | undefined {
  const route = routeOf(service);
  return route === undefined || !isNarrowed(route)
    ? undefined
    : switchTo([route], undefined)[0]?.ops;
}

const KEY = toJsonPointer('spec', 'selector', POD_TEMPLATE_HASH);
const MARK = toJsonPointer('metadata', 'annotations', ANNOTATIONS.traffic);

const narrow = ({ hasAnnotations }: Route, revision: string): PatchOp[] => [
  { op: 'add', path: KEY, value: revision },
  hasAnnotations
    ? { op: 'add', path: MARK, value: revision }
    : { op: 'add', path: '/metadata/annotations', value: { [ANNOTATIONS.traffic]: revision } },
];

const widen = ({ revision, mark }: Route): PatchOp[] => [
  ...(revision === undefined ? [] : [{ op: 'remove', path: KEY } as const]),
  ...(mark === undefined ? [] : [{ op: 'remove', path: MARK } as const]),
];

/** The selector must be the one that was read: a user may have edited it meanwhile. */
function patch({ name, uid, selector, revision }: Route, ops: readonly PatchOp[]): PatchWrite {
  const value = revision === undefined ? selector : { ...selector, [POD_TEMPLATE_HASH]: revision };
  return {
    resource: 'Service',
    name,
    ops: [
      { op: 'test', path: '/metadata/uid', value: uid },
      { op: 'test', path: '/spec/selector', value },
      ...ops,
    ],
  };
}

/**
 * Why the Services of a workload cannot be switched from one revision to the other; absent: they
 * can.
 * @param neighbors other workloads in the namespace, with the labels of their pods
 */
export function switchProblem(
  routes: readonly Route[],
  neighbors: readonly { readonly name: string; readonly labels: Labels }[],
): string | undefined {
  if (routes.length === 0)
    return 'no Service selects its pods, so there is nothing to switch; create a Service, or use another strategy in the policy';
  for (const { name, selector } of routes) {
    const shared = neighbors.find(({ labels }) => selects(selector, labels));
    if (shared !== undefined)
      return `Service ${name} selects pods of ${shared.name} as well, which would get no requests; give it a narrower selector, or use another strategy in the policy`;
  }
  return undefined;
}
