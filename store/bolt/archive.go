// Package bolt is the embedded archive: one bbolt file and a directory of
// bodies too large for it. docs/archive-format.md says how it is laid out.
package bolt

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"luutin/store"
)

const (
	format     = 7
	dbName     = "archive.db"
	lockName   = "archive.lock"
	socketName = "archive.sock"
	blobsDir   = "blobs"
	tempMark   = ".new-" // in the names of files that are not whole yet
)

// Options say how to open an archive. The zero value opens it for reading and
// writing and creates it when it does not exist.
type Options struct {
	ReadOnly bool             // write nothing, not even a lock file; never creates
	NoCreate bool             // there must be one
	Damaged  bool             // with ReadOnly: what can be read of a damaged archive.db is read, instead of an error; for Verify
	Share    bool             // other processes may read meanwhile: a goroutine listens for them
	Clock    func() time.Time // nil means time.Now
}

// An Archive is a store.Archive in one directory. Only one process can have it
// open, unless all of them only read.
type Archive struct {
	dir      string
	name     string // of its file: archive.db, but for a copy that has not got its name yet
	format   int    // that it has; an earlier one only when it is only read
	readOnly bool
	share    bool
	clock    func() time.Time
	db       *bbolt.DB
	file     *os.File // that db reads; bbolt closes it

	lender *lender // to readers of other processes; nil when the archive is only read
	// Of an archive that is read while another process writes: the state that
	// was lent, one at a time, and the connection that keeps it.
	pinned  *bbolt.Tx
	pinning sync.Mutex
	lent    net.Conn
	salvage *salvage // of an archive that is damaged so that bbolt cannot open it
	why     error    // what it said then
	enc     *zstd.Encoder
	readEnc *zstd.Encoder // of readings
	dec     *zstd.Decoder
	wholes  sync.Pool // of *[]byte: headers and body of a capture, one behind the other

	queue   writeQueue
	journal atomic.Pointer[journal]
	recent  recent

	references references
	aparts     sync.Pool // of *apart
	pace       pace

	files   sync.RWMutex    // held while files in blobs are removed, and shared by what relies on one that is there
	retired map[uint64]bool // captures whose bodies were dropped, which what is on its way may refer to; only the writer uses it

	trusted atomic.Uint64 // the buckets that trust has looked at, see bucketBit

	mu      sync.Mutex
	hosts   map[string]*host
	dirty   []queueName             // whose heads are not known
	tokens  uint64                  // the last one given
	turns   uint64                  // leases given so far
	warm    bool                    // the file was read through once
	found   map[hash16]versionPlace // of articles, where a version is that was asked for last
	touched int                     // records read or written since the map was trimmed, about
	stuck   error                   // why nothing can be written any more
	hanging bool                    // a transaction could not be ended: bbolt would wait for it for ever
}

var _ store.Archive = (*Archive)(nil)

// Open opens the archive in dir. It returns a *store.InUse when another
// process has it open to write, unless it is to be read and that process shares it, and an error that wraps fs.ErrNotExist when there is
// none to read.
func Open(dir string, o Options) (*Archive, error) {
	a := &Archive{dir: dir, name: dbName, readOnly: o.ReadOnly, share: o.Share, clock: o.Clock, hosts: map[string]*host{}, pace: usualPace}
	if a.clock == nil {
		a.clock = time.Now
	}
	if err := a.open(o.NoCreate || o.ReadOnly); err != nil {
		a.discard()
		if errors.Is(err, fs.ErrPermission) && !o.ReadOnly && a.exists() == nil {
			return nil, a.notAllowed(err)
		}
		if !o.Damaged || !o.ReadOnly || !a.isDamage(err) {
			return nil, err
		}
		a = &Archive{dir: dir, name: dbName, readOnly: true, clock: a.clock, hosts: map[string]*host{}}
		if err := a.openDamaged(err); err != nil {
			a.discard()
			return nil, err
		}
	}
	return a, nil
}

