// SPDX-License-Identifier: Apache-2.0

import type { User } from './users.ts';

/** A kubeconfig (YAML) for one user of one cluster. */
export function kubeconfigYaml(url: string, caPem: string, user: User): string {
  const name = JSON.stringify(user.name);
  return `apiVersion: v1
kind: Config
clusters:
  - name: test
    cluster:
      server: ${url}
      certificate-authority-data: ${Buffer.from(caPem).toString('base64')}
users:
  - name: ${name}
    user:
      token: ${user.token}
contexts:
  - name: test
    context: { cluster: test, user: ${name} }
current-context: test
`;
}
