package bolt_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"golang.org/x/mod/sumdb/note"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/proof"
)

// bodies are the captures of an archive that can be read whole, by their ids.
func bodies(t *testing.T, dir string) map[string]string {
	t.Helper()
	a := open(t, dir, bolt.Options{ReadOnly: true})
	defer a.Close()
	all := map[string]string{}
	for v, err := range a.Visits(t.Context(), store.VisitQuery{}) {
		if err != nil {
			t.Errorf("Visits of %s: %v", dir, err)
			break
		}
		if p, err := a.Capture(t.Context(), v.Capture); err == nil {
			all[v.Capture] = string(p.Body)
		}
	}
	return all
}

// repaired repairs an archive and returns what was lost. The new one must be
// without fault, and take further visits.
func repaired(t *testing.T, what, dir string) (to string, lost []string) {
	t.Helper()
	to = filepath.Join(t.TempDir(), "new")
	before := content(t, dir)
	r, err := bolt.Repair(t.Context(), dir, to, func(p store.Problem) { lost = append(lost, p.String()) })
	if err != nil {
		t.Errorf("%s: Repair() = %v", what, err)
		return to, lost
	}
	if r.Lost != len(lost) {
		t.Errorf("%s: Repair() says that %d records are lost, and told of %d", what, r.Lost, len(lost))
	}
	for name, b := range content(t, dir) {
		if before[name] != b {
			t.Errorf("%s: Repair() has changed %s", what, name)
		}
	}
	if got := problems(t, to); len(got) > 0 {
		t.Errorf("%s: Verify of the new archive:\n%s\nlost:\n%s", what, strings.Join(got, "\n"), strings.Join(lost, "\n"))
	}
	return to, lost
}

// The kinds of pages, as their flags have them.
const (
	branchPage = 1
	leafPage   = 2
)

// livePages are where the pages of a kind begin that are part of a file, or of
// several.
func livePages(t *testing.T, good []byte, kinds ...byte) (pages []int) {
	live, size := bolt.Live(t, good), os.Getpagesize()
	for page := 2 * size; page < len(good); page += size {
		if live[page] && slices.Contains(kinds, good[page+8]) {
			pages = append(pages, page)
		}
	}
	return pages
}

// nothingLost is repaired for what costs no body and no text, as bodies and texts
// have them.
func nothingLost(t *testing.T, what, dir string, want, articles map[string]string) (to string) {
	t.Helper()
	to, lost := repaired(t, what, dir)
	if d := cmp.Diff(want, bodies(t, to)); d != "" {
		t.Errorf("%s: bodies differ (-want +got)\n%.200s\n%.2000q", what, d, lost)
	}
	if d := cmp.Diff(articles, texts(t, to)); d != "" {
		t.Errorf("%s: articles differ (-want +got)\n%.200s\n%.2000q", what, d, lost)
	}
	return to
}

// evidence ends a test that has failed and keeps the archive that made it fail where
// go test -artifacts says: what random tests find does not come again with their
// seed alone, since no two archives have the same pages.
func evidence(t *testing.T, dir string) {
	t.Helper()
	if t.Failed() {
		if err := os.CopyFS(t.ArtifactDir(), os.DirFS(dir)); err != nil {
			t.Error(err)
		}
		t.FailNow()
	}
}

// goOn commits some visits to an archive.
func goOn(t *testing.T, what, dir string) {
	t.Helper()
	a := must[*bolt.Archive](t)(bolt.Open(dir, bolt.Options{}))
	if err := errors.Join(crawl(a, 5, nil), a.Close()); err != nil {
		t.Errorf("%s: going on with the new archive: %v", what, err)
	}
	if got := problems(t, dir); len(got) > 0 {
		t.Errorf("%s: Verify after going on:\n%s", what, strings.Join(got, "\n"))
	}
}

func TestRepairWhole(t *testing.T) {
	t.Parallel()
	dir := filled(t, 60)
	to, lost := repaired(t, "whole", dir)
	if len(lost) > 0 {
		t.Errorf("of a whole archive %q are lost", lost)
	}
	if got, want := bolt.Dump(t, to), bolt.Dump(t, dir); got != want {
		t.Errorf("the new archive holds something else:\n%s", firstDifference(want, got))
	}
	killed := killed(t, filled(t, 20), 20)
	to, lost = repaired(t, "killed", killed)
	want := journalLines.ReplaceAllString(bolt.Dump(t, killed), "") // what they say is in its place
	if got := bolt.Dump(t, to); got != want || len(lost) > 0 {
		t.Errorf("the new archive of one that was killed holds something else, %q are lost:\n%s", lost, firstDifference(want, got))
	}
	goOn(t, "killed", to)
	if _, err := bolt.Repair(t.Context(), dir, to, nil); err == nil || !strings.Contains(err.Error(), "holds something") {
		t.Errorf("Repair() into an archive = %v", err)
	}
}

