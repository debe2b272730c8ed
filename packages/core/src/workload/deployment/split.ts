// SPDX-License-Identifier: Apache-2.0
import type { Goal } from '../goal.ts';
import type { PatchWrite } from '../adapter.ts';
import { splitTo, unsplit, type Split } from '../traffic/http-route.ts';
import { isNarrowed, switchTo, type Route } from '../traffic/service.ts';
import type { DeploymentView, ReplicaSetView } from './observe.ts';

type Routed = Pick<DeploymentView, 'routes' | 'splits'>;

const isCanary =
  (splits: readonly Split[]) =>
  ({ name }: Route): boolean =>
    splits.some(({ canary }) => canary === name);

const isStable =
  (splits: readonly Split[]) =>
  ({ name }: Route): boolean =>
    splits.some(({ stables }) => stables.includes(name));

/** The stable Services select stable pods only, so that the canary Services alone lead to others. */
export const narrowStables = ({ routes, splits }: Routed, verified: string): PatchWrite[] =>
  switchTo(routes.filter(isStable(splits)), verified);

export const narrowCanaries = ({ routes, splits }: Routed, updated: string): PatchWrite[] =>
  switchTo(routes.filter(isCanary(splits)), updated);

/** The share of the step follows its pods: fewer ones would get more requests than planned. */
export const sendShare = (
  { weight, target }: Pick<Extract<Goal, { readonly type: 'Release' }>, 'weight' | 'target'>,
  { splits }: Routed,
  updated: Pick<ReplicaSetView, 'hash' | 'ready'>,
): PatchWrite[] =>
  weight === undefined || updated.ready < target ? [] : splitTo(splits, weight, updated.hash);

/**
 * Requests follow the pods again. The stable Services select all pods before they get all requests,
 * and the canary Services change only once they get none.
 */
export function endSplit({ routes, splits }: Routed): PatchWrite[] {
  const narrowed = routes.filter(isNarrowed);
  const isLater = isCanary(splits);
  return [
    ...switchTo(
      narrowed.filter((route) => !isLater(route)),
      undefined,
    ),
    ...unsplit(splits),
    ...switchTo(narrowed.filter(isLater), undefined),
  ];
}
