// SPDX-License-Identifier: Apache-2.0
import { KubeConfig } from '@kubernetes/client-node';

/** A configuration of client-node for a server with a token. */
export function kubeConfigOf({
  url,
  ca,
}: {
  readonly url: string;
  readonly ca: string;
}): KubeConfig {
  const config = new KubeConfig();
  const caData = Buffer.from(ca).toString('base64');
  config.loadFromOptions({
    clusters: [{ name: 'bench', server: url, caData, skipTLSVerify: false }],
    users: [{ name: 'bench', token: 'bench' }],
    contexts: [{ name: 'bench', cluster: 'bench', user: 'bench' }],
    currentContext: 'bench',
  });
  return config;
}