// readersTime is how long one who writes waits for those who read: a page of
// luutin serve takes a few seconds, an export may take longer.
const readersTime = 30 * time.Second

// OpenSoon is Open for one who writes and waits for those who read the archive,
// half a minute or until ctx ends; meanwhile others do not begin to. Who writes
// to it is not waited for. The error is a *store.InUse when the time was not
// enough.
func OpenSoon(ctx context.Context, dir string, o Options) (*Archive, error) {
	read := func(err error) bool {
		var inUse *store.InUse
		return errors.As(err, &inUse) && inUse.PID == 0
	}
	a, err := Open(dir, o)
	if !read(err) {
		return a, err
	}
	ctx, cancel := context.WithTimeout(ctx, readersTime)
	defer cancel()
	shut, leave := door(filepath.Join(dir, lockName))
	defer leave()
	for read(err) && ctx.Err() == nil {
		shut()
		a, err = Open(dir, o) // which waits a little
	}
	return a, err
}

// noArchive is an fs.ErrNotExist that says what to do.
type noArchive struct{ dir string }

func (e *noArchive) Error() string {
	return fmt.Sprintf("there is no archive in %s; luutin crawl makes one", e.dir)
}

func (e *noArchive) Is(target error) bool { return target == fs.ErrNotExist }

// bodiesOnly is what an archive is without its file, and a copy that was not
// finished.
type bodiesOnly struct{ dir string }

func (e *bodiesOnly) Error() string {
	return fmt.Sprintf("open archive %s: %s is missing; bring it back from a backup", e.dir, dbName)
}

func (a *Archive) open(noCreate bool) error {
	switch err := a.exists(); {
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case noCreate:
		return &noArchive{a.dir}
	default:
		if err := a.create(); err != nil {
			return err
		}
	}
	if err := checkFile(a.path(a.name)); err != nil {
		return err
	}
	if a.readOnly && a.name == dbName {
		if err := a.openBeside(); err != nil {
			return err
		}
	} else if err := a.openFile(); err != nil {
		return err
	}
	a.journal.Store(&journal{taking: newChanges()})
	if err := a.view(a.checkRoot); err != nil {
		return err
	}
	if err := a.checkFormat(); err != nil {
		return err
	}
	if err := a.guard(func() error {
		if a.lent != nil {
			return a.loadJournal(a.pinned)
		}
		return a.db.View(a.loadJournal)
	}); err != nil {
		return err
	}
	if err := a.makeCoders(); err != nil {
		return err
	}
	if err := a.view(a.loadHosts); err != nil {
		return err
	}
	if a.readOnly {
		return nil
	}
	if err := a.checkKey(); err != nil {
		return fmt.Errorf("open archive %s for writing: %w", a.dir, err)
	}
	var seed [8]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return err
	}
	a.tokens = binary.BigEndian.Uint64(seed[:]) >> 1 // a lease from before means nothing now
	if err := a.sweep(); err != nil {
		return err
	}
	if a.share {
		var err error
		if a.lender, err = a.lend(); err != nil {
			return err
		}
	} else if err := os.Remove(a.path(socketName)); err != nil && !errors.Is(err, fs.ErrNotExist) { // of one that was killed
		return fmt.Errorf("open archive: %w", err)
	}
	err := a.writeLock()
	if errors.Is(err, syscall.ENOSPC) {
		// On a full disk the archive is taken all the same: the lock is another,
		// and it may be what makes room. Readers, who find nobody to ask, are kept out.
		a.lender.close()
		a.lender, a.share, err = nil, false, nil
	}
	if err != nil {
		return err
	}
	if a.share {
		if err := takeDown(a.file); err != nil {
			return a.inUse()
		}
	}
	a.queue.start(a)
	if err := a.toFormat(); err != nil {
		err = errors.Join(fmt.Errorf("open archive %s: bring it from format %d to %d: %w", a.dir, a.format, format, err), a.Close())
		a.db, a.file = nil, nil
		return err
	}
	a.format = format
	return nil
}

