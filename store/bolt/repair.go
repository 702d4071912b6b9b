package bolt

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"luutin/store"
	"luutin/store/proof"
)

// bucketLost names what a repair could not save: where a record was -> what is
// known of it. Only an archive that was repaired has it.
var bucketLost = []byte("lost")

// A lostRecord is one that a repair could not save, or not all of it.
type lostRecord struct {
	What string    `json:"what"`
	URL  string    `json:"url,omitempty"`
	When time.Time `json:"when"` // of the repair
}

// lost says whether a record was lost, so that there is nothing to tell.
func (s *snapshot) lost(bucket, k []byte) bool {
	b := s.Bucket(bucketLost)
	return b != nil && b.Get([]byte(where(bucket, k))) != nil
}

// repaired says whether something was lost at all.
func (s *snapshot) repaired() bool { return s.Bucket(bucketLost) != nil }

// lastSeq is the last number that was given in a bucket whose records are
// counted from 1: that of one that was lost is not given again.
func (s *snapshot) lastSeq(name []byte) (last uint64, err error) {
	if k := s.Bucket(name).last(); k != nil {
		if last, err = readSeq(k); err != nil {
			return 0, err
		}
	}
	b := s.Bucket(bucketLost)
	if b == nil {
		return last, nil
	}
	c := b.unchanged()
	k, _ := c.Seek([]byte(string(name) + "0"))
	if k == nil {
		k, _ = c.Last()
	} else {
		k, _ = c.Prev()
	}
	for ; ; k, _ = c.Prev() {
		digits, ok := bytes.CutPrefix(k, []byte(string(name)+"/"))
		if !ok {
			return last, nil
		}
		if len(digits) != 16 {
			continue // whose number is not known
		}
		raw, err := hex.DecodeString(string(digits))
		if err != nil {
			return 0, fmt.Errorf("lost/%s: %w", k, err)
		}
		return max(last, binary.BigEndian.Uint64(raw)), nil
	}
}

// Repaired says what Repair has done.
type Repaired struct {
	Stats store.Stats // of the new archive
	Lost  int         // records that could not be saved, or not all of them
}

// Repair writes what can be read of the archive in dir, whatever is damaged, to
// the directory to, which must not exist or be empty. The archive in dir stays
// as it is. lost is told of every record that could not be saved, and of its
// URL where that is known. What is derived from records is made anew: indexes,
// counts, the log as far as the visits are known. It returns a *store.InUse
// when another process writes to the archive.
func Repair(ctx context.Context, dir, to string, lost func(p store.Problem)) (Repaired, error) {
	r := &repair{ctx: ctx, tell: lost, lost: map[string]lostRecord{}, urls: map[hash16]string{}, named: map[versionName]bool{}, to: &Archive{dir: to, readOnly: true}}
	err := r.run(dir)
	if ctx.Err() != nil && err != nil {
		err = ctx.Err()
	}
	if err != nil {
		return r.Repaired, fmt.Errorf("repair %s: %w", dir, err)
	}
	return r.Repaired, nil
}

// A repair is one on its way.
type repair struct {
	Repaired
	ctx  context.Context
	tell func(store.Problem)
	from *Archive
	old  *snapshot // what can be read of it
	to   *Archive
	db   *bbolt.DB
	tx   *bbolt.Tx // of db
	size int       // written in it
	now  time.Time

	made  archiveRecord // of the new archive
	keys  keysRecord
	signs bool   // the key of the old archive is that of the new one
	key   []byte // that of a log which follows the old one; nil when the old one goes on
	lost  map[string]lostRecord
	urls  map[hash16]string          // of articles, as visits know them
	named map[versionName]bool       // versions that are saved, or told as lost
	found map[string]map[string]spot // bucket, key: the record, to which no tree leads
}

// A spot is where a record was found: an element of a page, or, when that is 0, so
// many bytes of the file.
type spot struct {
	page uint64
	at   int64
	size uint32
}

// A versionName is what a version is called.
type versionName struct {
	article hash16
	number  int
}

