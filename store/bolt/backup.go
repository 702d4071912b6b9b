package bolt

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"luutin/store"
)

// CopyOptions say how Backup and Restore copy. The zero value is right for
// most callers.
type CopyOptions struct {
	NoVerify bool                // the copy is not read again before it gets its name
	Problem  func(store.Problem) // is told of what is damaged; nil means that nobody asks
	Progress func(copied int64)  // is told how many bytes were copied; nil means that nobody asks
}

// Copied says what Backup and Restore have done.
type Copied struct {
	Stats store.Stats // of the copy
	Size  int64       // bytes of archive.db
	Files int         // bodies in files of their own that were copied
	Bytes int64       // in them
	Kept  int         // such files that the copy had already
}

// ErrDamaged is returned by Backup, Restore and Compact when something is
// wrong with what they read or wrote.
var ErrDamaged = errors.New("something is damaged; luutin verify says what")

// Backup copies the archive in dir to the directory to, as it is at one
// moment, while another process may write to it (Options.Share). Files that to
// has already are not copied again, and its archive.db is replaced when the new
// one is whole: a Backup that fails or is killed leaves the copy that was there,
// and the next goes on where it stopped. It refuses a directory that holds
// another archive, or more of this one. What is damaged is told; the copy that
// was there stays then, unless NoVerify is set, and the error is ErrDamaged. It
// returns a *store.InUse when another process writes to the copy.
func Backup(ctx context.Context, dir, to string, o CopyOptions) (Copied, error) {
	c, err := copyArchive(ctx, dir, to, true, o)
	if err != nil {
		return c, fmt.Errorf("back up %s to %s: %w", dir, to, err)
	}
	return c, nil
}

// Restore copies the archive in the directory from, which Backup made, to dir,
// which must not hold one. Otherwise it is like Backup.
func Restore(ctx context.Context, from, dir string, o CopyOptions) (Copied, error) {
	c, err := copyArchive(ctx, from, dir, false, o)
	if errors.As(err, new(*noArchive)) {
		return c, fmt.Errorf("restore %s: there is no archive in %s (%w); name the directory that luutin backup has written to", dir, from, fs.ErrNotExist)
	}
	if err != nil {
		return c, fmt.Errorf("restore %s from %s: %w", dir, from, err)
	}
	return c, nil
}

// A copying is a Backup or Restore on its way.
type copying struct {
	CopyOptions
	Copied
	ctx      context.Context
	from, to *Archive // to is not open: it only has its names
	copied   int64
	damaged  bool
}

func copyArchive(ctx context.Context, from, to string, replace bool, o CopyOptions) (Copied, error) {
	c := &copying{CopyOptions: o, ctx: ctx, to: &Archive{dir: to, name: dbName + tempMark + "copy", readOnly: true}}
	err := c.run(from, replace)
	if ctx.Err() != nil && err != nil {
		err = ctx.Err() // not everything below wraps it
	}
	return c.Copied, err
}

func (c *copying) run(from string, replace bool) (err error) {
	if c.from, err = Open(from, Options{ReadOnly: true}); err != nil {
		return err
	}
	defer c.from.Close()
	if err := c.apart(); err != nil {
		return err
	}
	if err := os.MkdirAll(c.to.dir, 0o777); err != nil {
		return err
	}
	dir, err := os.Open(c.to.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if !lockDir(dir) {
		return &store.InUse{Path: c.to.dir}
	}
	old, err := c.old(replace)
	if err != nil {
		return err
	}
	if old != nil {
		defer old.Close() // as long as it is open nobody writes to it
	}
	if err := c.to.sweep(); err != nil {
		return err
	}
	place, err := c.place()
	if err != nil {
		return err
	}
	name := c.to.path(c.to.name)
	defer os.Remove(name)
	if err := errors.Join(c.database(name), c.ctx.Err()); err != nil {
		return err
	}
	if err := c.blobs(); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	if c.damaged && !c.NoVerify {
		if old != nil {
			return fmt.Errorf("%w; the copy that was there stays (--no-verify replaces it all the same)", ErrDamaged)
		}
		return fmt.Errorf("%w; no copy was made (--no-verify makes one all the same)", ErrDamaged)
	}
	if old == nil {
		err = putNew(name, place)
	} else {
		err = os.Rename(name, place)
	}
	if err := errors.Join(err, syncDir(filepath.Dir(place)), syncDir(c.to.dir), syncDir(filepath.Dir(c.to.dir))); err != nil {
		return err
	}
	if c.damaged {
		return fmt.Errorf("%w; the copy is as good as it could be made", ErrDamaged)
	}
	return nil
}

// place is where the archive.db of the copy is to stand, beside which it is made:
// where that which is there is a link, where it leads to.
func (c *copying) place() (string, error) {
	place := c.to.path(dbName)
	if info, err := os.Lstat(place); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return place, nil // an error is met again by who writes there
	}
	var err error
	if c.to.dir, err = filepath.EvalSymlinks(c.to.dir); err != nil {
		return "", err
	}
	if c.to.dir, err = filepath.Abs(c.to.dir); err != nil {
		return "", err
	}
	if place, err = realPath(place); err != nil {
		return "", err
	}
	c.to.name, err = filepath.Rel(c.to.dir, filepath.Join(filepath.Dir(place), c.to.name))
	return place, err
}