// checkRoot looks at the page of the buckets before bbolt does. It copies small
// buckets into memory of its own, where a wrong length is not a fault that could
// be caught, but the end of the process.
func (a *Archive) checkRoot(tx *snapshot) (err error) {
	size := uint64(a.db.Info().PageSize)
	p := &pageCheck{f: a.file, pageSize: size, pages: uint64(tx.Size()) / size, shallow: true, stop: func() bool { return false }}
	p.used = make(bitmap, p.pages/64+1)
	p.report = func(page uint64, format string, args ...any) {
		if err == nil {
			err = fmt.Errorf("open archive %s: page %d is damaged: %s; luutin verify says what else is, luutin repair saves the rest",
				a.dir, page, fmt.Sprintf(format, args...))
		}
	}
	p.bucket(uint64(tx.Tx.Cursor().Bucket().Root()), nil, nil)
	return err
}

// trust looks at the branch pages of a tree before bbolt follows them for the
// first time, and panics, which guard takes, when they lead round: it would follow
// them for ever, and take memory until the machine has none. root is 0 for a bucket
// that lies in its element.
func (a *Archive) trust(name []byte, root uint64) {
	bit := bucketBit[string(name)]
	if a.trusted.Load()&bit != 0 || root == 0 {
		return
	}
	if err := (&branches{f: a.file, pageSize: uint64(a.db.Info().PageSize)}).walk(root); err != nil {
		panic(fmt.Errorf("%s: %w", name, err))
	}
	a.trusted.Or(bit)
}

// bucketBit has a bit for each bucket.
var bucketBit = func() map[string]uint64 {
	bits := map[string]uint64{}
	for i, name := range append(slices.Clone(allBuckets), bucketLost) {
		bits[string(name)] = 1 << i
	}
	return bits
}()

// makeCoders makes what packs and unpacks bodies.
func (a *Archive) makeCoders() (err error) {
	a.references.quick, a.references.thorough = newEncoders(quick), newEncoders(thorough)
	if a.enc, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(thorough), zstd.WithWindowSize(maxInline),
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithLowerEncoderMem(true)); err != nil {
		return err
	}
	// Readings are read far more often than captures: without entropy coding and
	// with the first match that is found they take a third more (.32 instead of .25
	// of articles as they are), and unpack in less than half the time. Their seal
	// makes a checksum needless.
	if a.readEnc, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(maxInline), zstd.WithNoEntropyCompression(true),
		zstd.WithEncoderCRC(false), zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithLowerEncoderMem(true)); err != nil {
		return err
	}
	// What unpacks to more than a record may hold is damaged.
	if a.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(64<<20), zstd.IgnoreChecksum(true)); err != nil {
		return err
	}
	return nil
}

// openBeside opens archive.db for reading, also when another process has it.
func (a *Archive) openBeside() error {
	passDoor(a.path(lockName))
	var pinned *bbolt.Tx
	lender, err := a.borrow(func() (txid int, err error) {
		if err := a.openFile(); err != nil {
			return 0, err
		}
		err = a.guard(func() error {
			if pinned, err = a.db.Begin(false); err == nil {
				txid = pinned.ID()
			}
			return err
		})
		return txid, err
	}, func() {
		if pinned != nil {
			_ = a.guard(pinned.Rollback) // it only read
		}
		pinned = nil
		if a.db != nil {
			a.db.Close()
		}
		a.db, a.file = nil, nil
	})
	switch {
	case err != nil:
		return err
	case lender == nil:
		return a.guard(pinned.Rollback)
	}
	a.pinned, a.lent = pinned, lender
	return nil
}