func (r *repair) run(dir string) (err error) {
	if err := r.room(dir); err != nil {
		return err
	}
	if r.from, err = Open(dir, Options{ReadOnly: true, Damaged: true}); err != nil {
		return err
	}
	defer r.from.Close()
	if r.from.lent != nil { // its meta pages are ahead of what was lent
		return r.from.inUse()
	}
	r.now = keptTime(r.from.clock())
	if err := (&copying{ctx: r.ctx, from: r.from, to: r.to}).apart(); err != nil {
		return err
	}
	if _, err := os.ReadFile(r.from.path(keyName)); errors.Is(err, fs.ErrPermission) {
		return readable(err)
	}
	if err := r.read(); err != nil {
		return err
	}
	defer func() { _ = r.from.guard(r.old.Rollback) }() // it only read
	if err := os.MkdirAll(r.to.dir, 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(r.to.dir, dbName+tempMark+"*")
	if err != nil {
		return err
	}
	name := f.Name()
	defer os.Remove(name)
	r.to.name = filepath.Base(name)
	if err := errors.Join(f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	if r.db, err = bbolt.Open(name, 0o644, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoSync: true}); err != nil {
		return err
	}
	err = r.from.guard(r.write)
	if r.tx != nil {
		err = errors.Join(err, r.tx.Rollback())
	}
	if err = errors.Join(err, r.db.Sync(), r.db.Close()); err != nil {
		return err
	}
	if err := r.count(); err != nil {
		return err
	}
	if r.Stats, err = r.stats(); err != nil {
		return err
	}
	if err := r.copyKey(); err != nil {
		return err
	}
	if err := errors.Join(putNew(name, r.to.path(dbName)), syncDir(r.to.dir), syncDir(filepath.Dir(r.to.dir))); err != nil || r.key == nil {
		return err
	}
	// Without it another would be made, by the next who signs.
	return r.to.keepKey(r.key)
}

// room refuses a directory that holds something but what a repair has left that
// was stopped.
func (r *repair) room(dir string) error {
	entries, err := os.ReadDir(r.to.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if name := e.Name(); name != blobsDir && !strings.Contains(name, tempMark) && !(name == keyName && r.sameKey(dir)) {
			return fmt.Errorf("%s holds something (%s); name a new or an empty directory", r.to.dir, e.Name())
		}
	}
	return r.to.sweep()
}

// sameKey says whether the key that lies in the new directory is that of dir.
func (r *repair) sameKey(dir string) bool {
	b, err := os.ReadFile(r.to.path(keyName))
	if err != nil {
		return false
	}
	old, err := os.ReadFile(filepath.Join(dir, keyName))
	return err == nil && bytes.Equal(b, old)
}

// read opens the pages, and looks for records in those that no tree leads to.
func (r *repair) read() error {
	var err error
	if r.old, err = r.from.begin(); err != nil {
		return err
	}
	if r.old.salvage == nil {
		err = r.from.guard(func() (err error) {
			r.old.salvage, err = openSalvage(r.from.file, uint64(r.old.Tx.Cursor().Bucket().Root()))
			return err
		})
		if err != nil {
			return err
		}
	}
	// Where every page is in its place, others only hold what was given up.
	c := &check{a: r.from, ctx: r.ctx}
	s := r.old.salvage
	pages := c.checkPages(s.root, s.pageSize, s.pages())
	metas, _ := readMetas(r.from.file) // what is wrong with them is told by verify
	for _, m := range metas {
		if m.root == s.root && !pages.damaged { // what nothing leads to is lost, or was given up
			pages.pages = min(pages.pages, m.pages)
			pages.free(m.freelist)
		}
	}
	damaged := pages.damaged || s.doubtful
	r.found = map[string]map[string]spot{}
	look := func(page uint64, e element, anywhere bool) {
		if name := recordOf(e.key, e.value); name != nil && !r.whole(name, e.key) && (anywhere || r.old.Bucket(name).Get(e.key) != nil) {
			if old := r.stray(name, e.key); old == nil || later(name, e.key, old, e.value) {
				r.find(name, e.key, spot{page: page})
			}
		}
	}
	s.orphans(func(page uint64, e element) { look(page, e, damaged) })
	// A bundle holds records that nothing else may lead to any more.
	if t := s.trees[string(bucketCaptures)]; t != nil {
		for _, l := range t.at {
			elements, _ := salvagePage(s.read(l.page))
			for _, e := range elements {
				if isBundle(e.value) {
					e.bundled(func(e element) { look(l.page, e, true) })
				}
			}
		}
	}
	r.looseOf()
	return nil
}

// looseOf looks for the records of bundles that nothing leads to since the page is
// damaged with which they begin: what their entries say is of use when it is known
// where one of them stands.
func (r *repair) looseOf() {
	s := r.old.salvage
	t := s.trees[string(bucketCaptures)]
	if t == nil {
		return
	}
	missing := map[uint64][]element{} // entries, by the first of the bundle
	for i := range t.at {
		for _, e := range t.elements(&t.at[i]) {
			if m, ok := memberOf(e.key, e.value); ok && r.stray(bucketCaptures, e.key) == nil && !r.whole(bucketCaptures, e.key) {
				missing[m.first] = append(missing[m.first], element{key: bytes.Clone(e.key), value: bytes.Clone(e.value)})
			}
		}
	}
	for _, entries := range missing {
		begin := r.beginning(entries)
		for _, e := range entries {
			m, _ := memberOf(e.key, e.value)
			if at := (spot{at: begin + int64(m.at), size: m.size}); begin > 0 && r.isLoose(e.key, at) {
				r.find(bucketCaptures, e.key, at)
			}
		}
	}
}

// beginning finds where in the file a bundle begins, 0 when it is not found: behind
// the heads of few elements, in a page that is part of no tree.
func (r *repair) beginning(entries []element) int64 {
	s := r.old.salvage
	// What is damaged is the beginning, so that the last is the likeliest to be whole.
	for _, e := range slices.Backward(entries[max(0, len(entries)-3):]) {
		m, _ := memberOf(e.key, e.value)
		for id := uint64(2); id < s.pages(); id++ {
			if s.reached.has(id) || s.free != nil && s.free.has(id) {
				continue
			}
			for heads := range int64(4) {
				begin := int64(id*s.pageSize) + pageHead + (heads+1)*elementHead + int64(len(e.key))
				if r.isLoose(e.key, spot{at: begin + int64(m.at), size: m.size}) {
					return begin
				}
			}
		}
	}
	return 0
}

// isLoose says whether a record stands in the file, behind its length.
func (r *repair) isLoose(k []byte, at spot) bool {
	length := r.readSpot(spot{at: at.at - lengthSize, size: lengthSize})
	if length == nil || binary.BigEndian.Uint32(length) != at.size || at.size > maxLeaf {
		return false
	}
	_, err := unseal(k, r.readSpot(at))
	return err == nil
}

// readSpot reads bytes of the file; nil when they cannot be read.
func (r *repair) readSpot(at spot) []byte {
	v := make([]byte, at.size)
	if _, err := r.old.salvage.f.ReadAt(v, at.at); err != nil {
		return nil
	}
	return v
}

// find notes where a record is.
func (r *repair) find(bucket, k []byte, at spot) {
	if r.found[string(bucket)] == nil {
		r.found[string(bucket)] = map[string]spot{}
	}
	r.found[string(bucket)][string(k)] = at
}

// stray returns a record that no tree leads to; nil when none was found. It is
// read when it is asked for: there may be as many as fit into the file.
func (r *repair) stray(bucket, k []byte) (v []byte) {
	s, ok := r.found[string(bucket)][string(k)]
	switch {
	case !ok:
		return nil
	case s.page == 0:
		return r.readSpot(s)
	}
	r.old.salvage.orphansOf(s.page, func(e element) {
		if bytes.Equal(e.key, k) && bytes.Equal(recordOf(e.key, e.value), bucket) && (v == nil || later(bucket, k, v, e.value)) {
			v = e.value
		}
	})
	return v
}

// whole says whether the tree has a record.
func (r *repair) whole(bucket, k []byte) bool {
	b := r.old.Bucket(bucket)
	if b == nil {
		return false
	}
	_, err := unseal(k, b.Get(k))
	return err == nil
}

// haveForm says whether recordOf knows the records of a bucket.
func haveForm(bucket []byte) bool {
	for _, b := range [][]byte{bucketMeta, bucketSigned, bucketReadings, bucketCaptures, bucketVisits, bucketVersions, bucketTargets} {
		if bytes.Equal(b, bucket) {
			return true
		}
	}
	return false
}

// recordOf says which bucket a record is of, by its form; nil when it is none,
// or of a kind that changes so that an old one is worth nothing.
func recordOf(k, v []byte) []byte {
	if isBundle(v) && sealed(k, v) {
		return bucketCaptures
	}
	b, err := unseal(k, v)
	if err != nil || len(b) == 0 {
		return nil
	}
	if _, ok := memberOf(k, v); ok {
		return bucketCaptures
	}
	if string(k) == "archive" || string(k) == "keys" {
		return bucketMeta
	}
	if len(k) == 8 {
		if bytes.HasPrefix(b, []byte("luutin/")) {
			return bucketSigned
		}
		if bytes.HasPrefix(b, []byte(`{"id":`)) || bytes.HasPrefix(b, packedReading) {
			return bucketReadings
		}
		var form struct {
			Result    string `json:"result"`
			Digest    string `json:"digest"`
			Canonical string `json:"canonical"`
		}
		if _, err := cutPayload(k, v, &form); err != nil {
			return nil
		}
		switch {
		case form.Digest != "":
			return bucketCaptures
		case form.Result != "":
			return bucketVisits
		}
		return nil
	}
	if host, _, err := cutRecordKey(k); err != nil || host == "" || strings.Contains(host, "\x00") {
		return nil
	}
	if _, err := readVersion(k, v); err == nil {
		return bucketVersions
	}
	var t targetRecord
	if json.Unmarshal(b, &t) == nil && t.URL != "" && t.State != "" {
		return bucketTargets
	}
	return nil
}

// packedReading is how a compressed reading begins: with the codec and the magic
// number of zstd (RFC 8878, section 3.1.1). The JSON of other records is longer
// than the length 1 would say.
var packedReading = []byte{codecZstd, 0x28, 0xb5, 0x2f, 0xfd}

// later says whether the second of two records with a key is the newer.
func later(bucket, k, a, b []byte) bool {
	switch {
	case bytes.Equal(bucket, bucketTargets):
		var x, y targetRecord
		return unsealJSON(k, a, &x) == nil && unsealJSON(k, b, &y) == nil && y.Visited.After(x.Visited)
	case bytes.Equal(bucket, bucketVersions):
		x, err := readVersion(k, a)
		y, other := readVersion(k, b)
		return err == nil && other == nil && y.reading > x.reading // it was read again
	}
	return len(b) > len(a) // a reading with more aliases; all else never changes
}

// records yields the whole records of a bucket in order, and those that no tree
// leads to in their places.
func (r *repair) records(bucket []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		extra := slices.Sorted(maps.Keys(r.found[string(bucket)]))
		give := func(before []byte) bool {
			for len(extra) > 0 && (before == nil || extra[0] < string(before)) {
				k := []byte(extra[0])
				if extra = extra[1:]; !yield(k, r.stray(bucket, k)) {
					return false
				}
			}
			return true
		}
		if b := r.old.Bucket(bucket); b != nil {
			c := b.Cursor()
			var last []byte
			for k, v := c.First(); k != nil; k, v = c.Next() {
				if !give(k) {
					return
				}
				_, err := unseal(k, v)
				if err == nil && r.absurd(k) {
					err = errNotWhole // the checksum does not say where the key ends
				}
				if err != nil {
					switch {
					case len(extra) > 0 && extra[0] == string(k):
					case far(last, k):
						r.lost[where(bucket, k)+" (if that is its number)"] = lostRecord{What: err.Error(), When: r.now}
					default:
						r.lose(bucket, k, "", "%v", err)
						last = append(last[:0], k...)
					}
					continue
				}
				last = append(last[:0], k...)
				if !yield(k, v) {
					return
				}
			}
		}
		give(nil)
	}
}

