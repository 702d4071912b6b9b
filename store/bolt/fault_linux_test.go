package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
)

// faultDir names the archive that a test process is to fill, while the one that
// began it decides what becomes of its system calls.
const faultDir = "LUUTIN_TEST_FAULT"

// faultJob is "retain" when it is to drop bodies instead.
const faultJob = "LUUTIN_TEST_FAULT_JOB"

// calls are the system calls that change what is on a disk.
var calls = map[uint32]string{
	unix.SYS_PWRITE64: "pwrite64", unix.SYS_WRITE: "write", unix.SYS_FSYNC: "fsync", unix.SYS_FDATASYNC: "fdatasync",
	unix.SYS_FTRUNCATE: "ftruncate", unix.SYS_UNLINKAT: "unlinkat", unix.SYS_RENAMEAT: "renameat", unix.SYS_LINKAT: "linkat", unix.SYS_MKDIRAT: "mkdirat",
}

const visitsOfChild = 4

// handOver has the kernel ask another process about all such calls of this
// one from now on (seccomp_unotify(2)), and sends it the file by which it answers.
func handOver(to int) error {
	const (
		load, equal, answer = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
		ask, allow          = 0x7fc00000, 0x7fff0000
	)
	filter := []unix.SockFilter{{Code: load, K: 0}} // the number of the call
	for nr := range calls {
		filter = append(filter, unix.SockFilter{Code: equal, Jf: 1, K: nr}, unix.SockFilter{Code: answer, K: ask})
	}
	filter = append(filter, unix.SockFilter{Code: answer, K: allow})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	const flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(filter)
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return unix.Sendmsg(to, []byte{1}, unix.UnixRights(int(fd)), nil, 0)
}

// faulty crawls, says of every visit that it is kept, and when something goes
// wrong opens the archive again and goes on.
func faulty(dir string) error {
	if err := handOver(3); err != nil {
		return err
	}
	if os.Getenv(faultJob) == "retain" {
		a, err := bolt.Open(dir, bolt.Options{})
		if err == nil {
			_, err = a.Retain(context.Background(), everything, nil)
			err = errors.Join(err, a.Close())
		}
		if err != nil {
			fmt.Println("not dropped:", err)
		}
		return nil
	}
	open := func() (*bolt.Archive, error) { return bolt.OpenHasty(dir, bolt.Options{}) }
	a, err := open()
	if err != nil {
		fmt.Println("not opened:", err)
		if a, err = open(); err != nil {
			return nil
		}
	}
	for range visitsOfChild {
		err := crawl(a, 1, func(url string) { fmt.Println(url) })
		if err == nil {
			continue
		}
		fmt.Println("not kept:", err)
		if !strings.Contains(err.Error(), "write to archive") {
			continue // a body could not be written: all else is as it was
		}
		// What is on the disk nobody knows: nothing more is taken until it is opened again.
		for range 2 {
			if err := crawl(a, 1, func(url string) { fmt.Println(url) }); err == nil {
				return errors.New("a commit after one that failed was acknowledged")
			}
		}
		if err := a.Close(); err != nil {
			fmt.Println("not closed:", err)
		}
		if a, err = open(); err != nil {
			fmt.Println("not opened:", err)
			return nil
		}
	}
	if err := a.Close(); err != nil {
		fmt.Println("not closed:", err)
	}
	return nil
}

type seccompCall struct {
	ID         uint64
	PID, Flags uint32
	NR, Arch   uint32
	IP         uint64
	Args       [6]uint64
}

type seccompAnswer struct {
	ID    uint64
	Value int64
	Error int32
	Flags uint32
}

// A fault is what becomes of such calls on a directory from the nth on.
type fault struct {
	dir   string
	job   string // of the child; "" is to crawl
	nth   int
	how   string // "error": that one fails; "full": half of it is written, and all that follow fail; "lock": those on archive.lock fail as on a disk that is full
	calls int
	hit   string // which call it was
}

// serve answers until the process has ended.
func (f *fault) serve(fd int) error {
	for {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, -1); err == unix.EINTR {
			continue
		} else if err != nil {
			return err
		}
		if poll[0].Revents&unix.POLLIN == 0 {
			return nil
		}
		var c seccompCall
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&c))); errno != 0 {
			if errno == unix.EINTR || errno == unix.ENOENT {
				continue
			}
			return errno
		}
		answer := seccompAnswer{ID: c.ID, Flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		if n, errno := f.decide(&c); errno != 0 || n > 0 {
			answer = seccompAnswer{ID: c.ID, Value: int64(n), Error: -int32(errno)}
		}
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&answer))); errno != 0 && errno != unix.ENOENT {
			return errno
		}
	}
}

