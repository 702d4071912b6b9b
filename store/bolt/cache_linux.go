package bolt

import (
	"fmt"
	"math"
	"os"
	"syscall"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
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

// mapped returns how many bytes of files this process has in its memory, its own
// program included (proc_pid_statm(5)): very many when it cannot be known.
func mapped() int {
	var all, resident, shared int
	raw, err := os.ReadFile("/proc/self/statm")
	if _, scan := fmt.Sscan(string(raw), &all, &resident, &shared); err != nil || scan != nil {
		return math.MaxInt
	}
	return shared * os.Getpagesize()
}

// inCache says whether the system holds a part of a file already, as far as some
// of its pages show. Not to know is no.
func inCache(f *os.File, at int64, size int) bool {
	var one [1]byte
	for end := at + int64(size); at < end; at += 256 << 10 {
		if n, err := unix.Preadv2(int(f.Fd()), [][]byte{one[:]}, at, unix.RWF_NOWAIT); n != 1 || err != nil {
			return false
		}
	}
	return true
}
