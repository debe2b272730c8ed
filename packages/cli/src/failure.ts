// SPDX-License-Identifier: Apache-2.0
import { ConfigError, KubeError } from '@altershield/kube';
import { CliError, EXIT } from './exit.ts';

/** Turns any thrown value into a message, an exit code and a hint. */
export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof ConfigError) return new CliError(EXIT.unreachable, error.message);
  if (error instanceof KubeError) return ofServer(error);
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new CliError(EXIT.failed, `internal error: ${message}`, 'please report it');
}

function ofServer(error: KubeError): CliError {
  switch (error.status) {
    case 0:
      return new CliError(EXIT.unreachable, error.message, 'see --kubeconfig and --context');
    case 401:
      return new CliError(
        EXIT.unreachable,
        `the API server does not accept the credentials: ${error.message}`,
        'log in again, or choose another user with --context',
      );
    case 403:
      return forbidden(error);
    case 404:
      return new CliError(EXIT.notFound, error.message);
    default:
      return new CliError(EXIT.failed, error.message);
  }
}

/** RBAC's own sentence names user, verb and resource; a webhook's denial names its reason. */
function forbidden(error: KubeError): CliError {
  const message = error.server.message ?? error.message;
  if (!/ is forbidden: User /.test(message)) return new CliError(EXIT.failed, `denied: ${message}`);
  return new CliError(
    EXIT.unreachable,
    `not allowed: ${message}`,
    'reading needs the ClusterRole "altershield-view" (part of view, edit and admin), deciding "altershield-edit" (part of edit and admin), approving "altershield-approver", writing policies "altershield-admin" (part of admin), install and uninstall cluster-admin',
  );
}

/** The API server does not serve the kinds of AlterShield. */
export const missingCrds = (): CliError =>
  new CliError(
    EXIT.notFound,
    'the CRDs of altershield.io are not installed in this cluster',
    'run `altershield install`, or choose another cluster with --context',
  );