// decide returns the error of a call, or how much of it was written here in its
// place; neither when it is to go on.
func (f *fault) decide(c *seccompCall) (written int, errno syscall.Errno) {
	name := ""
	switch c.NR {
	case unix.SYS_RENAMEAT, unix.SYS_LINKAT, unix.SYS_MKDIRAT, unix.SYS_UNLINKAT:
	default:
		name, _ = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", c.PID, c.Args[0]))
		if !strings.HasPrefix(name, f.dir) {
			return 0, 0
		}
	}
	f.calls++
	if f.nth == 0 || f.calls < f.nth {
		return 0, 0
	}
	if f.calls == f.nth {
		f.hit = calls[c.NR] + " " + filepath.Base(name)
	}
	switch {
	case f.how == "lock" && filepath.Base(name) == "archive.lock" && c.NR == unix.SYS_WRITE:
		return 0, unix.ENOSPC
	case f.how == "error" && f.calls == f.nth:
		return 0, unix.EIO
	case f.how == "full" && f.calls == f.nth && (c.NR == unix.SYS_PWRITE64 || c.NR == unix.SYS_WRITE) && c.Args[2] > 1:
		if n := f.half(c); n > 0 {
			return n, 0
		}
		return 0, unix.ENOSPC
	case f.how == "full" && c.NR != unix.SYS_FSYNC && c.NR != unix.SYS_FDATASYNC && c.NR != unix.SYS_UNLINKAT:
		return 0, unix.ENOSPC
	}
	return 0, 0
}

// half writes the first half of what the process wants to write.
func (f *fault) half(c *seccompCall) int {
	b := make([]byte, c.Args[2]/2)
	local := []unix.Iovec{{Base: &b[0]}}
	local[0].SetLen(len(b))
	remote := []unix.RemoteIovec{{Base: uintptr(c.Args[1]), Len: len(b)}}
	if n, err := unix.ProcessVMReadv(int(c.PID), local, remote, 0); err != nil || n != len(b) {
		return 0
	}
	file, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/%d", c.PID, c.Args[0]), os.O_WRONLY, 0)
	if err != nil {
		return 0
	}
	defer file.Close()
	n := 0
	if c.NR == unix.SYS_PWRITE64 {
		n, _ = file.WriteAt(b, int64(c.Args[3]))
	} else if info, err := file.Stat(); err == nil { // all of ours that are not written by place only grow
		n, _ = file.WriteAt(b, info.Size())
	}
	return n
}

// run runs a child, and returns what it said.
func (f *fault) run(t *testing.T) string {
	t.Helper()
	pair := must[[2]int](t)(unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer ours.Close()
	defer theirs.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), faultDir+"="+f.dir, faultJob+"="+f.job)
	cmd.ExtraFiles = []*os.File{theirs}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	conn := must[net.Conn](t)(net.FileConn(ours))
	defer conn.Close()
	buf, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := conn.(*net.UnixConn).ReadMsgUnix(buf, rights)
	if err != nil || n == 0 {
		_ = cmd.Wait() // it has said why
		t.Skipf("the kernel does not let a process decide about another's calls: %s", out.String())
	}
	messages := must[[]unix.SocketControlMessage](t)(unix.ParseSocketControlMessage(rights[:n]))
	fds := must[[]int](t)(unix.ParseUnixRights(&messages[0]))
	defer unix.Close(fds[0])
	if err := f.serve(fds[0]); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("fault %d (%s, %s): the child ended with %v and said\n%s", f.nth, f.how, f.hit, err, out.String())
	}
	return out.String()
}