var journalLines = regexp.MustCompile("(?m)^journal .*\n")

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range w {
		if i >= len(g) || w[i] != g[i] {
			return fmt.Sprintf("- %.300s\n+ %.300s", w[i], append(g, "")[min(i, len(g))])
		}
	}
	return fmt.Sprintf("+ %.300s", g[len(w)])
}

// writeFlipped writes a file that differs from a good one in one bit.
func writeFlipped(t *testing.T, name string, good []byte, at, bit int) {
	t.Helper()
	bad := bytes.Clone(good)
	bad[at] ^= 1 << bit
	if err := os.WriteFile(name, bad, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestRepairFlipped changes single bytes. What is hit may be lost, and with a
// capture those that cannot be unpacked without it, but not untold.
func TestRepairFlipped(t *testing.T) {
	closedAndKilled(t, 20, 10, repairFlipped)
}

func repairFlipped(t *testing.T, source string) {
	rnd := bolt.Randomly(t)
	name := filepath.Join(source, "archive.db")
	good := must[[]byte](t)(os.ReadFile(name))
	live := bolt.Live(t, good)
	want := bodies(t, source)
	for range 12 {
		at := rnd.IntN(len(good))
		for !live[at] {
			at = rnd.IntN(len(good))
		}
		writeFlipped(t, name, good, at, rnd.IntN(8))
		what := fmt.Sprintf("byte %d", at)
		to, lost := repaired(t, what, source)
		got := bodies(t, to)
		missing := 0
		for id, body := range want {
			if got[id] != body {
				missing++
			}
		}
		gone := slices.ContainsFunc(lost, func(s string) bool { return strings.Contains(s, "captures/") || strings.Contains(s, "visits/") })
		// Without the newest meta page the state before the last transaction is saved.
		if at < 2*os.Getpagesize() {
			gone = slices.ContainsFunc(lost, func(s string) bool { return strings.Contains(s, "what the last transaction wrote") })
		}
		if missing > 0 && !gone {
			t.Errorf("%s: %d bodies are missing, and it is not told: %q", what, missing, lost)
		}
		if missing > 10 {
			t.Errorf("%s: %d of %d bodies are missing: %q", what, missing, len(want), lost)
		}
		goOn(t, what, to)
		evidence(t, source)
	}
}

// TestRepairOfHeads damages what pages say of themselves, of their first element,
// and of where others are, which their neighbours and the pages around them say as well: of the
// records nothing is lost.
func TestRepairOfHeads(t *testing.T) {
	closedAndKilled(t, 20, 10, func(t *testing.T, source string) {
		rnd := bolt.Randomly(t)
		name := filepath.Join(source, "archive.db")
		good := must[[]byte](t)(os.ReadFile(name))
		size := os.Getpagesize()
		want, articles := bodies(t, source), texts(t, source)
		const flags = 8
		heads := map[byte][]int{
			branchPage: {0, flags, 10, 12, 15, 16, 20, 24}, // number, flags, count, overflow; of an element: position, length of the key, child
			leafPage:   {0, flags, 10, 12, 15, 20, 24, 28}, // … position, lengths
		}
		for _, page := range livePages(t, good, branchPage, leafPage) {
			fields := heads[good[page+flags]]
			if count := int(binary.LittleEndian.Uint16(good[page+10:])); good[page+flags] == leafPage && count > 2 {
				fields = append(slices.Clone(fields), 16+16*rnd.IntN(count-1)+4, 16+16*rnd.IntN(count-1)+5) // where any but the last is
			}
			for range 2 {
				field := fields[len(fields)-1-rnd.IntN(len(fields))]
				if field > 16 && good[page+10] == 1 {
					continue // it has no neighbours
				}
				writeFlipped(t, name, good, page+field, rnd.IntN(8))
				what := fmt.Sprintf("page %d, byte %d", page/size, field)
				goOn(t, what, nothingLost(t, what, source, want, articles))
				evidence(t, source)
			}
		}
	})
}

// TestRepairOfEnds damages what the last element of every leaf says of its length,
// which no neighbour says too: pages behind it are not taken for part of it.
func TestRepairOfEnds(t *testing.T) {
	closedAndKilled(t, 20, 10, func(t *testing.T, source string) {
		rnd := bolt.Randomly(t)
		name := filepath.Join(source, "archive.db")
		good := must[[]byte](t)(os.ReadFile(name))
		want, articles := bodies(t, source), texts(t, source)
		for _, page := range livePages(t, good, leafPage) {
			last := page + 16*int(binary.LittleEndian.Uint16(good[page+10:]))
			if binary.LittleEndian.Uint32(good[last:]) == 1 {
				continue // of a bucket
			}
			at := last + []int{9, 13, 13, 14, 14}[rnd.IntN(5)] // length of the key, of the value
			writeFlipped(t, name, good, at, rnd.IntN(8))
			what := fmt.Sprintf("page %d, byte %d", page/os.Getpagesize(), at)
			to, lost := repaired(t, what, source)
			if n := len(want) - len(bodies(t, to)); n > 10 { // those that need it
				t.Errorf("%s: %d of %d bodies are missing: %.2000q", what, n, len(want), lost)
			}
			if n := len(articles) - len(texts(t, to)); n > 1 {
				t.Errorf("%s: %d of %d articles are missing: %.2000q", what, n, len(articles), lost)
			}
			if len(lost) > 12 {
				t.Errorf("%s: %d records are lost: %.2000q", what, len(lost), lost)
			}
		}
	})
}

// TestRepairOfKeys damages keys: the names of all buckets, and of every leaf one
// key somewhere and the last. No more than the record is lost, and what cannot be
// unpacked without it.
func TestRepairOfKeys(t *testing.T) {
	closedAndKilled(t, 20, 10, func(t *testing.T, source string) {
		rnd := bolt.Randomly(t)
		name := filepath.Join(source, "archive.db")
		good := must[[]byte](t)(os.ReadFile(name))
		size := os.Getpagesize()
		want, articles := bodies(t, source), texts(t, source)
		u32 := func(at int) int { return int(binary.LittleEndian.Uint32(good[at:])) }
		for _, page := range livePages(t, good, leafPage) {
			count := int(binary.LittleEndian.Uint16(good[page+10:]))
			var chosen []int
			for i := range count {
				if u32(page+16+16*i) == 1 { // a bucket
					chosen = append(chosen, i)
				}
			}
			if chosen == nil && count > 0 {
				chosen = []int{rnd.IntN(count), count - 1}
			}
			for _, i := range chosen {
				e := page + 16 + 16*i
				at := e + u32(e+4) + rnd.IntN(u32(e+8))
				writeFlipped(t, name, good, at, rnd.IntN(8))
				what := fmt.Sprintf("page %d, key %d, byte %d", page/size, i, at)
				to, lost := repaired(t, what, source)
				missing := 0
				for id, body := range bodies(t, to) {
					if want[id] != body {
						t.Errorf("%s: capture %s is not what it was", what, id)
					}
					missing--
				}
				if missing += len(want); missing > 10 {
					t.Errorf("%s: %d of %d bodies are missing: %.2000q", what, missing, len(want), lost)
				}
				if n := len(articles) - len(texts(t, to)); n > 1 {
					t.Errorf("%s: %d of %d articles are missing: %.2000q", what, n, len(articles), lost)
				}
				goOn(t, what, to)
				evidence(t, source)
			}
		}
	})
}

// TestRound has branch pages lead to themselves and to those above them, which
// bbolt would follow for ever: every way to read the archive ends, and says so.
func TestRound(t *testing.T) {
	t.Parallel()
	dir := killed(t, filled(t, 60), 40)
	name := filepath.Join(dir, "archive.db")
	good := must[[]byte](t)(os.ReadFile(name))
	all, size := livePages(t, good, branchPage), os.Getpagesize()
	if len(all) < 5 {
		t.Fatalf("%d branch pages", len(all))
	}
	for _, page := range all {
		for _, to := range []int{page, all[0], all[len(all)-1]} {
			bad := bytes.Clone(good)
			last := int(binary.LittleEndian.Uint16(good[page+10:])) - 1
			for _, i := range []int{0, last} {
				binary.LittleEndian.PutUint64(bad[page+16+16*i+8:], uint64(to/size))
			}
			if err := os.WriteFile(name, bad, 0o666); err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("page %d leads to %d", page/size, to/size)
			if a, err := bolt.Open(dir, bolt.Options{ReadOnly: true}); err == nil {
				for _, err := range a.Articles(t.Context(), store.Query{History: true}) {
					if err != nil {
						break
					}
				}
				for _, err := range a.Visits(t.Context(), store.VisitQuery{}) {
					if err != nil {
						break
					}
				}
				for _, err := range a.Targets(t.Context(), store.Selection{}) {
					if err != nil {
						break
					}
				}
				a.Close()
			}
			a := open(t, dir, bolt.Options{ReadOnly: true, Damaged: true})
			found := false
			for range a.Verify(t.Context()) {
				found = true
			}
			if a.Close(); !found {
				t.Errorf("%s: Verify() finds nothing", what)
			}
			repaired(t, what, dir)
		}
	}
}

// TestMisled has branch pages lead to pages that are not theirs, also into the
// middle of what goes on for several: nothing is lost.
func TestMisled(t *testing.T) {
	t.Parallel()
	dir := filled(t, 60)
	name := filepath.Join(dir, "archive.db")
	good := must[[]byte](t)(os.ReadFile(name))
	size := os.Getpagesize()
	want, articles := bodies(t, dir), texts(t, dir)
	rnd := bolt.Randomly(t)
	for _, page := range livePages(t, good, branchPage) {
		count := int(binary.LittleEndian.Uint16(good[page+10:]))
		for range 12 {
			bad, child, to := bytes.Clone(good), rnd.IntN(count), 2+rnd.IntN(len(good)/size-2)
			if rnd.IntN(2) == 0 {
				child = 0
			}
			binary.LittleEndian.PutUint64(bad[page+16+16*child+8:], uint64(to))
			if err := os.WriteFile(name, bad, 0o666); err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("child %d of page %d is %d", child, page/size, to)
			nothingLost(t, what, dir, want, articles)
			evidence(t, dir)
		}
	}
}

// TestFarNumbers damages numbers in indexes, which have no checksums: what was never
// there is not told as lost.
func TestFarNumbers(t *testing.T) {
	t.Parallel()
	dir := filled(t, 60)
	name := filepath.Join(dir, "archive.db")
	good := must[[]byte](t)(os.ReadFile(name))
	size := os.Getpagesize()
	want := bodies(t, dir)
	u32 := func(at int) int { return int(binary.LittleEndian.Uint32(good[at:])) }
	for _, page := range livePages(t, good, leafPage) {
		e := page + 16 // the first element: its key, and its value
		key, value := e+u32(e+4), e+u32(e+4)+u32(e+8)
		for _, at := range []int{key, value} {
			n := u32(e + 8)
			if at == value {
				n = u32(e + 12)
			}
			if n < 8 || n > 40 {
				continue
			}
			writeFlipped(t, name, good, at+n-3, 2) // by 2^18
			what := fmt.Sprintf("byte %d of page %d", at+n-3-page, page/size)
			to, lost := repaired(t, what, dir)
			if len(lost) > 200 {
				t.Errorf("%s: %d records are told as lost", what, len(lost))
			}
			if n := len(want) - len(bodies(t, to)); n > 0 {
				t.Errorf("%s: %d bodies are missing: %.2000q", what, n, lost)
			}
			evidence(t, dir)
		}
	}
}

// TestRepairReread damages an archive whose versions were read again: every page
// is cleared, and of every leaf a bit flipped. What is saved of a version is its
// last reading, or that is told as lost.
func TestRepairReread(t *testing.T) {
	t.Parallel()
	dir := filled(t, 20)
	a := must[*bolt.Archive](t)(bolt.Open(dir, bolt.Options{}))
	err := crawl(a, 20, nil)
	for again := range 2 {
		err = errors.Join(err, rereadAll(t, a, fmt.Sprintf("Read %d times.", again+2)))
	}
	if err := errors.Join(err, a.Close()); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "archive.db")
	good := must[[]byte](t)(os.ReadFile(name))
	live, size := bolt.Live(t, good), os.Getpagesize()
	want := readings(t, dir)
	rnd := bolt.Randomly(t)
	check := func(what string) {
		to, lost := repaired(t, what, dir)
		got := readings(t, to)
		older, missing := 0, 0
		for version, text := range want {
			switch has, ok := got[version]; {
			case !ok:
				missing++
			case has != text:
				older++
			}
		}
		told := 0
		for _, l := range lost {
			if strings.HasPrefix(l, "readings/") {
				told++
			}
		}
		if older > told && !slices.ContainsFunc(lost, func(s string) bool { return strings.Contains(s, "what the last transaction wrote") }) {
			t.Errorf("%s: %d versions are not what they were, and %d readings are told as lost: %.2000q", what, older, told, lost)
		}
		if missing > 0 && len(lost) == 0 {
			t.Errorf("%s: %d versions are missing, and nothing is told", what, missing)
		}
		// In the order of their numbers, and going on with the last.
		goOn(t, what, to)
		evidence(t, dir)
	}
	for page := 2 * size; page < len(good); page += size {
		if !live[page] {
			continue
		}
		bad := bytes.Clone(good)
		clear(bad[page : page+size])
		if err := os.WriteFile(name, bad, 0o666); err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("page %d cleared", page/size))
		if at := page + rnd.IntN(size); live[at] {
			writeFlipped(t, name, good, at, rnd.IntN(8))
			check(fmt.Sprintf("byte %d of page %d", at%size, page/size))
		}
	}
	used := len(bytes.TrimRight(good, "\x00"))
	for range 5 {
		if err := os.WriteFile(name, good[:used/2+rnd.IntN(used/2)], 0o666); err != nil {
			t.Fatal(err)
		}
		to, _ := repaired(t, "truncated", dir)
		goOn(t, "truncated", to)
		evidence(t, dir)
	}
}

