package bolt

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// SetFormat writes another format into an archive.
func SetFormat(t *testing.T, dir string, format int) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, dbName), 0o666, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		k := []byte("archive")
		v, err := sealJSON(k, archiveRecord{Format: format, Program: "test", Created: time.Unix(0, 0)})
		if err != nil {
			return err
		}
		return tx.Bucket(bucketMeta).Put(k, v)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}
