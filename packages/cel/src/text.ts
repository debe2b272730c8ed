// SPDX-License-Identifier: Apache-2.0

/** The characters of CEL are code points; JavaScript counts UTF-16. */
export const characters = (text: string): string[] => Array.from(text);
