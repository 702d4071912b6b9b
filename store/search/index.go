// Package search finds articles of an archive by their words. Its index is
// made from the archive alone and can be made again at any time.
//
// A word is found however it is typed: with its marks, without them, with the
// mark of tone on either vowel (hòa, hoà), in NFC or NFD. The index holds where
// each word stands without its marks, and which articles have it with them.
//
// The index is a directory. Articles are put in many at once, each time into a
// segment, a file that never changes; now and then segments are joined. Which of
// them are the index says one small file, which takes the place of the one before
// it at once: who reads sees the one or the other, and what was not finished is
// removed by the next who writes. FTS5, SQLite's own full-text search, and word
// lists in tables of SQLite were measured and are not used: in Go they need several
// times as long for what nearly every text has, as single syllables of Vietnamese
// are, and more room.
package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"luutin/store"
)

// DirName is the index's in the directory of an archive.
const DirName = "search"

const (
	contentsName = "index"
	lockName     = "lock"
	segmentEnd   = ".seg"
	earlierName  = "search.db" // of the SQLite file that was an index before
)

// form is that of the index, as its contents begin. One of another form is made
// anew.
const form = "luutin search index 2 "

// maxReaders is how many finders are kept for the next query.
const maxReaders = 8

// ErrNoIndex is returned by what reads an index that was never made.
var ErrNoIndex = errors.New("there is no search index; luutin index makes it")

// Options say how an index is opened.
type Options struct {
	ReadOnly bool // neither make nor write it
	NoWait   bool // that another process writes the index for longer than a moment is ErrBusy, not waited for

	// Anew is told why an index that is there is made anew; nil means that nobody wants to know.
	Anew func(why error)
}

// An Index is the search index of one archive. It is safe for concurrent use,
// and by several processes at once.
type Index struct {
	archive store.Archive
	dir     string
	options Options

	mu     sync.RWMutex // held for writing while these are exchanged
	opened *opened      // nil before the first look and once it is closed
	names  [len(nameKinds)]names

	finders chan *finder  // that nobody uses
	turns   chan struct{} // a queue for the processors: see Find
}

// opened is an index as it was at some time.
type opened struct {
	*contents
	segments []*segment // of contents
}

// names are numbered in the order in which they are met.
type names struct {
	all     []string
	numbers map[string]int32
}

func (n *names) number(name string) int32 {
	number, ok := n.numbers[name]
	if !ok {
		if n.numbers == nil {
			n.numbers = map[string]int32{}
		}
		number = int32(len(n.all))
		n.numbers[name] = number
		n.all = append(n.all, name)
	}
	return number
}

// contents is what an index consists of.
type contents struct {
	generation string // of each time that it is written another

	Versions int               `json:"versions"` // of the archive, when everything up to then is here
	Cursors  map[string]string `json:"cursors"`  // how far each host has been read
	Segments []part            `json:"segments"`
}

// A part of an index is a segment, and which of its articles have been replaced.
type part struct {
	Name string `json:"name"`
	Dead []byte `json:"dead,omitempty"` // a list as in a segment
}

// Exists reports whether the archive in dir has an index.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, DirName, contentsName))
	if err != nil {
		_, err = os.Stat(filepath.Join(dir, earlierName))
	}
	return err == nil
}

// Open opens the index in the directory of an archive, which it reads from and
// never closes. One that is missing, of another form or broken is begun anew,
// empty, unless it is opened for reading only: then ErrNoIndex is returned, or
// what is wrong.
func Open(dir string, archive store.Archive, o Options) (*Index, error) {
	x := &Index{finders: make(chan *finder, maxReaders), turns: make(chan struct{}, runtime.GOMAXPROCS(0)), archive: archive, dir: filepath.Join(dir, DirName), options: o}
	if err := x.open(filepath.Join(dir, earlierName)); err != nil {
		if errors.Is(err, ErrNoIndex) {
			return nil, err
		}
		return nil, fmt.Errorf("open search index %s: %w", x.dir, x.hint(err))
	}
	return x, nil
}