// far says whether a key is not the next after one: where a record is damaged its
// key may be too. If it is not, its number is found missing.
func far(last, k []byte) bool {
	n := len(k) - 8
	if n < 0 || n > 0 && k[n-1] != 0 {
		return false // it has no number
	}
	if len(last) != len(k) || !bytes.Equal(last[:n], k[:n]) {
		last = make([]byte, len(k))
	}
	return binary.BigEndian.Uint64(k[n:])-binary.BigEndian.Uint64(last[n:]) > 1
}

// absurd says whether a key bears a number that the file has no room for.
func (r *repair) absurd(k []byte) bool {
	n := len(k) - 8
	return n >= 0 && (n == 0 || k[n-1] == 0) && binary.BigEndian.Uint64(k[n:]) > uint64(r.old.salvage.size)/elementHead
}

// lose notes that a record could not be saved.
func (r *repair) lose(bucket, k []byte, url, format string, args ...any) {
	const longest = 8 << 10 // of a key that can be named by another: the length of a longer one is damaged
	k = k[:min(len(k), longest)]
	at := where(bucket, k)
	if old, ok := r.lost[at]; ok && (old.URL != "" || url == "") {
		return
	}
	r.lost[at] = lostRecord{What: fmt.Sprintf(format, args...), URL: url, When: r.now}
}