// putNew gives a file its name, unless there is one with that name.
func putNew(name, as string) error {
	err := os.Link(name, as)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return os.Rename(name, as) // not every file system has links
	}
	return err
}

// apart refuses a copy within what is copied, and the other way round.
func (c *copying) apart() error {
	from, err := realPath(c.from.dir)
	if err != nil {
		return err
	}
	to, err := realPath(c.to.dir)
	if err != nil {
		return err
	}
	if within(from, to) || within(to, from) {
		return errors.New("one lies within the other; name another directory")
	}
	return nil
}

// realPath is where a path leads to when links are followed, as far as it
// exists.
func realPath(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	for rest := abs; ; rest = filepath.Dir(rest) { // of what exists of it
		real, err := filepath.EvalSymlinks(rest)
		if err == nil {
			return filepath.Join(real, strings.TrimPrefix(abs, rest)), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || rest == filepath.Dir(rest) {
			return "", err
		}
	}
}

// within says whether a path lies in a directory, or is it.
func within(dir, name string) bool {
	rel, err := filepath.Rel(dir, name)
	return err == nil && filepath.IsLocal(rel)
}

// Holds says whether a file that is there or is to be made belongs to the
// archive in dir: it lies in its directory, or a link from there leads to it.
func Holds(dir, name string) (bool, error) {
	real, err := realPath(name)
	if err != nil {
		return false, err
	}
	for _, own := range []string{dir, filepath.Join(dir, dbName), filepath.Join(dir, keyName), filepath.Join(dir, blobsDir)} {
		if own, err = realPath(own); err != nil {
			return false, err
		}
		if within(own, real) {
			return true, nil
		}
	}
	return false, nil
}

// old opens what the copy was before; it is nil when there is none.
func (c *copying) old(replace bool) (*Archive, error) {
	there := &Archive{dir: c.to.dir, name: dbName}
	err := there.exists()
	var unfinished *bodiesOnly
	switch {
	case errors.As(err, &unfinished), errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !replace:
		return nil, fmt.Errorf("%[1]s holds an archive; name a new or an empty directory, or move that one away first: mv %[1]s %[1]s-damaged", c.to.dir)
	}
	old, err := Open(c.to.dir, Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	if err := c.precedes(old); err != nil {
		old.Close()
		return nil, err
	}
	return old, nil
}

// precedes says whether old is an earlier state of what is copied.
func (c *copying) precedes(old *Archive) error {
	made, err := c.from.made()
	if err != nil {
		return err
	}
	oldMade, err := old.made()
	if err != nil {
		return err
	}
	if !made.Created.Equal(oldMade.Created) {
		return fmt.Errorf("%s holds another archive, of %s; name another directory", old.dir, oldMade.Created.Local().Format("2006-01-02 15:04"))
	}
	now, err := c.from.Stats(c.ctx)
	if err != nil {
		return err
	}
	before, err := old.Stats(c.ctx)
	if err != nil {
		return err
	}
	if before.Visits > now.Visits {
		return fmt.Errorf("%s holds more of it, %d visits instead of %d; name another directory", old.dir, before.Visits, now.Visits)
	}
	kept, err := old.past(math.MaxUint64)
	if err != nil {
		return err
	}
	mine, err := c.from.past(kept.visits)
	switch {
	case err != nil:
		return err
	case kept.visits != mine.visits || kept.root != mine.root:
		return fmt.Errorf("%s went another way: its %d visits are not the first of this archive; name another directory, it holds what this one does not", old.dir, kept.visits)
	case kept.readings > mine.readings:
		return fmt.Errorf("%s holds more of it, %d readings of articles instead of %d: luutin reextract was run there or before this archive was restored; name another directory", old.dir, kept.readings, mine.readings)
	}
	return nil
}

// A past is what an archive once was: its first visits, by the root of their log,
// and the readings of today.
type past struct {
	visits   uint64
	root     tlog.Hash
	readings uint64
}

// past returns that of so many visits, or of all when there are fewer, or of none
// when their log is still to be made, in an archive of an earlier format.
func (a *Archive) past(visits uint64) (p past, err error) {
	err = a.view(func(tx *snapshot) error {
		last, err := tx.visits()
		if err != nil {
			return err
		}
		if p.readings, err = tx.lastSeq(bucketReadings); err != nil {
			return err
		}
		p.visits = min(visits, last)
		log := tx.Bucket(bucketLog)
		if log == nil || p.visits == 0 || log.Get(seqKey(last)) == nil {
			p.visits = 0
			return nil
		}
		p.root, err = tlog.TreeHash(int64(p.visits), logReader{log})
		return err
	})
	return p, err
}

// made reads what makes the file an archive.
func (a *Archive) made() (r archiveRecord, err error) {
	err = a.view(func(tx *snapshot) (err error) {
		if r, err = tx.made(); err != nil {
			err = fmt.Errorf("archive %s: %w", a.dir, err)
		}
		return err
	})
	return r, err
}

// database copies archive.db, as a file with another name.
func (c *copying) database(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	err = c.from.view(func(tx *snapshot) (err error) {
		c.Size, err = tx.WriteTo(c.counting(f))
		return err
	})
	return errors.Join(err, f.Sync(), f.Close())
}

// counting writes to w until the context ends.
func (c *copying) counting(w io.Writer) io.Writer { return &countingWriter{c, w} }

type countingWriter struct {
	c *copying
	w io.Writer
}

func (w *countingWriter) Write(p []byte) (int, error) {
	if err := w.c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.w.Write(p)
	w.c.copied += int64(n)
	if w.c.Progress != nil {
		w.c.Progress(w.c.copied)
	}
	return n, err
}

func (c *copying) problem(where, format string, args ...any) {
	c.damaged = true
	if c.Problem != nil {
		c.Problem(store.Problem{Where: where, What: fmt.Sprintf(format, args...)})
	}
}

// blobs copies the files that the copy does not have. Whatever archive.db
// refers to was there before it was copied. More of them does no harm.
func (c *copying) blobs() error {
	dirs := map[string]bool{}
	err := c.from.walkBlobs(func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(d.Name(), tempMark) {
			return err
		}
		raw, err := hex.DecodeString(d.Name())
		if err != nil || len(raw) != 32 || c.from.blobPath([32]byte(raw)) != name {
			c.problem(name, "it does not belong to the archive")
			return nil
		}
		copied, err := c.blob(name, [32]byte(raw))
		if copied {
			dirs[filepath.Dir(c.to.blobPath([32]byte(raw)))] = true
		}
		return errors.Join(err, c.ctx.Err())
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // there is none, and the copy will say if one is missing
	}
	if len(dirs) > 0 {
		dirs[c.to.path(blobsDir)] = true
	}
	for dir := range dirs {
		err = errors.Join(err, syncDir(dir))
	}
	return err
}

// blob copies one file, if it is not there.
func (c *copying) blob(name string, digest [32]byte) (copied bool, err error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	there := c.to.blobPath(digest)
	if has, err := os.Stat(there); err == nil && has.Size() == info.Size() && (c.NoVerify || checkBlob(there, digest, -1) == nil) {
		c.Kept++
		return false, nil
	}
	s, err := c.to.newSpool()
	if err != nil {
		return false, err
	}
	defer s.Close() // of what is placed nothing is lost, of the rest nothing is needed
	if _, err := io.Copy(c.counting(s), f); err != nil {
		if s.err != nil || c.ctx.Err() != nil {
			return false, err
		}
		c.problem(name, "%v", err)
		return false, nil
	}
	if s.digest() != digest {
		if checkBlob(there, digest, -1) != nil { // a good copy is better than what it is of
			c.problem(name, "digest does not fit")
		}
		return false, nil
	}
	if err := s.place(); err != nil {
		return false, err
	}
	c.Files++
	c.Bytes += s.length
	return true, nil
}

// check opens the copy and reads it.
func (c *copying) check() error {
	a := &Archive{dir: c.to.dir, name: c.to.name, readOnly: true, clock: c.from.clock, hosts: map[string]*host{}, pace: usualPace}
	err := a.open(true)
	defer a.discard()
	if err != nil {
		return err
	}
	if c.Stats, err = a.Stats(c.ctx); err != nil || c.NoVerify {
		return err
	}
	for p := range a.verify(c.ctx, false) { // the files were read
		if err := c.ctx.Err(); err != nil {
			return err
		}
		c.problem(p.Where, "%s", p.What)
	}
	return nil
}
