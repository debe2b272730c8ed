// SPDX-License-Identifier: Apache-2.0

/** The release: one version for every package and the operator's image. */
export const RELEASE = '0.1.0';
