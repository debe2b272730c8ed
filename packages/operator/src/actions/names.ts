// SPDX-License-Identifier: Apache-2.0
export { changeName } from '@altershield/core';

export const batchName = (change: string, index: number): string => `${change}-b${index}`;
