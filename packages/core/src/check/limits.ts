// SPDX-License-Identifier: Apache-2.0

/** Pieces of evidence in one result: enough to decide, and no more. */
export const MAX_EVIDENCE = 5;
