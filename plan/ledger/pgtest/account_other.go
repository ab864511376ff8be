//go:build !linux

package pgtest

import "os/exec"

// An account is whose processes the server's are: here those of this process.
type account struct{}

func unprivileged() (account, error) { return account{}, nil }

func (account) take(...string) error { return nil }

func (account) become(*exec.Cmd) {}