// openFile opens archive.db. While it waits for the lock, the file may be
// replaced by another: what is locked then is nobody's archive any more.
func (a *Archive) openFile() (err error) {
	for replaced := true; replaced && err == nil; {
		err = a.guard(func() (err error) {
			a.db, err = bbolt.Open(a.path(a.name), 0o644, a.dbOptions())
			return err
		})
		if err == nil {
			var now, opened fs.FileInfo
			if opened, err = a.file.Stat(); err == nil {
				now, err = os.Stat(a.path(a.name))
			}
			if replaced = err == nil && !os.SameFile(now, opened); replaced || err != nil {
				err = errors.Join(err, a.db.Close())
				a.db, a.file = nil, nil
			}
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return a.inUse()
	}
	return fmt.Errorf("open archive %s: %w", a.dir, err)
}

// notAllowed says who may write to the archive; this user may not.
func (a *Archive) notAllowed(err error) error {
	whose := "its owner"
	if info, e := os.Stat(a.path(a.name)); e == nil {
		whose = cmp.Or(ownerOf(info), whose)
	}
	return fmt.Errorf("%w: this user may read the archive but not write to it; run the same as %s, or let %s allow it to write to %s and all in it",
		err, whose, whose, a.dir)
}

// path returns the path of a file of the archive.
func (a *Archive) path(name ...string) string {
	return filepath.Join(append([]string{a.dir}, name...)...)
}

func (a *Archive) dbOptions() *bbolt.Options {
	o := &bbolt.Options{
		Timeout:      200 * time.Millisecond,
		ReadOnly:     a.readOnly,
		FreelistType: bbolt.FreelistMapType,
		NoStatistics: true,
		OpenFile: func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
			// It exists: a file that vanished since must not come back empty.
			f, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
			a.file = f
			return f, err
		},
	}
	if runtime.GOOS != "windows" && !a.readOnly && ^uint(0)>>32 != 0 {
		// Address space is free, and growing the map waits for every reader.
		o.InitialMmapSize = 16 << 30
	}
	return o
}

// exists says whether dir holds an archive: nil, an error that wraps
// fs.ErrNotExist, or what is there instead.
func (a *Archive) exists() error {
	info, err := os.Stat(a.path(a.name))
	switch {
	case err == nil && info.Mode().IsRegular():
		return nil
	case err == nil:
		return fmt.Errorf("open archive %s: %s is not a file", a.dir, a.name)
	case !errors.Is(err, fs.ErrNotExist):
		if info, e := os.Stat(a.dir); e == nil && !info.IsDir() {
			return fmt.Errorf("open archive %s: it is a file; an archive is a directory that holds %s", a.dir, dbName)
		}
		return fmt.Errorf("open archive: %w", err)
	}
	entries, err := os.ReadDir(a.dir)
	if err != nil {
		return fmt.Errorf("open archive: %w", err)
	}
	bodies := false
	for _, e := range entries {
		switch {
		case e.Name() == blobsDir:
			bodies = true
		case e.Name() != lockName && e.Name() != keyName && !strings.Contains(e.Name(), tempMark):
			return fmt.Errorf("open archive %s: the directory holds other things (%s) but no %s; name a new or an empty one",
				a.dir, e.Name(), dbName)
		}
	}
	if bodies {
		return &bodiesOnly{a.dir}
	}
	return fmt.Errorf("open archive %s: it holds none: %w", a.dir, fs.ErrNotExist)
}

