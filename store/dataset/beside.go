package dataset

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Beside makes what is to take a name when it is whole: a file or a directory
// beside it, hidden, with the name and 16 hexadecimal digits. create makes it, and
// makes another when it is called again; its errors are passed on. release is
// called when it has its name, or is removed. What was left of others for the
// same name is removed, unless a process still writes to it.
func Beside(name string, create func(temp string) error) (temp string, release func(), err error) {
	dir, base := filepath.Split(filepath.Clean(name))
	sweep(dir, base)
	for {
		temp = filepath.Join(dir, fmt.Sprintf(".%s.%016x", base, rand.Uint64()))
		if err := create(temp); err != nil {
			return "", nil, err
		}
		if release, ok := hold(temp); ok {
			return temp, release, nil
		}
		// Somebody has taken it for a leftover, in the moment before it was held.
	}
}

// sweep removes what nobody holds. What cannot be removed stays.
func sweep(dir, base string) {
	entries, err := os.ReadDir(filepath.Join(dir, "."))
	if err != nil {
		return
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), "."+base+".")
		if raw, err := hex.DecodeString(digits); !ok || err != nil || len(raw) != 8 {
			continue
		}
		name := filepath.Join(dir, e.Name())
		if release, ok := holdLeft(name); ok {
			os.RemoveAll(name)
			release()
		}
	}
}