func (x *Index) open(earlier string) error {
	if x.options.ReadOnly {
		if _, err := os.Stat(filepath.Join(x.dir, contentsName)); errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Stat(earlier); err == nil {
				return errForm
			}
			return ErrNoIndex
		}
		return x.load()
	}
	if err := os.Mkdir(x.dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	unlock, err := x.lock(context.Background())
	if err != nil {
		return err
	}
	defer unlock()
	_, err = os.Stat(filepath.Join(x.dir, contentsName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		var why error
		if _, err := os.Stat(earlier); err == nil {
			why = errForm
		}
		err = x.again(why)
	case err == nil:
		if err = x.load(); broken(err) {
			err = x.again(err)
		}
	}
	if err != nil {
		return err
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(earlier + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Close closes the index.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	err := x.opened.close(nil)
	x.opened = nil
	return err
}

// close closes the segments that are not those of another.
func (o *opened) close(other *opened) (err error) {
	if o == nil {
		return nil
	}
	for _, s := range o.segments {
		if other == nil || !slices.Contains(other.segments, s) {
			err = errors.Join(err, s.file.close())
		}
	}
	return err
}

// What is wrong with an index that must be made anew.
var (
	errForm    = errors.New("it is of another form")
	errDamaged = errors.New("it is damaged")
	errAhead   = errors.New("it has more than the archive")
)

func broken(err error) bool {
	return errors.Is(err, errForm) || errors.Is(err, errDamaged) || errors.Is(err, errAhead) || errors.Is(err, store.ErrCursor)
}

// hint says what to do about an index that must be made anew and may only be
// read.
func (x *Index) hint(err error) error {
	if broken(err) && x.options.ReadOnly {
		err = fmt.Errorf("%w; luutin index --rebuild makes it anew", err)
	}
	return err
}

// generation returns that of the index as it is now.
func (x *Index) generation() (string, error) {
	f, err := os.Open(filepath.Join(x.dir, contentsName))
	if err != nil {
		return "", err
	}
	defer f.Close()
	var b [len(form) + 16]byte
	if _, err := io.ReadFull(f, b[:]); err == io.EOF || err == io.ErrUnexpectedEOF || err == nil && string(b[:len(form)]) != form {
		return "", errForm
	} else if err != nil {
		return "", err
	}
	return string(b[len(form):]), nil
}

// contents reads what the index consists of: a line with its form and
// generation, one with it as JSON, and the CRC-32C of both in hexadecimal.
func (x *Index) contents() (*contents, error) {
	name := filepath.Join(x.dir, contentsName)
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	c := &contents{}
	body, ok := strings.CutPrefix(string(b), form)
	end := len(body) - 8
	if !ok {
		return nil, errForm
	}
	if end < 17 || body[16] != '\n' || fmt.Sprintf("%08x", crc32.Checksum(b[:len(b)-8], castagnoli)) != body[end:] {
		return nil, damaged(name, "its sum does not fit")
	}
	if json.Unmarshal([]byte(body[17:end]), c) != nil || c.Cursors == nil {
		return nil, damaged(name, "it says what cannot be")
	}
	c.generation = body[:16]
	return c, nil
}

// save puts c in the place of what the index consists of, and removes what
// belongs to it no longer. The lock is held.
func (x *Index) save(c *contents) error {
	c.generation = randomName()
	all, err := json.Marshal(c)
	if err != nil {
		return err
	}
	b := fmt.Appendf(nil, "%s%s\n%s\n", form, c.generation, all)
	b = fmt.Appendf(b, "%08x", crc32.Checksum(b, castagnoli))
	name := filepath.Join(x.dir, contentsName)
	f, err := os.Create(name + ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	if err := syncDir(x.dir); err != nil {
		return err
	}
	return x.sweep(c)
}

// randomName returns one that nothing else has.
func randomName() string { return fmt.Sprintf("%016x", rand.Uint64()) }

// syncDir brings the names in a directory to the disk, where that can be done.
func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}

// sweep removes segments that do not belong to the index: those that have been
// joined, and what was not finished.
func (x *Index) sweep(c *contents) error {
	entries, err := os.ReadDir(x.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), segmentEnd); ok && !slices.ContainsFunc(c.Segments, func(p part) bool { return p.Name == name }) {
			// Not every system removes a file that somebody has open; then the next one does.
			_ = os.Remove(filepath.Join(x.dir, e.Name()))
		}
	}
	return nil
}

// load opens the index as it is now.
func (x *Index) load() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		c, err := x.contents()
		if err != nil {
			return err
		}
		o, err := x.openAll(c)
		if errors.Is(err, fs.ErrNotExist) { // a segment may be gone as another index has taken the place of this one
			if now, e := x.generation(); e == nil && now != c.generation {
				continue
			}
			err = fmt.Errorf("%w: %w", err, errDamaged)
		}
		if err != nil {
			return err
		}
		err = x.opened.close(o)
		x.opened = o
		return err
	}
}

