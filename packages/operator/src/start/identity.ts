// SPDX-License-Identifier: Apache-2.0
import { OBJECT_NAMES } from '@altershield/api';
import {
  ConfigError,
  impersonatedUser,
  impersonating,
  isForbidden,
  type ConnectionConfig,
  type Logger,
} from '@altershield/kube';
import type { Config } from './config.ts';

export interface IdentityDeps {
  /** Asks the API server for the user name of a connection. */
  readonly userOf: (connection: ConnectionConfig) => Promise<string>;
  readonly log: Logger;
}

/** The user name of the shipped service account. */
export const serviceAccountUser = (namespace: string): string =>
  `system:serviceaccount:${namespace}:${OBJECT_NAMES.serviceAccount}`;

/**
 * Returns the connection that the operator uses. Admission skips the operator's own writes, so with
 * the identity of a user, the operator would miss the changes of that user.
 */
export async function chooseIdentity(
  connection: ConnectionConfig,
  { as, namespace }: Pick<Config, 'as' | 'namespace'>,
  deps: IdentityDeps,
): Promise<ConnectionConfig> {
  if (as === false) return connection;
  if (as !== undefined) return actAs(connection, as, deps);
  // A kubeconfig with impersonation already selects the identity.
  if (connection.isInCluster === true || impersonatedUser(connection) !== undefined) {
    return connection;
  }
  return actAsServiceAccount(connection, namespace, deps);
}

async function actAs(
  connection: ConnectionConfig,
  user: string,
  { userOf }: IdentityDeps,
): Promise<ConnectionConfig> {
  const other = impersonating(connection, user);
  try {
    await userOf(other);
    return other;
  } catch (cause) {
    if (!isForbidden(cause) || !(cause instanceof Error)) throw cause;
    throw new ConfigError(`act as "${user}" (--as): ${cause.message}`, { cause });
  }
}

async function actAsServiceAccount(
  connection: ConnectionConfig,
  namespace: string,
  { userOf, log }: IdentityDeps,
): Promise<ConnectionConfig> {
  const user = await userOf(connection);
  const account = serviceAccountUser(namespace);
  if (user === account) return connection;
  const other = impersonating(connection, account);
  try {
    await userOf(other);
    log.info('acting as the service account of the operator', { user, as: account });
    return other;
  } catch (error) {
    if (!isForbidden(error)) throw error;
    log.warn(
      'acting as the user of the kubeconfig: changes by this user are not held at admission',
      {
        user,
        hint: `let ${user} impersonate ${account}, as docs/laptop.md shows; --no-as hides this warning`,
      },
    );
    return connection;
  }
}