// TestFaults has every write, sync, truncation, renaming and making of a directory
// fail in its turn: with an error, or as on a disk that is full. What was said to be kept is
// there when the archive is opened again, whole; nothing is there by half; and
// after a commit that failed none is acknowledged before it is opened again.
// Not beside other tests: until it is another program, a child has their locks.
func TestFaults(t *testing.T) {
	rnd := bolt.Randomly(t)
	base := filled(t, 3)
	run := func(nth int, how string) *fault {
		dir := copyOf(t, base)
		if err := os.Chmod(filepath.Join(dir, "archive.key"), 0o600); err != nil {
			t.Fatal(err)
		}
		f := &fault{dir: dir, nth: nth, how: how}
		out := f.run(t)
		reported := map[string]bool{}
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "https://") {
				reported[strings.TrimSpace(line)] = true
			}
		}
		if n := checkVisits(t, dir, reported); n > 3+len(reported)+1 {
			t.Errorf("fault %d (%s, %s): %d visits are kept, %d were reported:\n%s", nth, how, f.hit, n, len(reported), out)
		}
		if t.Failed() {
			t.Fatalf("fault %d (%s, %s): the child said\n%s", nth, how, f.hit, out)
		}
		if how == "error" && nth > 0 && f.hit != "" && len(reported) < visitsOfChild-2 {
			t.Errorf("fault %d (%s): only %d visits were kept after it:\n%s", nth, f.hit, len(reported), out)
		}
		return f
	}
	whole := run(0, "")
	if whole.calls < 30 {
		t.Fatalf("only %d calls were seen", whole.calls)
	}
	step := 1
	if testing.Short() {
		step = 7
	}
	hits := map[string]int{}
	for nth := 1; nth <= whole.calls; nth += step {
		f := run(nth, []string{"error", "full"}[rnd.IntN(2)])
		what, _, _ := strings.Cut(f.hit, ".new-")
		hits[f.how+" "+what]++
	}
	t.Logf("%d calls; faults: %v", whole.calls, hits)
}

// TestRetainFaults has every call fail in its turn while bodies are dropped: each
// body is there whole afterwards, or known to be dropped, and running it again
// drops the rest.
func TestRetainFaults(t *testing.T) {
	rnd := bolt.Randomly(t)
	base, urls := attachments(t, 6)
	large := map[string]bool{}
	for i, u := range urls {
		large[u] = i%2 == 1
	}
	run := func(nth int, how string) (calls, dropped int) {
		dir := copyOf(t, base)
		f := &fault{dir: dir, job: "retain", nth: nth, how: how}
		out := f.run(t)
		if got := problems(t, dir); len(got) > 0 {
			t.Fatalf("fault %d (%s, %s): Verify: %q; the child said\n%s", nth, how, f.hit, got, out)
		}
		a := open(t, dir, bolt.Options{})
		for target, err := range a.Targets(t.Context(), store.Selection{}) {
			if err != nil {
				t.Fatal(err)
			}
			var gone *store.BodyDropped
			var page extract.Page
			if page, err = a.Capture(t.Context(), target.Capture); errors.As(err, &gone) {
				dropped++
			} else if err != nil || !bytes.Equal(page.Body, attachment(target.URL, large[target.URL])) {
				t.Errorf("fault %d (%s, %s): Capture of %s: %d bytes, %v", nth, how, f.hit, target.URL, len(page.Body), err)
			}
		}
		if done, err := a.Retain(t.Context(), everything, nil); err != nil || done.Bodies != len(urls)-dropped || files(t, dir) != 0 {
			t.Errorf("fault %d (%s, %s): Retain() again = %+v, %v, and %d files, when %d were dropped", nth, how, f.hit, done, err, files(t, dir), dropped)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		return f.calls, dropped
	}
	calls, dropped := run(0, "")
	if dropped != len(urls) || calls < 10 {
		t.Fatalf("%d of %d bodies were dropped in %d calls", dropped, len(urls), calls)
	}
	some := map[int]int{}
	for nth := 1; nth <= calls; nth++ {
		_, dropped := run(nth, []string{"error", "full"}[rnd.IntN(2)])
		some[dropped]++
	}
	t.Logf("%d calls; bodies that were dropped, how often: %v", calls, some)
}

// TestRetainFull drops bodies where not even a lock file can be written.
func TestRetainFull(t *testing.T) {
	base, _ := attachments(t, 6)
	dir := copyOf(t, base)
	f := &fault{dir: dir, job: "retain", nth: 1, how: "lock"}
	if out := f.run(t); out != "" || files(t, dir) != 0 {
		t.Errorf("%d files are left; the child said\n%s", files(t, dir), out)
	}
	if got := problems(t, dir); len(got) > 0 {
		t.Errorf("Verify: %q", got)
	}
}
