// SPDX-License-Identifier: Apache-2.0

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';

/** The oldest release whose CRDs all Kubernetes versions of the tests accept. */
const MODULE = 'sigs.k8s.io/gateway-api@v1.3.0';

/** The CRD of HTTPRoutes as the Gateway API publishes it, from its Go module. */
export async function httpRouteCrd(): Promise<string> {
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', MODULE], {
    // Outside of any module, whose go.mod would have to require it.
    cwd: tmpdir(),
  });
  const { Dir } = JSON.parse(stdout) as { readonly Dir: string };
  return await readFile(
    `${Dir}/config/crd/standard/gateway.networking.k8s.io_httproutes.yaml`,
    'utf8',
  );
}