// put writes to the new archive, many keys in a transaction.
func (r *repair) put(bucket, k, v []byte) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	const many = 8 << 20
	if r.tx != nil && r.size > many {
		if err := r.tx.Commit(); err != nil {
			r.tx = nil
			return err
		}
		r.tx = nil
	}
	if r.tx == nil {
		var err error
		if r.tx, err = r.db.Begin(true); err != nil {
			return err
		}
		r.size = 0
	}
	b, err := r.tx.CreateBucketIfNotExists(bucket)
	if err != nil {
		return err
	}
	b.FillPercent = .95
	r.size += len(k) + len(v)
	return b.Put(k, bytes.Clone(v))
}

func (r *repair) get(bucket, k []byte) []byte { return r.tx.Bucket(bucket).Get(k) }

// write writes all but what is counted.
func (r *repair) write() error {
	for _, name := range append(slices.Clone(allBuckets), bucketLost) {
		if err := r.put(name, []byte{0}, nil); err != nil {
			return err
		}
		if err := r.tx.Bucket(name).Delete([]byte{0}); err != nil {
			return err
		}
	}
	for k, v := range r.records(bucketLost) { // before
		var l lostRecord
		if err := unsealJSON(k, v, &l); err != nil {
			return err
		}
		r.lost[string(k)] = l
	}
	for _, step := range []func() error{r.meta, r.captures, r.visits, r.articles, r.frontier, r.watched, r.log, r.losses} {
		if err := step(); err != nil {
			return err
		}
	}
	err := r.tx.Commit()
	r.tx = nil
	return err
}

// meta reads what the archive is; succeed writes it down.
func (r *repair) meta() error {
	made := archiveRecord{Format: format, Program: "luutin", Created: r.now} // when nothing says more
	whole := false
	for k, v := range r.records(bucketMeta) {
		if string(k) == "archive" {
			if err := unsealJSON(k, v, &made); err != nil {
				return err
			}
			whole = true
			continue
		}
		if string(k) == "keys" {
			if err := unsealJSON(k, v, &r.keys); err != nil {
				return err
			}
		}
	}
	made.Format = format
	r.identity(&made, whole)
	r.made = made
	return nil
}

// succeed writes down what the archive is and who signs its log. When why is not
// "", nobody knows whether the log had more than the visits that are kept, or what
// they were: whoever has a checkpoint of more must not be shown another log by the
// same name. The log goes on as another, which names the one that it follows. last
// is the last checkpoint of that one, which had so many visits at least.
func (r *repair) succeed(why string, p *peaks, kept uint64, root tlog.Hash, last []byte, known uint64) error {
	if why != "" {
		old := r.made.origin()
		h := hashOf(fmt.Sprintf("%s\n%d\n%s\n%d", old, kept, root, r.now.UnixNano()))
		r.made.Log = "luutin/" + hex.EncodeToString(h[:8])
		secret, public, err := note.GenerateKey(rand.Reader, r.made.Log)
		if err != nil {
			return err
		}
		signer, err := note.NewSigner(secret)
		if err != nil {
			return err
		}
		signers := []note.Signer{signer}
		if r.signs {
			was, _, err := r.from.readKey(old)
			if err != nil {
				return err
			}
			signers = append([]note.Signer{was}, signers...)
		}
		text := fmt.Sprintf("luutin log that follows another\nold %s\nkept %d\nroot %s\nknown %d\nnew %s\nkey %s\n", old, kept, root, known, r.made.Log, public)
		statement, err := note.Sign(&note.Note{Text: text}, signers...)
		if err != nil {
			return err
		}
		r.made.Logs = append(r.made.Logs, proof.Former{
			Origin: old, Kept: int64(kept), Root: root.String(), Known: int64(known), Last: string(last), Ended: r.now, Why: why, Statement: string(statement)})
		r.keys.Keys = append(r.keys.Keys, public)
		r.key, r.signs = []byte(secret+"\n"), false
		r.lost[keyName] = lostRecord{What: fmt.Sprintf("%s: the log %s ends with visit %d, and goes on as %s", why, old, kept, r.made.Log), When: r.now}
		if p.size > 0 {
			c := r.made.checkpoint(p.size)
			c.Root = p.root()
			signed, err := note.Sign(&note.Note{Text: c.Text()}, signer)
			if err != nil {
				return err
			}
			k := seqKey(p.size)
			if err := r.put(bucketSigned, k, seal(k, signed)); err != nil {
				return err
			}
		}
	}
	if len(r.keys.Keys) > 0 {
		k := []byte("keys")
		v, err := sealJSON(k, r.keys)
		if err == nil {
			err = r.put(bucketMeta, k, v)
		}
		if err != nil {
			return err
		}
		delete(r.lost, where(bucketMeta, k))
	}
	k := []byte("archive")
	v, err := sealJSON(k, r.made)
	if err != nil {
		return err
	}
	return r.put(bucketMeta, k, v)
}

// unsure says why the end of the log may be missing; "" when it cannot be: the
// visits are all there, or the log is, which says what they were.
func (r *repair) unsure() string {
	s := r.old.salvage
	metas, _ := readMetas(r.from.file)
	switch {
	case len(metas) < 2:
		return "a meta page is damaged"
	case metas[0].root != s.root || !r.sound(s.root, true):
		return "the page of the buckets is damaged"
	}
	roots := map[string]uint64{}
	for _, e := range s.buckets(s.root) {
		root, err := cutBucket(e.value)
		if err != nil {
			return "the page of the buckets is damaged"
		}
		roots[string(e.key)] = root
	}
	whole := func(bucket []byte) bool {
		root, is := roots[string(bucket)]
		return is && (root == 0 || r.sound(root, false))
	}
	if whole(bucketVisits) {
		return ""
	}
	if whole(bucketLog) && whole(bucketJournal) {
		journal := r.old.Bucket(bucketJournal).unchanged()
		k, v := journal.First()
		for k != nil {
			if _, err := unseal(k, v); err != nil {
				break
			}
			k, v = journal.Next()
		}
		if k == nil {
			return ""
		}
	}
	return "pages of visits are damaged"
}

