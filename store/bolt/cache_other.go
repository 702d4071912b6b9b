//go:build !linux

package bolt

import (
	"os"

	"go.etcd.io/bbolt"
)

func trim(*bbolt.Tx) {}

func mapped() int { return 0 }

func inCache(*os.File, int64, int) bool { return false }
