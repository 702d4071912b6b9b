package bolt

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// blobPath returns where the body with a digest lies: blobs/ab/abcd…
func (a *Archive) blobPath(digest [32]byte) string {
	name := hex.EncodeToString(digest[:])
	return a.path(blobsDir, name[:2], name)
}

// writeBlob puts a body on disk before the commit that refers to it. A body
// whose commit never comes stays, whole: it is found when it comes again.
func (a *Archive) writeBlob(digest [32]byte, body []byte) (err error) {
	name := a.blobPath(digest)
	defer func() {
		if err != nil {
			err = fmt.Errorf("keep a body of %d bytes: %w", len(body), err)
		}
	}()
	if checkBlob(name, digest, int64(len(body))) != nil {
		if err := writeFile(a.path(blobsDir), name, body); err != nil {
			return err
		}
	}
	for _, dir := range []string{filepath.Dir(name), a.path(blobsDir), a.dir} {
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes a file in dir and moves it to its name when it is on disk.
func writeFile(dir, name string, body []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(name)+tempMark+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// readBlob returns a body; the caller checks its digest.
func (a *Archive) readBlob(digest [32]byte) ([]byte, error) {
	b, err := os.ReadFile(a.blobPath(digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: bring it back from a backup", err)
	}
	return b, err
}

// checkBlob reads the file without holding it.
func checkBlob(name string, digest [32]byte, length int64) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	switch {
	case err != nil:
		return err
	case length >= 0 && n != length:
		return fmt.Errorf("%d bytes instead of %d", n, length)
	case [32]byte(h.Sum(nil)) != digest:
		return errors.New("digest does not fit")
	}
	return nil
}