// sound says whether the pages of a tree, or only its first, are whole.
func (r *repair) sound(root uint64, shallow bool) bool {
	s := r.old.salvage
	p := &pageCheck{f: r.from.file, pageSize: s.pageSize, pages: s.pages(), used: make(bitmap, s.pages()/64+1), shallow: shallow,
		stop: func() bool { return r.ctx.Err() != nil }}
	damaged := false
	p.report = func(uint64, string, ...any) { damaged = true }
	p.bucket(root, nil, nil)
	return !damaged
}

// identity notes whether the newest state may be gone, and takes the key over. When the record is lost that says when the
// archive was made, the key also says what its log is called.
func (r *repair) identity(made *archiveRecord, whole bool) {
	// An error is met by whoever reads the pages.
	if metas, _ := readMetas(r.from.file); len(metas) < 2 {
		r.lost[dbName] = lostRecord{What: "a meta page is damaged: what the last transaction wrote is missing, if it was the newer one", When: r.now}
	}
	name, err := r.from.keyOf()
	switch {
	case whole:
	case err == nil:
		made.Log = name
	default: // the last checkpoint says it too
		r.entries(bucketSigned, func(k, v []byte) {
			if b, err := unseal(k, v); err == nil {
				if c, err := proof.OpenCheckpoint(b, r.keys.Keys...); err == nil {
					made.Log = c.Origin
				}
			}
		})
	}
	var public string
	if err == nil {
		_, public, err = r.from.readKey(made.origin())
	}
	switch {
	case err == nil:
		if r.signs = true; !slices.Contains(r.keys.Keys, public) {
			r.keys.Keys = append(r.keys.Keys, public)
		}
	case !errors.Is(err, fs.ErrNotExist):
		r.lost[keyName] = lostRecord{What: fmt.Sprintf("it is not taken over, and a new key is made when it is needed: %v", err), When: r.now}
	}
	if !whole {
		what := "it said when the archive was made; the name of its log is taken of the key or a checkpoint"
		if made.Log == "" {
			what = "it said when the archive was made, and so what its log is called: no checkpoint of before is of the new one"
		}
		r.lose(bucketMeta, []byte("archive"), "", "%s", what)
	}
}

// holes notes the numbers up to one that are missing.
func (r *repair) holes(bucket []byte, last *uint64, seq uint64) {
	for *last++; *last < seq; *last++ {
		r.lose(bucket, seqKey(*last), "", "it is missing")
	}
}

// numbered notes the numbers before the last that was lost that are neither
// there nor lost yet: they were given too.
func (r *repair) numbered(bucket []byte) {
	var last uint64
	for at := range r.lost {
		if seq := lostSeq(bucket, at); !r.absurd(seqKey(seq)) {
			last = max(last, seq)
		}
	}
	for seq := uint64(1); seq < last; seq++ {
		if k := seqKey(seq); r.get(bucket, k) == nil {
			r.lose(bucket, k, "", "it is missing")
		}
	}
}

// lostSeq is the number of a lost record of a bucket whose records are counted
// from 1; 0 when it is none.
func lostSeq(bucket []byte, at string) uint64 {
	digits, ok := strings.CutPrefix(at, string(bucket)+"/")
	if !ok || len(digits) != 16 {
		return 0
	}
	seq, err := strconv.ParseUint(digits, 16, 64)
	if err != nil {
		return 0
	}
	return seq
}

// captures writes those that can be read. One whose body is lost is kept, since
// visits refer to it, but nothing leads to it: the body is kept when it comes again.
func (r *repair) captures() error {
	var last uint64
	for k, v := range r.records(bucketCaptures) {
		seq, err := readSeq(k)
		var c captureRecord
		if err == nil {
			_, err = cutPayload(k, v, &c)
		}
		if err != nil {
			r.lose(bucketCaptures, k, "", "%v", err)
			continue
		}
		r.holes(bucketCaptures, &last, seq)
		if err := r.put(bucketCaptures, k, v); err != nil {
			return err
		}
		digest, err := c.digest()
		if err == nil {
			err = r.body(k, v, &c, digest)
		}
		if errors.As(err, new(*hindrance)) {
			return err
		}
		if err != nil {
			r.lose(bucketCaptures, k, c.URL, "its body is lost: %v", err)
			continue
		}
		id, payload := captureID(c.Canonical, digest), payloadKey(c.Host, digest)
		if err := r.put(bucketCaptureIDs, id[:], k); err != nil {
			return err
		}
		if c.SameAs == 0 && c.dropped() == nil {
			if err := r.put(bucketPayloads, payload, k); err != nil {
				return err
			}
		}
	}
	// Those at the end are known by what leads to them.
	var said []uint64
	for _, name := range [][]byte{bucketCaptureIDs, bucketPayloads} {
		r.entries(name, func(_, v []byte) {
			if seq, err := readSeq(v); err == nil && seq > last {
				said = append(said, seq)
			}
		})
	}
	r.holes(bucketCaptures, &last, believed(last, said)+1)
	return nil
}

// believed is the last number that was given, where last is the last of a record
// and indexes, which have no checksums, say that there were others. One that is
// far behind all others is damaged: in some pages that are lost there are fewer
// than lie between.
func believed(last uint64, said []uint64) uint64 {
	const far = 4 << 10
	slices.Sort(said)
	for _, seq := range said {
		if seq > last && seq-last <= far {
			last = seq
		}
	}
	return last
}

