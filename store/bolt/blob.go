package bolt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"luutin/store"
)

// blobPath returns where the body with a digest lies: blobs/ab/abcd…
func (a *Archive) blobPath(digest [32]byte) string {
	name := hex.EncodeToString(digest[:])
	return a.path(blobsDir, name[:2], name)
}

// walkBlobs walks over blobs, which may be a link to a directory elsewhere.
func (a *Archive) walkBlobs(f fs.WalkDirFunc) error {
	return filepath.WalkDir(a.path(blobsDir)+string(filepath.Separator), f) // the end has the link followed
}

// A spool is a body that comes in parts: a file in blobs/ that is not whole
// yet. It gets its name when it is committed.
type spool struct {
	a      *Archive
	file   *os.File // nil when nothing more can be written
	hash   hash.Hash
	length int64
	err    error // that a write had: the file is not what was hashed
	name   string
	kept   bool // it has its own name: it is not removed
	over   bool // it was closed
}

// Spool implements store.Archive.
func (a *Archive) Spool(ctx context.Context) (store.Spool, error) {
	if a.readOnly {
		return nil, store.ErrReadOnly
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if a.queue.isClosed() {
		return nil, errClosed
	}
	return a.newSpool()
}

func (a *Archive) newSpool() (*spool, error) {
	if err := os.MkdirAll(a.path(blobsDir), 0o777); err != nil {
		return nil, fmt.Errorf("keep a body: %w", err)
	}
	f, err := os.CreateTemp(a.path(blobsDir), "body"+tempMark+"*")
	if err != nil {
		return nil, fmt.Errorf("keep a body: %w", err)
	}
	return &spool{a: a, file: f, name: f.Name(), hash: sha256.New()}, nil
}

// Write implements store.Spool.
func (s *spool) Write(p []byte) (n int, err error) {
	if s.err != nil {
		return 0, s.err
	}
	if s.file == nil {
		return 0, os.ErrClosed
	}
	n, err = s.file.Write(p)
	s.hash.Write(p[:n])
	s.length += int64(n)
	if err != nil {
		s.err = fmt.Errorf("keep a body of more than %d bytes: %w", s.length, err)
	}
	return n, s.err
}

// Length implements store.Spool.
func (s *spool) Length() int64 { return s.length }

// Close implements store.Spool.
func (s *spool) Close() error {
	if s.over {
		return nil
	}
	s.over = true
	err := s.closeFile()
	if !s.kept {
		err = errors.Join(err, os.Remove(s.name))
	}
	return err
}

func (s *spool) closeFile() error {
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return f.Close()
}

func (s *spool) digest() [32]byte { return [32]byte(s.hash.Sum(nil)) }

// read returns what was written, in memory.
func (s *spool) read() ([]byte, error) {
	b := make([]byte, s.length)
	if s.file == nil {
		return nil, os.ErrClosed
	}
	_, err := s.file.ReadAt(b, 0)
	return b, err
}

// keep puts the body on disk under its own name, before the commit that refers
// to it. One whose commit never comes stays, whole: it is found when it comes
// again.
func (s *spool) keep() (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("keep a body of %d bytes: %w", s.length, err)
		}
	}()
	if err := s.place(); err != nil {
		return err
	}
	for _, dir := range []string{filepath.Dir(s.a.blobPath(s.digest())), s.a.path(blobsDir), s.a.dir} {
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// place does the same, but leaves it to others to sync the directories.
func (s *spool) place() error {
	if s.err != nil {
		return s.err
	}
	name := s.a.blobPath(s.digest())
	if !s.kept && checkBlob(name, s.digest(), s.length) != nil {
		if s.over {
			return os.ErrClosed
		}
		if s.file != nil {
			if err := errors.Join(s.file.Chmod(0o644), s.file.Sync(), s.closeFile()); err != nil {
				s.err = err // nobody knows what is on disk
				return err
			}
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		if err := os.Rename(s.name, name); err != nil {
			return err
		}
		s.kept = true
	}
	return nil
}

// writeBlob puts a body that is in memory on disk, as spool.keep does.
func (a *Archive) writeBlob(body []byte) error {
	s, err := a.newSpool()
	if err != nil {
		return err
	}
	defer s.Close() // of what is kept nothing is lost, of the rest nothing is needed
	if _, err := s.Write(body); err != nil {
		return err
	}
	return s.keep()
}

// A blob is a body that is read from its file and checked on the way.
type blob struct {
	*os.File
	hash   hash.Hash
	digest [32]byte
}

func (b *blob) Read(p []byte) (int, error) {
	n, err := b.File.Read(p)
	b.hash.Write(p[:n])
	if err == io.EOF && [32]byte(b.hash.Sum(nil)) != b.digest {
		err = errBadDigest
	}
	return n, err
}

// Only Read checks what it returns.
func (b *blob) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{b})
}

var errBadDigest = errors.New("digest of the body does not fit: it is damaged")

// openBlob returns a body as a stream.
func (a *Archive) openBlob(digest [32]byte) (*blob, error) {
	f, err := os.Open(a.blobPath(digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: bring it back from a backup", err)
	}
	if err != nil {
		return nil, err
	}
	return &blob{f, sha256.New(), digest}, nil
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
