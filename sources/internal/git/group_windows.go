package git

import "os/exec"

// grouped leaves a program as it is: it is ended alone here, and those that it started end
// when they find nobody to read what they write.
func grouped(*exec.Cmd) {}