// entries walks over an index of the old archive, which may be damaged.
func (r *repair) entries(bucket []byte, f func(k, v []byte)) {
	if b := r.old.Bucket(bucket); b != nil {
		c := b.Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			f(k, v)
		}
	}
}

// body says whether the body of a capture can be read, and takes its file over.
func (r *repair) body(k, v []byte, c *captureRecord, digest [32]byte) error {
	packed, err := cutPayload(k, v, &captureRecord{})
	if err != nil {
		return err
	}
	switch {
	case c.SameAs != 0:
		if at := where(bucketCaptures, seqKey(c.SameAs)); r.lost[at] != (lostRecord{}) {
			return fmt.Errorf("it stood in %s", at)
		}
		return nil
	case c.dropped() != nil:
		return nil
	case c.Blob:
		return r.blob(digest, c.Length)
	case c.Reference != 0:
		if at := where(bucketCaptures, seqKey(c.Reference)); r.lost[at] != (lostRecord{}) {
			return fmt.Errorf("it cannot be unpacked without %s", at)
		}
	}
	whole, err := r.from.unpackCapture(&snapshot{Tx: r.tx, journal: []*changes{newChanges()}}, packed, c)
	if err != nil {
		return err
	}
	_, body, err := c.cut(whole)
	if err == nil && (int64(len(body)) != c.Length || sha256.Sum256(body) != digest) {
		err = errBadDigest
	}
	return err
}

// A hindrance is an error that is no loss: when it is gone, the record can be
// saved.
type hindrance struct{ error }

func (e *hindrance) Unwrap() error { return e.error }

// readable returns a hindrance when this user may not read a file of the damaged
// archive.
func readable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return &hindrance{fmt.Errorf("%w; run the same as a user who may read it", err)}
	}
	return err
}

// blob copies a body that is a file.
func (r *repair) blob(digest [32]byte, length int64) error {
	if checkBlob(r.to.blobPath(digest), digest, length) == nil {
		return nil
	}
	f, err := r.from.openBlob(digest)
	if err != nil {
		return readable(err)
	}
	defer f.Close()
	s, err := r.to.newSpool()
	if err != nil {
		return &hindrance{err}
	}
	defer s.Close() // of what is kept nothing is lost, of the rest nothing is needed
	if _, err := f.WriteTo(s); err != nil {
		if s.err != nil {
			return &hindrance{err}
		}
		return readable(err)
	}
	if err := s.keep(); err != nil {
		return &hindrance{err}
	}
	return nil
}

// visits writes the visits and what leads to them.
func (r *repair) visits() error {
	var last uint64
	for k, v := range r.records(bucketVisits) {
		seq, err := readSeq(k)
		var visit visitRecord
		if err == nil {
			_, err = cutPayload(k, v, &visit)
		}
		if err != nil {
			r.lose(bucketVisits, k, "", "%v", err)
			continue
		}
		r.holes(bucketVisits, &last, seq)
		if err := errors.Join(r.put(bucketVisits, k, v), r.put(bucketVisited, visitedKey(visit.Host, visit.Target, seq), nil)); err != nil {
			return err
		}
		if id, ok := parseID(visit.Article); ok && r.urls[id] == "" {
			r.urls[id] = r.visitURL(&visit)
		}
		if visit.Capture == 0 {
			continue
		}
		if c := seqKey(visit.Capture); r.get(bucketCaptures, c) == nil {
			r.lose(bucketCaptures, c, r.visitURL(&visit), "it is missing")
		}
	}
	r.numbered(bucketCaptures)
	var said []uint64
	r.entries(bucketLog, func(k, _ []byte) {
		if seq, err := readSeq(k); err == nil && seq > last {
			said = append(said, seq)
		}
	})
	r.holes(bucketVisits, &last, believed(last, said)+1)
	r.entries(bucketVisited, func(k, _ []byte) {
		if n := len(k) - 8; n > 0 {
			if l, ok := r.lost[where(bucketVisits, k[n:])]; ok {
				if t, ok := r.target(k[:n]); ok {
					l.URL = t.URL
					r.lost[where(bucketVisits, k[n:])] = l
				}
			}
		}
	})
	return nil
}

// visitURL is what a visit asked for; "" when nothing says that any more.
func (r *repair) visitURL(visit *visitRecord) string {
	if visit.Response != nil {
		return visit.Response.URL
	}
	if t, ok := r.target(recordKey(visit.Host, visit.Target)); ok {
		return t.URL
	}
	var c captureRecord
	k := seqKey(visit.Capture)
	if _, err := cutPayload(k, r.get(bucketCaptures, k), &c); err == nil {
		return c.URL
	}
	return ""
}

// target reads one of the old archive.
func (r *repair) target(k []byte) (t targetRecord, ok bool) {
	if b := r.old.Bucket(bucketTargets); b != nil {
		if v := b.Get(k); unsealJSON(k, v, &t) == nil {
			return t, true
		}
	}
	v := r.stray(bucketTargets, k)
	return t, v != nil && unsealJSON(k, v, &t) == nil
}

// losses writes down what was lost, and tells it.
func (r *repair) losses() error {
	for _, at := range slices.Sorted(maps.Keys(r.lost)) {
		l := r.lost[at]
		v, err := sealJSON([]byte(at), l)
		if err != nil {
			return err
		}
		if err := r.put(bucketLost, []byte(at), v); err != nil {
			return err
		}
		if l.When != r.now {
			continue // it was told before
		}
		if r.Lost++; l.URL != "" {
			l.What += " (" + l.URL + ")"
		}
		r.tell(store.Problem{Where: at, What: l.What})
	}
	if len(r.lost) == 0 {
		return r.tx.DeleteBucket(bucketLost)
	}
	return nil
}

