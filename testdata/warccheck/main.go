// Command warccheck reads WARC files with two libraries that others wrote, and
// ends with status 1 when either finds anything wrong. It is a module of its
// own, so that nothing of theirs is in luutin.
//
//	go -C testdata/warccheck run . FILE…
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/internetarchive/gowarc/cmd/warc/verify"
	nlnwa "github.com/nlnwa/gowarc"
)

func main() {
	failed := false
	for _, name := range os.Args[1:] {
		for _, check := range []struct {
			by string
			f  func(string) (int, error)
		}{{"internetarchive/gowarc", internetArchive}, {"nlnwa/gowarc", nationalLibraryOfNorway}} {
			n, err := check.f(name)
			if err == nil && n == 0 {
				err = fmt.Errorf("no records")
			}
			if err != nil {
				failed = true
				fmt.Printf("%s: %s: after %d records: %v\n", name, check.by, n, err)
				continue
			}
			fmt.Printf("%s: %s: %d records, all as they should be\n", name, check.by, n)
		}
	}
	if failed || len(os.Args) < 2 {
		os.Exit(1)
	}
}

// internetArchive logs what it finds.
func internetArchive(name string) (int, error) {
	r, err := verify.ValidateWARCFile(name)
	if err == nil && (!r.Valid || r.ErrorsCount > 0 || !r.AllRecordsRead) {
		err = fmt.Errorf("%d errors, told above; read to the end: %v", r.ErrorsCount, r.AllRecordsRead)
	}
	return r.RecordCount, err
}

func nationalLibraryOfNorway(name string) (n int, err error) {
	f, err := nlnwa.NewWarcFileReader(name, 0, nlnwa.WithStrictValidation())
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for {
		record, offset, found, err := f.Next()
		if err == io.EOF {
			return n, nil
		}
		if err == nil && !found.Valid() {
			err = found
		}
		if err == nil {
			err = record.ValidateDigest(found)
		}
		if err == nil && !found.Valid() {
			err = found
		}
		if err != nil {
			return n, fmt.Errorf("at byte %d: %w", offset, err)
		}
		n++
		if err := record.Close(); err != nil {
			return n, err
		}
	}
}
