package bolt

import (
	"syscall"

	"go.etcd.io/bbolt"
)

// trim gives mapped pages back to the system's cache. Every page that bbolt
// ever read counts as memory of the process, up to the whole file. A read
// transaction keeps the map in its place meanwhile.
func trim(tx *bbolt.Tx) {
	page := int64(syscall.Getpagesize())
	size := (tx.Size() + page - 1) / page * page
	// Not to succeed costs memory, nothing else.
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, tx.DB().Info().Data, uintptr(size), syscall.MADV_DONTNEED)
}
