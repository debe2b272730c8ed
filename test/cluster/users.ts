// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto';

/** An identity of the cluster, known to the API server by its bearer token. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
  readonly token: string;
}

/** Whoever changes things in a test, so that the actor of a change is a real identity. */
export type UserName = 'admin' | 'developer' | 'gitops' | 'operator';

export type Users = Readonly<Record<UserName, User>>;

export type ComponentUsers = Readonly<Record<'controllerManager' | 'scheduler' | 'kubelets', User>>;

/** Where the operator lives, and the service account it runs as. */
export const OPERATOR = { namespace: 'altershield-system', serviceAccount: 'altershield' } as const;

const GITOPS = { namespace: 'flux-system', serviceAccount: 'kustomize-controller' } as const;

/** The people and robots of the tests, with fresh tokens. */
export function testUsers(): Users {
  return {
    admin: user('kubernetes-admin', ['system:masters']),
    developer: user('alice', ['developers']),
    gitops: serviceAccount(GITOPS),
    operator: serviceAccount(OPERATOR),
  };
}

/** The control plane's own parts; controllers must have their real names, which admission exempts. */
export function componentUsers(): ComponentUsers {
  return {
    controllerManager: user('system:kube-controller-manager', []),
    scheduler: user('system:kube-scheduler', []),
    kubelets: user('kwok', ['system:masters']),
  };
}

/** The lines of a `--token-auth-file`. */
export function tokenFile(users: readonly User[]): string {
  return users
    .map(
      ({ token, name, groups }, index) => `${token},${name},uid-${index},"${groups.join(',')}"\n`,
    )
    .join('');
}

function user(name: string, groups: readonly string[]): User {
  return { name, groups, token: randomBytes(16).toString('hex') };
}

function serviceAccount(account: { namespace: string; serviceAccount: string }): User {
  const { namespace, serviceAccount: name } = account;
  return user(`system:serviceaccount:${namespace}:${name}`, [
    'system:serviceaccounts',
    `system:serviceaccounts:${namespace}`,
  ]);
}