// rereadAll reads all versions again, as with this lead.
func rereadAll(t *testing.T, a *bolt.Archive, lead string) (err error) {
	for v, e := range a.Articles(t.Context(), store.Query{History: true}) {
		var article extract.Article
		err = errors.Join(err, e, json.Unmarshal(v.JSON, &article))
		article.Lead = extract.Text(lead)
		article.ContentHash = article.Hash()
		_, e = a.Reread(t.Context(), time.Now(), store.Rereading{Cursor: v.Cursor, Article: &article})
		err = errors.Join(err, e)
	}
	return err
}

// texts are what the versions say that can be read, by their article and number.
func texts(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := readings(t, dir)
	for version, text := range all {
		all[version] = gjson.Get(text, "body").String()
	}
	return all
}

// readings are the same with all that the versions were read as.
func readings(t *testing.T, dir string) map[string]string {
	t.Helper()
	a := open(t, dir, bolt.Options{ReadOnly: true})
	defer a.Close()
	all := map[string]string{}
	for v, err := range a.Articles(t.Context(), store.Query{History: true}) {
		if err != nil {
			t.Fatal(err)
		}
		all[fmt.Sprintf("%s %d", v.ID, v.Number)] = string(v.JSON)
	}
	return all
}

// TestRepairHurt damages more at once.
func TestRepairHurt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		hurt func(b []byte) []byte
		keep int // bodies of 120 at least
	}{
		{"both meta pages", func(b []byte) []byte { clear(b[:8192]); return b }, 120},
		{"cut short by a page", func(b []byte) []byte { return b[:len(bytes.TrimRight(b, "\x00"))-4096] }, 60},
		{"cut in the middle of what is used", func(b []byte) []byte { return b[:len(bytes.TrimRight(b, "\x00"))*2/3] }, 60},
		{"every tenth page", func(b []byte) []byte {
			for at := 5 * 4096; at+4096 <= len(b); at += 10 * 4096 {
				clear(b[at : at+4096])
			}
			return b
		}, 0}, // it may have been the captures without which the others cannot be unpacked
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			dir := filled(t, 120)
			name := filepath.Join(dir, "archive.db")
			want := bodies(t, dir)
			if err := os.WriteFile(name, c.hurt(must[[]byte](t)(os.ReadFile(name))), 0o666); err != nil {
				t.Fatal(err)
			}
			to, lost := repaired(t, c.name, dir)
			got := bodies(t, to)
			for id := range want {
				if body, ok := got[id]; ok && body != want[id] {
					t.Errorf("capture %s is not what it was", id)
				}
			}
			t.Logf("%d of %d bodies saved, %d records lost", len(got), len(want), len(lost))
			if len(got) < c.keep {
				t.Errorf("%d of %d bodies saved, want %d: %q", len(got), len(want), c.keep, lost)
			}
			goOn(t, c.name, to)
			// What was lost once is not told again.
			if _, lost := repaired(t, c.name+", repaired again", to); len(lost) > 0 {
				t.Errorf("repaired again, %q are lost", lost)
			}
		})
	}
}