// create makes an empty archive beside its place and moves it there, so that
// no other process and no crash leaves half of one.
func (a *Archive) create() error {
	if err := os.MkdirAll(a.dir, 0o777); err != nil {
		return fmt.Errorf("create archive: %w", err)
	}
	f, err := os.CreateTemp(a.dir, dbName+tempMark+"*")
	if err != nil {
		return fmt.Errorf("create archive: %w", err)
	}
	name := f.Name()
	defer os.Remove(name)
	if err := errors.Join(f.Chmod(0o644), f.Close()); err != nil {
		return fmt.Errorf("create archive: %w", err)
	}
	db, err := bbolt.Open(name, 0o644, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return fmt.Errorf("create archive %s: %w", a.dir, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, b := range allBuckets {
			if _, err := tx.CreateBucket(b); err != nil {
				return err
			}
		}
		k := []byte("archive")
		v, err := sealJSON(k, archiveRecord{Format: format, Program: "luutin", Created: keptTime(a.clock())})
		if err != nil {
			return err
		}
		return tx.Bucket(bucketMeta).Put(k, v)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("create archive %s: %w", a.dir, err)
	}
	if err := os.Link(name, a.path(dbName)); err != nil && !errors.Is(err, fs.ErrExist) {
		// Not every file system has links.
		if err := os.Rename(name, a.path(dbName)); err != nil {
			return fmt.Errorf("create archive: %w", err)
		}
	}
	return syncDir(a.dir)
}

// newerFormat is what an archive has that a later program wrote.
type newerFormat struct {
	dir    string
	format int
}

func (e *newerFormat) Error() string {
	return fmt.Sprintf("open archive %s: it has format %d and this program reads up to %d; use a newer one", e.dir, e.format, format)
}

// checkFormat brings an archive of format 1 or 2 to the next, unless it is only
// read. What can be written to is brought further; see open.
func (a *Archive) checkFormat() error {
	var r archiveRecord
	err := a.view(func(tx *snapshot) error {
		k := []byte("archive")
		b := tx.Bucket(bucketMeta)
		if b == nil || b.Get(k) == nil {
			return fmt.Errorf("open archive %s: %s is a bbolt file of something else", a.dir, dbName)
		}
		if err := unsealJSON(k, b.Get(k), &r); err != nil {
			return fmt.Errorf("open archive %s: meta/archive: %w", a.dir, err)
		}
		if r.Format > format {
			return &newerFormat{a.dir, r.Format}
		}
		for _, name := range allBuckets { // by bbolt: to look at all their branches would take long
			if tx.Tx.Bucket(name) == nil && r.Format >= since[string(name)] {
				return fmt.Errorf("open archive %s: bucket %s is missing; %s", a.dir, name, bringBack(a.dir))
			}
		}
		return nil
	})
	a.format = r.Format
	if err != nil || r.Format > 2 || a.readOnly {
		return err
	}
	a.format = 3
	err = a.guard(func() error { return a.db.Update(func(tx *bbolt.Tx) error { return toFormat3(tx, r) }) })
	if err != nil {
		return fmt.Errorf("open archive %s: bring it from format %d to 3: %w", a.dir, r.Format, err)
	}
	return nil
}

// A holder is what the lock file says.
type holder struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
	Socket  string `json:"socket,omitempty"` // at which it answers readers
}

// writeLock tells others who holds the archive. The lock itself is bbolt's.
func (a *Archive) writeLock() error {
	b, err := marshal(holder{os.Getpid(), strings.Join(os.Args, " "), a.lender.socket()})
	if err != nil {
		return err
	}
	return os.WriteFile(a.path(lockName), append(b, '\n'), 0o644)
}

func (a *Archive) inUse() error {
	e := &store.InUse{Path: a.dir}
	var h holder
	if b, err := os.ReadFile(a.path(lockName)); err == nil && json.Unmarshal(b, &h) == nil && alive(h.PID) {
		e.PID, e.Command = h.PID, h.Command
	}
	return e
}

// alive says whether a process exists: a killed one leaves its lock file.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if pid <= 0 || err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, fs.ErrPermission)
}

// sweep removes what a killed process did not finish.
func (a *Archive) sweep() error {
	for _, pattern := range []string{a.path("*" + tempMark + "*"), a.path(blobsDir, "*"+tempMark+"*")} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("open archive: %w", err)
			}
		}
	}
	return nil
}

