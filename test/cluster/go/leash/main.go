// SPDX-License-Identifier: Apache-2.0

// Leash becomes the program it is given, tied to the life of its parent (pid in LEASH_PARENT):
// a control plane must not outlive the test that started it, not even when that test is killed.
package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	if len(os.Args) < 2 {
		fail("usage: leash PROGRAM [ARGUMENTS]")
	}
	if err := tie(); err != nil {
		fail(err.Error())
	}
	fail(fmt.Sprintf("start %s: %v", os.Args[1], syscall.Exec(os.Args[1], os.Args[1:], os.Environ())))
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "leash: "+message)
	os.Exit(1)
}