func TestRepairBlob(t *testing.T) {
	t.Parallel()
	dir := filled(t, 60)
	names := must[[]string](t)(filepath.Glob(filepath.Join(dir, "blobs", "*", "*")))
	if len(names) == 0 {
		t.Fatal("no blobs")
	}
	if err := os.Remove(names[0]); err != nil {
		t.Fatal(err)
	}
	to, lost := repaired(t, "without a blob", dir)
	if len(lost) == 0 || !strings.Contains(strings.Join(lost, "\n"), "its body is lost") || !strings.Contains(lost[len(lost)-1], "https://") {
		t.Errorf("lost: %q", lost)
	}
	// It is due again, and kept when it comes.
	a := open(t, to, bolt.Options{})
	if err := errors.Join(crawl(a, 150, nil), a.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(to, "blobs", filepath.Base(filepath.Dir(names[0])), filepath.Base(names[0]))); err != nil {
		t.Errorf("the body was not kept again: %v", err)
	}
	if got := problems(t, to); len(got) > 0 {
		t.Errorf("Verify: %q", got)
	}
}

// TestRepairCut cuts the file short at many places. Targets whose records are lost
// with it stand in what visits and indexes know of them.
func TestRepairCut(t *testing.T) {
	t.Parallel()
	dir := filled(t, 120)
	name := filepath.Join(dir, "archive.db")
	good := must[[]byte](t)(os.ReadFile(name))
	used := len(bytes.TrimRight(good, "\x00"))
	versions := texts(t, dir)
	lostTargets, lostVersions := 0, 0
	cut := func(part, parts int) {
		what := fmt.Sprintf("%d of %d parts", part, parts)
		if err := os.WriteFile(name, good[:used*part/parts], 0o666); err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(t.TempDir(), "new")
		var lost []string
		_, err := bolt.Repair(t.Context(), dir, to, func(p store.Problem) {
			lost = append(lost, p.String())
			if strings.HasPrefix(p.Where, "targets/") {
				lostTargets++
			}
		})
		if err != nil {
			if part*6 > parts {
				t.Errorf("%s: Repair() = %v", what, err)
			}
			return
		}
		if got := problems(t, to); len(got) > 0 {
			t.Errorf("%s: Verify of the new archive:\n%s", what, strings.Join(got, "\n"))
		}
		// Of an article that some visit still knows it is told what is lost, and where it was.
		kept := texts(t, to)
		a := open(t, to, bolt.Options{ReadOnly: true})
		for v, err := range a.Visits(t.Context(), store.VisitQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("%s %d", v.Article, v.Version)
			if v.Article == "" || versions[name] == "" || kept[name] != "" {
				continue
			}
			lostVersions++
			if !slices.ContainsFunc(lost, func(s string) bool {
				return strings.Contains(s, v.Article) && strings.Contains(s, v.Target.URL)
			}) {
				t.Errorf("%s: version %d of %s (%s) is lost, and it is not told: %q", what, v.Version, v.Article, v.Target.URL, lost)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		goOn(t, what, to)
	}
	// Which pages are where follows from when the workers had their turns: what no
	// cut has hit is looked for between the cuts.
	for parts := 12; parts <= 96 && (lostTargets == 0 || lostVersions == 0); parts *= 2 {
		for part := 1; part < parts; part++ {
			if parts == 12 || part%2 == 1 {
				cut(part, parts)
			}
		}
	}
	if lostTargets == 0 || lostVersions == 0 {
		t.Errorf("%d targets and %d versions were lost: this tests nothing", lostTargets, lostVersions)
	}
}

// originOf is what the log of an archive is called.
func originOf(t *testing.T, dir string) string {
	t.Helper()
	a := open(t, dir, bolt.Options{})
	signed := must[[]byte](t)(a.Checkpoint(t.Context()))
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(string(signed), "\n")
	return name
}

// TestRepairKey damages the record that says what the log is called: the key
// says it too. A key that is damaged is told, and not taken over.
func TestRepairKey(t *testing.T) {
	t.Parallel()
	dir := filled(t, 60)
	want := originOf(t, dir)
	name, key := filepath.Join(dir, "archive.db"), filepath.Join(dir, "archive.key")
	good, secret := must[[]byte](t)(os.ReadFile(name)), must[[]byte](t)(os.ReadFile(key))
	if err := os.WriteFile(name, bytes.ReplaceAll(good, []byte(`"program"`), []byte(`"pRogram"`)), 0o666); err != nil {
		t.Fatal(err)
	}
	to, lost := repaired(t, "damaged", dir)
	if got := must[[]byte](t)(os.ReadFile(filepath.Join(to, "archive.key"))); !bytes.Equal(got, secret) {
		t.Error("the key was not taken over")
	}
	if !slices.ContainsFunc(lost, func(s string) bool { return strings.HasPrefix(s, "meta/archive: ") }) {
		t.Errorf("the record was not lost: this tests nothing: %q", lost)
	}
	if got := originOf(t, to); got != want {
		t.Errorf("the log is called %s, and was %s", got, want)
	}
	if got := problems(t, to); len(got) > 0 {
		t.Errorf("Verify of what the key has signed: %q", got)
	}
	again, _ := repaired(t, "repaired again", to)
	if got := originOf(t, again); got != want {
		t.Errorf("repaired again the log is called %s, and was %s", got, want)
	}

	if err := os.WriteFile(key, secret[:len(secret)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	to, lost = repaired(t, "with half a key", dir)
	if !slices.ContainsFunc(lost, func(s string) bool { return strings.HasPrefix(s, "archive.key: ") }) {
		t.Errorf("that the key is lost was not told: %q", lost)
	}
	if got := originOf(t, to); got != want {
		t.Errorf("the log is called %s without its key, and was %s: its checkpoint says so", got, want)
	}
}

// TestRepairLog cuts the end of a log off. What is left goes on under another
// name, which says so: nobody is shown two logs with one name.
func TestRepairLog(t *testing.T) {
	dir := filled(t, 30)
	a := open(t, dir, bolt.Options{})
	early := must[[]byte](t)(a.Checkpoint(t.Context()))
	if err := errors.Join(crawl(a, 90, nil), a.Close()); err != nil {
		t.Fatal(err)
	}
	a = open(t, dir, bolt.Options{ReadOnly: true})
	late := must[[]byte](t)(a.Checkpoint(t.Context()))
	oldKeys := must[[]string](t)(a.Keys(t.Context()))
	a.Close()
	was := originOf(t, dir)
	name := filepath.Join(dir, "archive.db")
	good := must[[]byte](t)(os.ReadFile(name))

	// One visit whose record is damaged does not matter: the log knows its hash.
	at := bytes.LastIndex(good, []byte(`"result":"fetched"`))
	if err := os.WriteFile(name, slices.Concat(good[:at], []byte(`"resulT"`), good[at+8:]), 0o666); err != nil {
		t.Fatal(err)
	}
	to, lost := repaired(t, "a visit is damaged", dir)
	if got := originOf(t, to); got != was || len(lost) == 0 {
		t.Errorf("the log is called %s, and was %s; lost: %q", got, was, lost)
	}

	// Where a cut hits depends on where the pages lie: one is looked for that takes
	// some of the visits.
	var former []proof.Former
	used := len(bytes.TrimRight(good, "\x00"))
	for part := 10; part > 2; part-- {
		if err := os.WriteFile(name, good[:used*part/16], 0o666); err != nil {
			t.Fatal(err)
		}
		to, lost = repaired(t, "cut short", dir)
		a = open(t, to, bolt.Options{ReadOnly: true})
		former = must[[]proof.Former](t)(a.Former(t.Context()))
		a.Close()
		if len(former) == 1 && former[0].Kept < 120 {
			break
		}
	}
	if len(former) != 1 || former[0].Origin != was || former[0].Kept >= 120 || former[0].Why == "" || former[0].Ended.IsZero() {
		t.Fatalf("Former() = %+v", former)
	}
	if !slices.ContainsFunc(lost, func(s string) bool {
		return strings.HasPrefix(s, "archive.key: ") && strings.Contains(s, "goes on as luutin/")
	}) {
		t.Errorf("that the log goes on as another is not told: %q", lost)
	}
	goOn(t, "cut short", to)
	a = open(t, to, bolt.Options{ReadOnly: true})
	keys := must[[]string](t)(a.Keys(t.Context()))
	now := must[[]byte](t)(a.Checkpoint(t.Context()))
	f := former[0]
	c, err := proof.OpenCheckpoint(now, keys[len(keys)-1])
	if err != nil || c.Origin == was || c.Follows != was || c.Kept != f.Kept {
		t.Errorf("checkpoint %+v, %v, want one that follows %s", c, err, was)
	}
	if _, err := proof.OpenCheckpoint(now, oldKeys...); err == nil {
		t.Error("the key of the old log has signed the new one")
	}
	for i, key := range []string{oldKeys[0], keys[len(keys)-1]} {
		v := must[note.Verifier](t)(note.NewVerifier(key))
		n, err := note.Open([]byte(f.Statement), note.VerifierList(v))
		if err != nil || !strings.Contains(n.Text, "\nold "+was+"\nkept ") || !strings.Contains(n.Text, "\nnew "+c.Origin+"\nkey "+keys[len(keys)-1]+"\n") {
			t.Errorf("key %d has not signed the statement: %v\n%s", i, err, f.Statement)
		}
	}
	if _, err := a.Follows(t.Context(), late); err == nil || !strings.Contains(err.Error(), "could be saved") {
		t.Errorf("Follows(checkpoint of what is lost) = %v", err)
	}
	if f.Kept >= 30 {
		if _, err := a.Follows(t.Context(), early); err != nil {
			t.Errorf("Follows(checkpoint of what was saved) = %v", err)
		}
		p := must[proof.Proof](t)(a.Prove(t.Context(), 5))
		if _, c, err := p.Check(keys...); err != nil || c.Follows != was {
			t.Errorf("Prove() = %v, %+v", err, c)
		}
	} else {
		t.Errorf("%d visits were saved: this tests little", f.Kept)
	}
	a.Close()
	// It stays what it is.
	again, _ := repaired(t, "repaired again", to)
	if got := originOf(t, again); got != c.Origin {
		t.Errorf("repaired again the log is called %s, and was %s", got, c.Origin)
	}
}

// TestRepairStopped repairs into a directory where a repair was killed.
func TestRepairStopped(t *testing.T) {
	t.Parallel()
	dir := filled(t, 20)
	to := filepath.Join(t.TempDir(), "new")
	key := must[[]byte](t)(os.ReadFile(filepath.Join(dir, "archive.key")))
	if err := errors.Join(os.MkdirAll(filepath.Join(to, "blobs"), 0o777),
		os.WriteFile(filepath.Join(to, "archive.db.new-repair"), []byte("half"), 0o666),
		os.WriteFile(filepath.Join(to, "archive.key"), key, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Repair(t.Context(), dir, to, nil); err != nil {
		t.Fatalf("Repair() = %v", err)
	}
	for name := range content(t, to) {
		if strings.Contains(name, ".new-") {
			t.Errorf("%s is left", name)
		}
	}
	if got := problems(t, to); len(got) > 0 {
		t.Errorf("Verify: %q", got)
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := errors.Join(os.MkdirAll(other, 0o777), os.WriteFile(filepath.Join(other, "archive.key"), []byte("another"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Repair(t.Context(), dir, other, nil); err == nil || !strings.Contains(err.Error(), "holds something (archive.key)") {
		t.Errorf("Repair() beside another key = %v", err)
	}
}

// TestRepairOfBundles wipes out the pages with which bundles begin: what lies behind
// them is found all the same.
func TestRepairOfBundles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "archive")
	a := open(t, dir, bolt.Options{})
	want := map[string]string{}
	for n := range 3 {
		bodies := map[string][]byte{}
		for i := range 40 {
			bodies[fmt.Sprintf("https://h%d.example/%d", i, n)] = noise(uint64(100*n+i), 2000+i)
		}
		maps.Copy(want, visitAll(t, a, bodies))
	}
	a.Close()
	name := filepath.Join(dir, "archive.db")
	good := must[[]byte](t)(os.ReadFile(name))
	size, tried := os.Getpagesize(), 0
	for _, page := range livePages(t, good, leafPage) {
		if binary.LittleEndian.Uint32(good[page+12:]) < 10 {
			continue
		}
		tried++
		bad := bytes.Clone(good)
		clear(bad[page : page+size])
		if err := os.WriteFile(name, bad, 0o666); err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("page %d", page/size)
		to, lost := repaired(t, what, dir)
		if n := len(want) - len(bodies(t, to)); n < 1 || n > 3 {
			t.Errorf("%s: %d of %d bodies are lost: %.1000q", what, n, len(want), lost)
		}
	}
	if tried < 3 {
		t.Errorf("%d pages are those of bundles", tried)
	}
}