// copyKey lets the new archive sign as the old one did.
func (r *repair) copyKey() error {
	if !r.signs || r.sameKey(r.from.dir) {
		return nil // else a new one is made when it is needed
	}
	b, err := os.ReadFile(r.from.path(keyName))
	if err != nil {
		return err
	}
	return r.to.keepKey(b)
}

// log writes the log anew. Of visits that are lost the hash of the leaf is
// known from the old one, if that can be read; if not, no checkpoint behind it
// can hold any more.
func (r *repair) log() error {
	s := &snapshot{Tx: r.tx, journal: []*changes{newChanges()}}
	old := r.old.Bucket(bucketLog)
	last, err := s.lastSeq(bucketVisits)
	if err != nil {
		return err
	}
	for at := range r.lost {
		last = max(last, lostSeq(bucketVisits, at))
	}
	why, kept := r.unsure(), uint64(0) // visits whose hashes are known, from the first on
	var keptRoot tlog.Hash
	known := true
	var p peaks
	for p.size < last {
		s.Tx = r.tx
		seq := p.size + 1
		k := seqKey(seq)
		var leaf tlog.Hash
		text, err := s.leaf(seq)
		switch {
		case err == nil:
			leaf = tlog.RecordHash(text)
		default:
			var entry []byte
			if old != nil {
				entry = old.Get(k)
			}
			if len(entry) < tlog.HashSize {
				if known {
					known, kept = false, p.size
					if kept > 0 {
						keptRoot = p.root()
					}
				}
				why = cmp.Or(why, "what visits were is not known")
				r.lose(bucketLog, k, "", "the hash of a visit that is lost")
			} else {
				leaf = tlog.Hash(entry)
			}
		}
		if err := r.put(bucketLog, k, p.add(leaf)); err != nil {
			return err
		}
		checkpoints := r.old.Bucket(bucketSigned)
		if checkpoints == nil {
			continue
		}
		v := checkpoints.Get(k)
		if v == nil {
			continue
		}
		signed, err := unseal(k, v)
		switch {
		case err != nil:
			r.lose(bucketSigned, k, "", "%v", err)
		case !known || !r.signedFor(signed, p.root()):
			r.lose(bucketSigned, k, "", "what it was signed for, or by which key, is not known any more")
		default:
			if err := r.put(bucketSigned, k, v); err != nil {
				return err
			}
		}
	}
	if known {
		if kept = p.size; kept > 0 {
			keptRoot = p.root()
		}
	}
	// Of what nothing else knows any more a checkpoint may tell.
	var signed []byte
	most := p.size
	size := int64(-1)
	look := func(k, v []byte) {
		b, err := unseal(k, v)
		if err != nil {
			return // it was told, or nobody knows that it was one
		}
		c, err := proof.OpenCheckpoint(b, r.keys.Keys...)
		if err != nil || c.Origin != r.made.origin() || c.Size <= size {
			return
		}
		signed, size = bytes.Clone(b), c.Size
		if most = max(most, uint64(c.Size)); uint64(c.Size) > p.size {
			why = cmp.Or(why, "a checkpoint is of more visits than there are")
		}
	}
	r.entries(bucketSigned, look)
	for k := range r.found[string(bucketSigned)] {
		look([]byte(k), r.stray(bucketSigned, []byte(k)))
	}
	return r.succeed(why, &p, kept, keptRoot, signed, most)
}

func (r *repair) signedFor(signed []byte, root tlog.Hash) bool {
	c, err := proof.OpenCheckpoint(signed, r.keys.Keys...)
	_, _, known := r.made.kept(c.Origin)
	return err == nil && known && c.Root == root
}

// watched copies what nothing else tells of.
func (r *repair) watched() error {
	for _, bucket := range [][]byte{bucketTrends, bucketAlarms} {
		for k, v := range r.records(bucket) {
			if err := r.put(bucket, k, v); err != nil {
				return err
			}
		}
	}
	for k := range r.records(bucketReread) {
		if r.get(bucketReread, k) == nil { // see articles
			r.lose(bucketReread, k, "", "what it was is lost")
		}
	}
	return nil
}

