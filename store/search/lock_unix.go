//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package search

import (
	"os"
	"syscall"
)

// tryLock locks a file until it is closed, unless somebody else has.
func tryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
