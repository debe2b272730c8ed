// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
)

const prSetPdeathsig = 1

// tie makes the kernel kill this process, and whatever it becomes, when its parent dies.
// The setting belongs to a thread and survives exec, so the caller stays on this one.
func tie() error {
	runtime.LockOSThread()
	_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetPdeathsig, uintptr(syscall.SIGKILL), 0)
	if errno != 0 {
		return fmt.Errorf("ask the kernel for the parent's death signal: %w", errno)
	}
	if fmt.Sprint(os.Getppid()) != os.Getenv("LEASH_PARENT") {
		return fmt.Errorf("the parent (pid %s) is gone already", os.Getenv("LEASH_PARENT"))
	}
	return nil
}