// frontier writes the targets. One whose record is lost is made again of its
// visits, to be visited again.
func (r *repair) frontier() error {
	last := map[string]uint64{}
	write := func(k []byte, t *targetRecord) error {
		host, seq, err := cutRecordKey(k)
		if err != nil {
			return err
		}
		if id, ok := parseID(t.Capture); t.Capture != "" && (!ok || r.get(bucketCaptureIDs, id[:]) == nil) {
			t.Capture, t.ETag, t.LastModified = "", "", ""
			t.State, t.Due = store.Due, r.now
		}
		if id, ok := parseID(t.Article); t.Article != "" && (!ok || r.get(bucketArticles, id[:]) == nil) {
			if ok {
				r.lose(bucketArticles, id[:], t.URL, "all its versions are lost")
			}
			t.Article, t.ETag, t.LastModified = "", "", ""
			t.State, t.Due = store.Due, r.now
		}
		v, err := sealJSON(k, t)
		if err != nil {
			return err
		}
		if !t.Due.IsZero() {
			err = r.put(bucketDue, t.dueKey(host, seq), nil)
		}
		last[host] = max(last[host], seq)
		return errors.Join(err, r.put(bucketTargets, k, v), r.put(bucketURLs, hashKey(t.known()), k))
	}
	for k, v := range r.records(bucketTargets) {
		var t targetRecord
		if err := unsealJSON(k, v, &t); err != nil {
			r.lose(bucketTargets, k, "", "%v", err)
			continue
		}
		if err := write(k, &t); err != nil {
			return err
		}
	}
	// What visits know of those that are missing.
	made := map[string]*targetRecord{}
	var problem error
	for k, v := range r.records(bucketVisits) {
		var visit visitRecord
		if _, err := cutPayload(k, v, &visit); err != nil {
			continue
		}
		if id, ok := parseID(visit.Article); ok {
			r.loseVersion(versionName{id, visit.Version})
		}
		key := recordKey(visit.Host, visit.Target)
		if r.get(bucketTargets, key) != nil {
			continue
		}
		t := made[string(key)]
		if t == nil {
			t = &targetRecord{Site: visit.Site, State: store.Due, Due: r.now}
			made[string(key)] = t
		}
		t.Visited = visit.Time
		answer := visit.Response
		if visit.Capture != 0 {
			var c captureRecord
			ck := seqKey(visit.Capture)
			if _, err := cutPayload(ck, r.get(bucketCaptures, ck), &c); err == nil {
				t.Canonical = c.Canonical
				if answer == nil {
					answer = &c.response
				}
			}
		}
		if answer != nil {
			t.URL, t.Post = answer.URL, answer.Post
		}
	}
	for _, key := range slices.Sorted(maps.Keys(made)) {
		t, k := made[key], []byte(key)
		if t.URL == "" || r.get(bucketURLs, hashKey(t.known())) != nil {
			r.lose(bucketTargets, k, t.URL, "nothing says what its URL was")
			continue
		}
		canonical := t.Canonical
		if t.Canonical = ""; canonical == t.known() {
			canonical = ""
		}
		t.Canonical = canonical
		delete(r.lost, where(bucketTargets, k))
		problem = errors.Join(problem, write(k, t))
	}
	// The numbers of all others are known by what leads to them, or by those
	// that were given after them.
	said := map[string][]uint64{}
	note := func(k []byte) {
		if host, seq, err := cutRecordKey(k); err == nil && seq > last[host] {
			said[host] = append(said[host], seq)
		}
	}
	for key := range made {
		note([]byte(key))
	}
	r.entries(bucketURLs, func(_, v []byte) { note(v) })
	for host, numbers := range said {
		last[host] = believed(last[host], numbers)
	}
	for host, seq := range last {
		for n := range seq {
			if k := recordKey(host, n+1); r.get(bucketTargets, k) == nil {
				r.lose(bucketTargets, k, "", "it is missing")
			}
		}
	}
	return problem
}

// count opens the new archive and writes what its records add up to.
func (r *repair) count() error {
	a := &Archive{dir: r.to.dir, name: r.to.name, clock: r.from.clock, hosts: map[string]*host{}, pace: usualPace}
	if err := a.openFile(); err != nil {
		return err
	}
	defer func() {
		if a.enc != nil {
			a.enc.Close()
			a.dec.Close()
		}
		a.db.Close()
	}()
	a.journal.Store(&journal{taking: newChanges()})
	if err := a.makeCoders(); err != nil {
		return err
	}
	c := &check{a: a, ctx: r.ctx, hosts: map[string]*tally{}, days: map[string]*store.Day{}, references: map[uint64]error{}}
	var err error
	if c.tx, err = a.begin(); err != nil {
		return err
	}
	for _, step := range []func(*check) iter.Seq[func()]{(*check).targets, (*check).visits, (*check).captures, (*check).versions} {
		for part := range step(c) {
			if err := errors.Join(a.guard(func() error { part(); return nil }), r.ctx.Err()); err != nil {
				return errors.Join(err, c.tx.Rollback())
			}
		}
	}
	references := func(name string, all []uint64) []uint64 {
		return slices.DeleteFunc(all, func(seq uint64) bool { return c.reference(name, seq) != nil })
	}
	kept := map[string]hostRecord{}
	for name := range c.hosts {
		k := []byte(name + "\x00")
		var h hostRecord
		if b := r.old.Bucket(bucketHosts); b != nil && unsealJSON(k, b.Get(k), &h) == nil {
			h.References = references(name, h.References)
		}
		kept[name] = h
	}
	if err := c.tx.Rollback(); err != nil {
		return err
	}
	return errors.Join(a.db.Update(func(tx *bbolt.Tx) error {
		for name, t := range c.hosts {
			h := t.hostRecord
			h.Rest, h.References = kept[name].Rest, kept[name].References
			// Numbers that were given are not given again.
			h.Targets, h.Versions = max(h.Targets, r.lastOf(bucketTargets, name)), max(h.Versions, r.lastOf(bucketVersions, name))
			k := []byte(name + "\x00")
			v, err := sealJSON(k, h)
			if err == nil {
				err = tx.Bucket(bucketHosts).Put(k, v)
			}
			if err != nil {
				return err
			}
		}
		for k, d := range c.days {
			var old store.Day
			if b := r.old.Bucket(bucketDays); b != nil && unsealJSON([]byte(k), b.Get([]byte(k)), &old) == nil {
				d.Counts = old.Counts
			}
			v, err := sealJSON([]byte(k), d)
			if err == nil {
				err = tx.Bucket(bucketDays).Put([]byte(k), v)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}), a.db.Sync())
}

// stats opens the new archive as any reader does.
func (r *repair) stats() (store.Stats, error) {
	a := &Archive{dir: r.to.dir, name: r.to.name, readOnly: true, clock: r.from.clock, hosts: map[string]*host{}, pace: usualPace}
	defer a.discard()
	if err := a.open(true); err != nil {
		return store.Stats{}, err
	}
	return a.Stats(r.ctx)
}

// lastOf is the highest number of a host's records that were lost.
func (r *repair) lastOf(bucket []byte, host string) (last uint64) {
	for at := range r.lost {
		if digits, ok := strings.CutPrefix(at, string(bucket)+"/"+host+"/"); ok && len(digits) == 16 {
			if raw, err := hex.DecodeString(digits); err == nil {
				last = max(last, binary.BigEndian.Uint64(raw))
			}
		}
	}
	return last
}
