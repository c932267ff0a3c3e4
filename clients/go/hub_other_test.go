//go:build !linux

package arcuate_test

import "os/exec"

// bound does nothing: only Linux can end a process with the one that started it.
func bound(*exec.Cmd) {}
