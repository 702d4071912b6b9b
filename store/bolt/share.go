//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package bolt

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
)

// One process writes, and others may read meanwhile. bbolt keeps everybody
// else from a file that is open for writing, and rightly: what a transaction
// has freed is written over as soon as no reader of the same process needs it.
// So the writer, once it has the file to itself, takes its lock down to one that
// readers can share (and other writers cannot), and lends them its state: a
// reader asks at a socket, the writer begins a reading transaction for it while
// nothing is written, the reader opens the file and begins the same one, and as
// long as it stays connected what that transaction sees is left alone.

// lendTime is how long a reader may take to open the file; so long the writer
// waits for it at most.
const lendTime = 5 * time.Second

// A lender answers readers of other processes. A nil one does nothing.
type lender struct {
	a       *Archive
	l       net.Listener
	temp    string // directory of the socket, when its place in the archive has too long a name
	mu      sync.Mutex
	closed  bool
	readers map[net.Conn]bool
	done    sync.WaitGroup
}

// lend begins to answer readers. The file's lock is taken down by takeDown.
func (a *Archive) lend() (*lender, error) {
	b := &lender{a: a, readers: map[net.Conn]bool{}}
	name, err := filepath.Abs(a.path(socketName))
	if err != nil {
		return nil, err
	}
	if len(name) > 100 { // sockaddr_un has room for 104 bytes, or 108
		if b.temp, err = os.MkdirTemp("", "luutin-"); err != nil {
			return nil, err
		}
		name = filepath.Join(b.temp, socketName)
	}
	os.Remove(name) // of one that was killed: the archive is ours
	if b.l, err = net.Listen("unix", name); err != nil {
		os.RemoveAll(b.temp)
		return nil, fmt.Errorf("open archive: %w", err)
	}
	b.done.Go(func() {
		for {
			conn, err := b.l.Accept()
			if err != nil {
				return
			}
			if !b.add(conn) {
				conn.Close()
				return
			}
			b.done.Go(func() {
				b.serve(conn)
				b.remove(conn)
			})
		}
	})
	return b, nil
}

// socket is what the lock file says of it: a copy of the archive is not to lead
// to the original.
func (b *lender) socket() string {
	if b == nil {
		return ""
	}
	if b.temp == "" {
		return socketName
	}
	return b.l.Addr().String()
}

func (b *lender) add(conn net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.readers[conn] = true
	}
	return !b.closed
}

func (b *lender) remove(conn net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.readers, conn)
	conn.Close()
}

// close sends the readers away. They keep what they see: nobody writes before
// they have closed the file.
func (b *lender) close() {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.closed = true
	for conn := range b.readers {
		conn.Close()
	}
	b.mu.Unlock()
	b.l.Close()
	b.done.Wait()
	if b.temp != "" {
		os.RemoveAll(b.temp)
	}
}

// serve lends one reader a state until it goes.
func (b *lender) serve(conn net.Conn) {
	conn.SetDeadline(time.Now().Add(lendTime))
	in := bufio.NewReader(io.LimitReader(conn, 1<<10))
	if line, err := in.ReadString('\n'); err != nil || line != "read\n" {
		return
	}
	var lent *bbolt.Tx
	err := b.a.guard(func() error {
		writing, err := b.a.db.Begin(true) // as long as it lasts nobody else writes
		if err != nil {
			return err
		}
		defer writing.Rollback()
		if lent, err = b.a.db.Begin(false); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(conn, "%d\n", lent.ID()); err != nil {
			return err
		}
		_, err = in.ReadString('\n')
		return err
	})
	if err == nil {
		conn.SetDeadline(time.Time{})
		in.ReadString('\n') // it says no more: this ends when it goes
	}
	if lent != nil {
		// It only read.
		_ = b.a.guard(lent.Rollback)
	}
}

// takeDown makes the lock of a file that was opened for writing one that
// readers can share. Should another process get in between, which takes a moment,
// the file is no longer ours; nothing was written yet.
func takeDown(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
}

// borrow asks the process that has the archive, if there is one, for its state.
// open is called while nobody writes: it opens the file and begins a
// transaction, whose id it returns. Without such a process open is called at
// once, and the connection, which keeps what was lent, is nil. shut closes the
// file again.
func (a *Archive) borrow(open func() (txid int, err error), shut func()) (conn net.Conn, err error) {
	var dead holder // of one that was killed, and whose number belongs to another now
	for range 3 {
		h := a.holder()
		if h.Socket == "" || h == dead {
			if _, err = open(); err != nil {
				shut()
				return nil, err
			}
			if now := a.holder(); now.Socket == "" || now == dead {
				return nil, nil // as long as it is open, nobody opens it for writing
			}
			shut() // somebody did before
			continue
		}
		conn, err = a.borrowFrom(h, open)
		if err == nil {
			return conn, nil
		}
		shut()
		var refused *net.OpError
		if errors.As(err, &refused) && refused.Op == "dial" && a.deserted() {
			dead = h
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", a.inUse(), err)
	}
	return nil, a.inUse()
}

func (a *Archive) borrowFrom(h holder, open func() (int, error)) (net.Conn, error) {
	name := h.Socket
	if !filepath.IsAbs(name) {
		name = a.path(name)
	}
	conn, err := net.DialTimeout("unix", name, lendTime)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(2 * lendTime))
	in := bufio.NewReader(conn)
	if _, err = io.WriteString(conn, "read\n"); err == nil {
		var line string
		if line, err = in.ReadString('\n'); err == nil {
			var want, got int
			if want, err = strconv.Atoi(strings.TrimSpace(line)); err == nil {
				if got, err = open(); err == nil && got != want {
					err = fmt.Errorf("the file has state %d, and %d was lent", got, want)
				}
			}
		}
	}
	if err == nil {
		_, err = io.WriteString(conn, "begun\n")
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return conn, nil
}

// deserted reports whether nobody has the file, whatever the lock file says.
func (a *Archive) deserted() bool {
	f, err := os.Open(a.path(dbName))
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// holder reads who has the archive; it is empty when nobody does.
func (a *Archive) holder() (h holder) {
	if b, err := os.ReadFile(a.path(lockName)); err != nil || json.Unmarshal(b, &h) != nil || !alive(h.PID) {
		return holder{}
	}
	return h
}

// shareFile takes a file for reading; it reports false when another process has
// it for writing.
func shareFile(f *os.File) bool {
	return !errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// doorTime is how long who wants to read waits at the door.
const doorTime = 5 * time.Second

// door is where an archive is entered to be read, with its lock file. shut keeps
// others from beginning to, once those who are just passing have: it is called
// again while one waits for those who read. leave opens it.
func door(name string) (shut, leave func()) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return func() {}, func() {} // one waits all the same
	}
	return func() { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }, func() { f.Close() }
}

// passDoor waits while somebody keeps the door shut, but not for ever: what
// that one waits for may last.
func passDoor(name string) {
	f, err := os.Open(name)
	if err != nil {
		return // nobody ever wrote here, or waits to
	}
	defer f.Close()
	for end := time.Now().Add(doorTime); time.Now().Before(end) && !shareFile(f); {
		time.Sleep(20 * time.Millisecond)
	}
}

// lockDir takes a directory for this process as long as the file is open. It
// reports false when another has it. File systems that know no such lock are
// no reason to do without a backup.
func lockDir(d *os.File) bool {
	return !errors.Is(syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// ownerOf names the user to whom a file belongs; "" when that is not known.
func ownerOf(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	id := strconv.FormatUint(uint64(stat.Uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return "user " + u.Username
	}
	return "user " + id
}