// Close waits for running commits, signs a checkpoint, ends all leases and closes
// the archive. Closing it twice is harmless.
func (a *Archive) Close() error {
	var unsigned error
	if !a.readOnly {
		unsigned = a.signLast()
		a.flush()
		if !a.queue.stop() {
			return nil
		}
	}
	a.mu.Lock()
	a.stuck = errClosed
	clear(a.hosts)
	hanging := a.hanging
	a.mu.Unlock()
	if !a.readOnly {
		// While it is still ours. Nothing is written any more: who finds no lock
		// file reads without asking, and who has read it finds somebody to ask.
		if err := os.Remove(a.path(lockName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(fmt.Errorf("close archive: %w", err), a.discard())
		}
	}
	a.lender.close()
	if hanging {
		return errors.Join(unsigned, a.file.Close())
	}
	return errors.Join(unsigned, a.discard())
}

// discard closes what open opened.
func (a *Archive) discard() error {
	if a.enc != nil {
		a.enc.Close()
	}
	if a.dec != nil {
		a.dec.Close()
	}
	a.lender.close()
	if a.lent != nil {
		a.pinning.Lock()
		_ = a.guard(a.pinned.Rollback) // it only read
		a.pinned = nil
		a.pinning.Unlock()
		a.lent.Close()
	}
	switch {
	case a.db != nil:
		return a.db.Close()
	case a.file != nil:
		// bbolt gave up, perhaps without closing it.
		if err := a.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			return err
		}
	}
	return nil
}

var errClosed = errors.New("archive is closed")

// guard runs what reads mapped memory. bbolt trusts its file: where that is
// damaged it panics or reads beyond what there is.
func (a *Archive) guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("archive %s is damaged (%v); verify says where", a.dir, p)
		}
	}()
	return f()
}

// view runs f in a read transaction. What f gets from the transaction is gone
// when it returns.
func (a *Archive) view(f func(tx *snapshot) error) error {
	err := a.guard(func() (err error) {
		tx, err := a.begin()
		if err != nil {
			return err
		}
		defer func() { // also when f panics: Close would wait for it
			if e := tx.Rollback(); err == nil {
				err = e
			}
		}()
		return f(tx)
	})
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return errClosed
	}
	return err
}

// maxMapped is how many bytes of files a process may have mapped before it gives
// the archive's back. Nothing else bounds them: a page that is read brings those
// around it, at least fifteen, so that in a large file few records are many bytes.
const maxMapped = 24 << 20

// lookAfter is after how many records it is looked how much is mapped.
const lookAfter = 32

// touch counts records that were read or written, and trims the map when it has
// grown large. It must not be called within a transaction.
func (a *Archive) touch(records int) {
	a.mu.Lock()
	a.touched += records
	look := a.touched >= lookAfter
	if look {
		a.touched = 0
	}
	a.mu.Unlock()
	if look {
		// An error would be met again by whoever reads next.
		_ = a.view(func(tx *snapshot) error {
			tx.trim()
			return nil
		})
	}
}

// warmUp has a large file read through before the first scan of it.
func (a *Archive) warmUp(ctx context.Context) error {
	const small = 32 << 20
	a.mu.Lock()
	warm := a.warm
	a.warm = true
	a.mu.Unlock()
	if warm {
		return nil
	}
	if info, err := a.file.Stat(); err != nil || info.Size() < small {
		return err
	}
	return a.readThrough(ctx)
}

// readThrough has the system hold the file, from end to end. bbolt maps it with
// MADV_RANDOM, so a scan of what is not in the cache reads single pages in random
// order: fifty times slower than this.
func (a *Archive) readThrough(ctx context.Context) error {
	buf := make([]byte, 1<<20)
	for at := int64(0); ; at += int64(len(buf)) {
		if inCache(a.file, at, len(buf)) {
			continue
		}
		_, err := a.file.ReadAt(buf, at)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("read %s: %w", a.path(dbName), err)
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