// openAll opens the segments of c that are not open.
func (x *Index) openAll(c *contents) (o *opened, err error) {
	o = &opened{contents: c}
	old := map[string]*segment{}
	if x.opened != nil {
		for _, s := range x.opened.segments {
			old[s.name] = s
		}
	}
	defer func() {
		if err != nil {
			o.close(x.opened)
		}
	}()
	for _, p := range c.Segments {
		s := old[p.Name]
		if s == nil {
			if s, err = openSegment(x.segmentPath(p.Name), p.Name, &x.names); err != nil {
				return nil, err
			}
		}
		o.segments = append(o.segments, s)
		if err := s.bury(p.Dead); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (x *Index) segmentPath(name string) string {
	return filepath.Join(x.dir, filepath.Base(name)+segmentEnd)
}

// view calls f with the index as it is now.
func (x *Index) view(f func(*opened) error) error {
	for loaded := false; ; loaded = true {
		x.mu.RLock()
		if x.opened != nil && (loaded || x.isCurrent()) {
			defer x.mu.RUnlock()
			return f(x.opened)
		}
		x.mu.RUnlock()
		if err := x.load(); err != nil {
			return err
		}
	}
}

func (x *Index) isCurrent() bool {
	now, err := x.generation()
	return err == nil && now == x.opened.generation
}

// again begins the index anew; the lock is held. why is nil when nothing was
// there.
func (x *Index) again(why error) error {
	if why != nil && x.options.Anew != nil {
		x.options.Anew(why)
	}
	if err := x.save(&contents{Cursors: map[string]string{}}); err != nil {
		return err
	}
	return x.load()
}

// ErrBusy is the error of a change to an index that another process writes.
var ErrBusy = errors.New("another luutin brings the search index up to date")

// aMoment is what is waited for another process in any case.
const aMoment = time.Second

// lock waits until no other process writes the index.
func (x *Index) lock(ctx context.Context) (unlock func(), err error) {
	begun := time.Now()
	f, err := os.OpenFile(filepath.Join(x.dir, lockName), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	for !tryLock(f) {
		if x.options.NoWait && time.Since(begun) > aMoment {
			f.Close()
			return nil, ErrBusy
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		}
	}
	return func() { f.Close() }, nil
}

// Rebuild empties the index and fills it from the archive; see Update.
func (x *Index) Rebuild(ctx context.Context, progress func(done, total int)) (n int, err error) {
	if x.options.ReadOnly {
		return 0, store.ErrReadOnly
	}
	unlock, err := x.lock(ctx)
	if err == nil {
		defer unlock()
		if err = x.again(nil); err == nil {
			n, err = x.update(ctx, progress)
		}
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("rebuild search index: %w", err)
	}
	return n, err
}

// heal makes an index anew that was found broken, unless somebody has.
func (x *Index) heal(ctx context.Context, found string, why error) error {
	unlock, err := x.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if now, err := x.generation(); err == nil && now != found {
		return nil
	}
	if err := x.again(why); err != nil {
		return err
	}
	_, err = x.update(ctx, nil)
	return err
}

// Behind reports whether the archive has what the index does not.
func (x *Index) Behind(ctx context.Context) (bool, error) {
	stats, err := x.archive.Stats(ctx)
	if err != nil {
		return false, err
	}
	behind := true
	err = x.view(func(o *opened) error {
		behind = o.Versions != stats.Versions
		return nil
	})
	if broken(err) {
		err = nil
	}
	return behind, err
}
