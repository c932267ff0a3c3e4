package arcuate_test

import (
	"os/exec"
	"syscall"
)

// bound has a hub end with the tests, even if these are killed.
func bound(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
