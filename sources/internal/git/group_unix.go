//go:build !windows

package git

import (
	"os/exec"
	"syscall"
)

// grouped has a program end together with those that it starts: git leaves what speaks to
// the server behind when it is ended. Asked to end, it takes its locks away.
func grouped(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
}
