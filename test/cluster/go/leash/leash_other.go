// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

// tie does nothing here: only Linux can kill a child together with its parent.
func tie() error { return nil }
