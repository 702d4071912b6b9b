package bolt

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"sync"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// What a visit changes lies scattered: its target, the indexes with their
// hashes, the counts of its host. Changed in its place, each costs a page. So
// these changes are written one behind the other, into the bucket journal of
// the same transaction, and kept in memory. When they are many they are put in
// their places, in the order of their keys, so that a page takes many at once;
// then the journal forgets them. An archive that was closed has an empty one.

// journaled are the buckets that are changed through the journal, by the
// letters that name them in it. The others grow at their end.
var journaled = map[string]byte{
	string(bucketHosts): 'h', string(bucketTargets): 't', string(bucketURLs): 'u', string(bucketDue): 'q',
	string(bucketCaptureIDs): 'c', string(bucketPayloads): 'p', string(bucketVersions): 'v', string(bucketOld): 's',
	string(bucketArticles): 'a', string(bucketAliases): 'l', string(bucketTexts): 'x',
	string(bucketVisited): 'i', string(bucketLog): 'g', string(bucketDays): 'd', string(bucketTrends): 'r', string(bucketAlarms): 'm',
}

func isJournaled(letter byte) bool {
	for _, l := range journaled {
		if l == letter {
			return true
		}
	}
	return false
}

// pace says when changes are put in their places.
type pace struct {
	changes int // in memory, before it begins
	size    int // of the same, keys and values
	step    int // at least so many at a time
	flush   int // so many when the archive is closed
}

var usualPace = pace{changes: 28 << 10, size: 7 << 20, step: 128, flush: 256}

const beforeAll = 0 // of transactions: what the journal held when it was opened

const partSize = 1800 // of a record of the journal: two fill a page

// A snapshot is one state of the archive: a transaction, and the changes that
// are not in their places yet.
type snapshot struct {
	*bbolt.Tx
	id      int        // changes of later transactions are not part of it
	journal []*changes // the newest first

	touched []*node // changed by this transaction

	coming *coming // captures that it has added; nil when it is only read

	salvage *salvage // where the pages are read, when they are damaged; nil when bbolt reads them

	trust func(name []byte, root uint64) // panics when bbolt must not be let into a tree; may be nil

	apart *apart // gets single values; nil when bbolt does, which maps their pages

	give func() // gives back a state that was lent to this process; nil when the transaction is its own
}

// Rollback ends it.
func (s *snapshot) Rollback() error {
	if s.give != nil {
		s.give()
		return nil
	}
	return s.Tx.Rollback()
}

// trim gives mapped pages back to the system's cache when they are many.
func (s *snapshot) trim() {
	if s.Tx != nil && mapped() > maxMapped {
		trim(s.Tx)
	}
}

// An apart gets single values by reading pages of the file, for one who gets so
// many from everywhere that all of it would be mapped in the end. It is for one
// snapshot at a time and one goroutine, and serves the next one faster when that
// is of the same state.
type apart struct {
	f       io.ReaderAt
	readers map[string]*leafReader // by the name of a bucket
}

// of returns the reader of a bucket.
func (p *apart) of(name string, b *bucket) *leafReader {
	r := p.readers[name]
	if r == nil {
		r = new(leafReader)
		p.readers[name] = r
	}
	if r.f == nil || r.state != b.snapshot.Tx.ID() {
		r.reset(p.f, b)
	}
	return r
}

// apart returns one that is free.
func (a *Archive) apart() *apart {
	if p, ok := a.aparts.Get().(*apart); ok {
		return p
	}
	return &apart{a.file, map[string]*leafReader{}}
}

// viewApart is view for one who gets single values from everywhere.
func (a *Archive) viewApart(f func(tx *snapshot) error) error {
	return a.view(func(tx *snapshot) error {
		if tx.salvage == nil {
			tx.apart = a.apart()
			defer a.aparts.Put(tx.apart)
		}
		return f(tx)
	})
}

// begin returns the newest state, to be read. Its Rollback ends it.
func (a *Archive) begin() (*snapshot, error) {
	if a.salvage != nil {
		return a.salvaged(), nil
	}
	if a.lent != nil {
		a.pinning.Lock()
		if a.pinned == nil {
			a.pinning.Unlock()
			return nil, bolterrors.ErrDatabaseNotOpen
		}
		s := snapshotOf(a.pinned, a.journal.Load())
		s.give, s.trust = a.pinning.Unlock, a.trust
		return s, nil
	}
	for {
		j := a.journal.Load()
		tx, err := a.db.Begin(false)
		if err != nil {
			return nil, err
		}
		// What a later journal no longer holds may not be in this transaction,
		// and what a later transaction holds not in this journal.
		if a.journal.Load() == j {
			s := snapshotOf(tx, j)
			s.trust = a.trust
			return s, nil
		}
		if err := tx.Rollback(); err != nil {
			return nil, err
		}
	}
}

func snapshotOf(tx *bbolt.Tx, j *journal) *snapshot {
	return &snapshot{Tx: tx, id: tx.ID(), journal: j.list()}
}

// undo takes back what the transaction changed.
func (s *snapshot) undo() { s.journal[0].undo(s.touched, s.id) }

// Bucket returns a bucket; nil when there is none with that name.
func (s *snapshot) Bucket(name []byte) *bucket {
	if s.salvage != nil {
		t := s.salvage.bucket(name)
		if t == nil {
			return nil
		}
		return &bucket{leaves: t, snapshot: s, letter: journaled[string(name)], bundled: hasBundles(name)}
	}
	tree := s.Tx.Bucket(name)
	if tree == nil {
		return nil
	}
	if s.trust != nil {
		s.trust(name, uint64(tree.Root()))
	}
	b := &bucket{tree: tree, snapshot: s, letter: journaled[string(name)], bundled: hasBundles(name)}
	if s.apart != nil {
		b.apart = s.apart.of(string(name), b)
		if b.bundled {
			b.bundles = s.apart.of(string(name)+" in bundles", b)
		}
	}
	return b
}

// A bucket is used like one of bbolt.
type bucket struct {
	tree     *bbolt.Bucket
	leaves   *leaves     // instead of tree, when pages are damaged
	apart    *leafReader // gets single values; may be nil
	snapshot *snapshot
	letter   byte // 0 when it is not journaled
	bundled  bool // see bundle.go
	bundles  *leafReader
}

// Get returns a value that is good until the transaction ends, nil when there
// is none.
func (b *bucket) Get(k []byte) []byte {
	if b.letter != 0 {
		for _, c := range b.snapshot.journal {
			if at := c.get(b.letter, k, b.snapshot.id); at != nil {
				return at.value
			}
		}
	}
	if b.bundled {
		return b.getBundled(k)
	}
	if b.apart != nil {
		if v, known := b.apart.get(k); known {
			return bytes.Clone(v)
		}
	}
	return b.stored(k)
}

// Put sets a value.
func (b *bucket) Put(k, v []byte) error {
	if b.bundled {
		return b.putBundled(k, v)
	}
	if b.letter == 0 {
		return b.tree.Put(k, v)
	}
	return b.change(k, v, false)
}

// Delete removes a value. It is no error when there is none.
func (b *bucket) Delete(k []byte) error {
	if b.letter == 0 {
		return b.tree.Delete(k)
	}
	return b.change(k, nil, true)
}

func (b *bucket) change(k, v []byte, deleted bool) error {
	if len(k) == 0 || len(k) > bbolt.MaxKeySize {
		return fmt.Errorf("key of %d bytes", len(k))
	}
	s := b.snapshot
	if n := s.journal[0].set(b.letter, k, v, deleted, s.id); n != nil {
		s.touched = append(s.touched, n)
	}
	return nil
}

// ForEach calls f for every key in order.
func (b *bucket) ForEach(f func(k, v []byte) error) error {
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if err := f(k, v); err != nil {
			return err
		}
	}
	return nil
}

// last returns the last key of a bucket that is not journaled.
func (b *bucket) last() []byte {
	if k := b.snapshot.coming.last(); b.bundled && k != nil {
		return k
	}
	k, _ := b.unchanged().Last()
	return k
}

// unchanged returns a cursor over what is in its place.
func (b *bucket) unchanged() treeCursor {
	if b.leaves != nil {
		return b.leaves.cursor()
	}
	return b.tree.Cursor()
}

// Cursor returns a cursor. It does not survive changes.
func (b *bucket) Cursor() *cursor {
	if b.bundled {
		b.writeComing()
	}
	c := &cursor{bucket: b, tree: b.unchanged()}
	if b.letter != 0 {
		for _, j := range b.snapshot.journal {
			if !j.empty() {
				c.journal = append(c.journal, j)
			}
		}
		c.at = make([]*node, len(c.journal))
	}
	return c
}

// A cursor walks over a bucket's tree and its changes at once.
type cursor struct {
	bucket  *bucket
	tree    treeCursor
	k, v    []byte // where the tree's cursor stands; nil at the end
	journal []*changes
	at      []*node // where those of the journal stand
	key     []byte  // where the whole stands

	// The last bundle that it met.
	first  uint64
	bundle []byte
}

// First moves to the first key.
func (c *cursor) First() (k, v []byte) { return c.Seek(nil) }

// Seek moves to the first key that is not before k; nil is the end.
func (c *cursor) Seek(k []byte) (key, value []byte) {
	if c.k, c.v = c.tree.First(); len(k) > 0 {
		if c.k, c.v = c.tree.Seek(k); c.k != nil && bytes.Compare(c.k, k) < 0 {
			panic("keys out of order")
		}
	}
	for i, j := range c.journal {
		c.at[i] = j.seek(c.bucket.letter, k)
	}
	return c.settle()
}

// Next moves to the next key.
func (c *cursor) Next() (k, v []byte) {
	c.pass()
	return c.settle()
}

// pass moves everything that stands at the key on.
func (c *cursor) pass() {
	if c.k != nil && bytes.Equal(c.k, c.key) {
		if c.k, c.v = c.tree.Next(); c.k != nil && bytes.Compare(c.k, c.key) <= 0 {
			panic("keys out of order") // who walks over such a file might never come to its end
		}
	}
	for i, n := range c.at {
		if n != nil && bytes.Equal(n.key[1:], c.key) {
			c.at[i] = c.journal[i].next(n, c.bucket.letter)
		}
	}
}

// settle finds the first key at which something stands that is there.
func (c *cursor) settle() (k, v []byte) {
	for {
		var first *change
		c.key, v = c.k, c.v
		for i, n := range c.at {
			var at *change
			for ; n != nil; n = c.journal[i].next(n, c.bucket.letter) {
				if at = c.journal[i].visible(n, c.bucket.snapshot.id); at != nil {
					break
				}
			}
			c.at[i] = n
			if n == nil {
				continue
			}
			// Of equal keys the newest counts, and the tree's is the oldest.
			order := -1
			if c.key != nil {
				order = bytes.Compare(n.key[1:], c.key)
			}
			if order < 0 || order == 0 && first == nil {
				c.key, v, first = n.key[1:], at.value, at
			}
		}
		if c.bucket.bundled && c.key != nil {
			return c.key, c.record(v)
		}
		if first == nil || !first.deleted {
			return c.key, v
		}
		c.pass()
	}
}

// changes are the latest values of keys, in order: a skip list. One goroutine
// writes, others read meanwhile.
type changes struct {
	mu    sync.RWMutex
	head  node
	count int
	size  int
	seed  uint32
	last  uint64 // the last record of the journal that tells of them; used when they take no more
}

const maxHeight = 12

// A node is what became of one key.
type node struct {
	key  []byte  // the bucket's letter, and the key in it
	last *change // nil when the only transaction that changed it was given up
	next []*node

	// Room for what most nodes have: a journal is most of what a frontier takes.
	first change
	low   [1]*node
}

// A change is what a transaction made of a key.
type change struct {
	id      int // of the transaction
	value   []byte
	deleted bool
	before  *change
}

func newChanges() *changes {
	return &changes{head: node{next: make([]*node, maxHeight)}, seed: 1}
}

func (c *changes) empty() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.head.next[0] == nil
}

func (c *changes) full(p *pace) bool { return c.count >= p.changes || c.size >= p.size }

func (n *node) compare(letter byte, k []byte) int {
	if d := cmp.Compare(n.key[0], letter); d != 0 {
		return d
	}
	return bytes.Compare(n.key[1:], k)
}

// find returns the first node that is not before a key. path, when it is not
// nil, gets the last node before it of every height.
func (c *changes) find(letter byte, k []byte, path *[maxHeight]*node) *node {
	n := &c.head
	var known *node // one that is not before it
	for h := maxHeight - 1; h >= 0; h-- {
		for {
			next := n.next[h]
			if next == nil || next == known || next.compare(letter, k) >= 0 {
				known = next
				break
			}
			n = next
		}
		if path != nil {
			path[h] = n
		}
	}
	return n.next[0]
}

// get returns what a transaction sees of a key; nil when it is not changed.
func (c *changes) get(letter byte, k []byte, id int) *change {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if n := c.find(letter, k, nil); n != nil && n.compare(letter, k) == 0 {
		return n.at(id)
	}
	return nil
}

// at returns the change that a transaction sees. c.mu is held.
func (n *node) at(id int) *change {
	at := n.last
	for at != nil && at.id > id {
		at = at.before
	}
	return at
}

func (c *changes) visible(n *node, id int) *change {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return n.at(id)
}

// seek returns the first node of a bucket that is not before a key.
func (c *changes) seek(letter byte, k []byte) *node {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return of(c.find(letter, k, nil), letter)
}

func (c *changes) next(n *node, letter byte) *node {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return of(n.next[0], letter)
}

func of(n *node, letter byte) *node {
	if n == nil || n.key[0] != letter {
		return nil
	}
	return n
}

// set changes a key. It keeps neither k nor v, and returns the node when this
// is the transaction's first change of it.
func (c *changes) set(letter byte, k, v []byte, deleted bool, id int) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	var path [maxHeight]*node
	n := c.find(letter, k, &path)
	isNew := n == nil || n.compare(letter, k) != 0
	head := 0
	if isNew {
		head = 1 + len(k)
	}
	b := make([]byte, 0, head+len(v)) // not nil where there is no value
	if isNew {
		n = new(node)
		b = append(append(b, letter), k...)
		n.key = b[:head:head]
		n.next = n.low[:]
		if height := c.height(); height > 1 {
			n.next = make([]*node, height)
		}
		for h := range n.next {
			n.next[h] = path[h].next[h]
			path[h].next[h] = n
		}
	}
	if b = append(b, v...); deleted {
		v = nil
	} else {
		v = b[head:]
	}
	c.size += len(b)
	switch {
	case isNew:
		n.first = change{id: id, value: v, deleted: deleted}
		n.last = &n.first
	case n.last != nil && n.last.id == id:
		n.last.value, n.last.deleted = v, deleted // nobody else sees it yet
		return nil
	default:
		n.last = &change{id: id, value: v, deleted: deleted, before: n.last}
	}
	c.count++
	return n
}

// height is that of the next node: every fourth is one higher.
func (c *changes) height() int {
	height := 1
	for c.seed ^= c.seed << 13; height < maxHeight; height++ {
		c.seed ^= c.seed >> 17
		c.seed ^= c.seed << 5
		if c.seed&3 != 0 {
			break
		}
	}
	return height
}

// A loading is a change that is read from the journal.
type loading struct {
	start uint64 // of the key, to be compared at once
	key   []byte // with the bucket's letter before it
	value []byte
	order int32
	gone  bool
}

// A loader gathers changes to make a list of them at once, which costs a third
// of setting each: an archive that was killed is opened so much sooner.
type loader struct {
	byLetter map[byte][]loading
	room     []byte // for keys and values
	count    int
}

func (l *loader) add(letter byte, k, v []byte, deleted bool) {
	const chunk = 256 << 10
	if need := 1 + len(k) + len(v); cap(l.room)-len(l.room) < need {
		l.room = make([]byte, 0, max(chunk, need))
	}
	at := len(l.room)
	l.room = append(append(append(l.room, letter), k...), v...)
	mid, end := at+1+len(k), len(l.room)
	one := loading{key: l.room[at:mid:mid], value: l.room[mid:end:end], order: int32(l.count), gone: deleted}
	if deleted {
		one.value = nil
	}
	var start [8]byte
	copy(start[:], k)
	one.start = binary.BigEndian.Uint64(start[:])
	all := l.byLetter[letter]
	if len(all) == cap(all) {
		all = slices.Grow(all, max(1024, 2*len(all))) // append alone would copy them many times
	}
	l.byLetter[letter] = append(all, one)
	l.count++
}

// changes are the last ones of every key.
func (l *loader) changes() *changes {
	var wait sync.WaitGroup
	for _, all := range l.byLetter {
		wait.Go(func() {
			slices.SortFunc(all, func(a, b loading) int {
				if a.start != b.start {
					return cmp.Compare(a.start, b.start)
				}
				return cmp.Or(bytes.Compare(a.key, b.key), cmp.Compare(a.order, b.order))
			})
		})
	}
	wait.Wait()
	c := newChanges()
	nodes := make([]node, l.count)
	next := make([]*node, 0, l.count*3/4) // of a quarter of them
	var tails [maxHeight]*node
	for h := range tails {
		tails[h] = &c.head
	}
	for _, letter := range slices.Sorted(maps.Keys(l.byLetter)) {
		all := l.byLetter[letter]
		for i := range all {
			one := &all[i]
			if i+1 < len(all) && bytes.Equal(one.key, all[i+1].key) {
				continue
			}
			n := &nodes[c.count]
			n.key, n.first = one.key, change{id: beforeAll, value: one.value, deleted: one.gone}
			n.last, n.next = &n.first, n.low[:]
			height := c.height()
			if height > 1 {
				if cap(next)-len(next) < height {
					next = make([]*node, 0, max(1024, maxHeight))
				}
				next = next[:len(next)+height]
				n.next = next[len(next)-height : len(next) : len(next)]
			}
			for h := range height {
				tails[h].next[h] = n
				tails[h] = n
			}
			c.count++
			c.size += len(one.key) + len(one.value)
		}
	}
	return c
}

// undo takes back what a transaction made of nodes.
func (c *changes) undo(nodes []*node, id int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range nodes {
		if n.last != nil && n.last.id == id {
			n.last = n.last.before
			c.count--
		}
	}
}

// A journal is what the archive has in memory of its changes. It is replaced,
// never changed, so that who reads can tell whether it is still the same.
type journal struct {
	taking  *changes // takes what comes
	merging *changes // takes no more, and is put in its place step by step; nil when there is none
	at      *node    // the last node of merging that is in its place
	last    uint64   // the last record of the bucket
	debt    int      // changes that are to be put in their places
}

func (j *journal) list() []*changes {
	if j.merging == nil {
		return []*changes{j.taking}
	}
	return []*changes{j.taking, j.merging}
}

// loadJournal reads the bucket journal when the archive is opened.
func (a *Archive) loadJournal(tx *bbolt.Tx) error {
	j := &journal{taking: newChanges()}
	a.journal.Store(j)
	b := tx.Bucket(bucketJournal)
	if b == nil {
		return nil // an archive of format 1 that is only read
	}
	a.trust(bucketJournal, uint64(b.Root()))
	l := &loader{byLetter: map[byte][]loading{}}
	var last uint64
	err := b.ForEach(func(k, v []byte) (err error) {
		if last, err = readSeq(k); err == nil {
			err = eachChange(k, v, l.add)
		}
		if err != nil {
			return fmt.Errorf("open archive %s: %s: %w; luutin repair saves the rest", a.dir, where(bucketJournal, k), err)
		}
		return nil
	})
	if err == nil && last > 0 {
		old := l.changes()
		old.last = last
		a.journal.Store(&journal{taking: j.taking, merging: old, at: &old.head, last: old.last})
	}
	return err
}

// journaledChanges checks the records of the journal. What they say was looked
// at in the places where it belongs.
func (c *check) journaledChanges() iter.Seq[func()] {
	if c.bucket(bucketJournal) == nil {
		return func(func(func()) bool) {} // format 1
	}
	var last uint64
	return c.each(bucketJournal, func(k, v []byte) {
		at := where(bucketJournal, k)
		seq, err := readSeq(k)
		if err == nil {
			if last > 0 && seq != last+1 {
				c.report(at, "the records before it are missing from number %016x on", last+1)
			}
			last = seq
			err = eachChange(k, v, func(letter byte, k, _ []byte, _ bool) {
				if !isJournaled(letter) {
					c.report(at, "it names a bucket %q, which is not known", letter)
				}
			})
		}
		if err != nil {
			c.report(at, "%v", err)
		}
	})
}

// eachChange reads a record of the journal.
func eachChange(key, value []byte, f func(letter byte, k, v []byte, deleted bool)) error {
	b, err := unseal(key, value)
	if err != nil {
		return err
	}
	field := func() ([]byte, bool) {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return nil, false
		}
		x := b[w : w+int(n)]
		b = b[w+int(n):]
		return x, true
	}
	for len(b) > 0 {
		letter, deleted := b[0]|0x20, b[0]&0x20 == 0
		b = b[1:]
		k, ok := field()
		var v []byte
		if ok && !deleted {
			v, ok = field()
		}
		if !ok || len(k) == 0 {
			return errors.New("not a record of changes")
		}
		f(letter, k, v, deleted)
	}
	return nil
}

// appendChange writes what eachChange reads: a capital letter deletes.
func appendChange(b []byte, n *node) []byte {
	letter := n.key[0]
	if n.last.deleted {
		letter &^= 0x20
	}
	b = append(b, letter)
	b = binary.AppendUvarint(b, uint64(len(n.key)-1))
	b = append(b, n.key[1:]...)
	if !n.last.deleted {
		b = binary.AppendUvarint(b, uint64(len(n.last.value)))
		b = append(b, n.last.value...)
	}
	return b
}

// saveJournal writes what the transaction changed, and puts some of what was
// changed before in its place. It returns what the journal is when the
// transaction has come to its end.
func (w *work) saveJournal() (*journal, error) {
	j := *w.a.journal.Load()
	b := w.tx.Tx.Bucket(bucketJournal)
	b.FillPercent = .95
	var part []byte
	write := func() error {
		j.last++
		k := seqKey(j.last)
		err := b.Put(k, seal(k, part))
		part = nil
		return err
	}
	for _, n := range w.tx.touched {
		if part == nil {
			part = make([]byte, 0, partSize+512)
		}
		if part = appendChange(part, n); len(part) >= partSize {
			if err := write(); err != nil {
				return nil, err
			}
		}
	}
	if len(part) > 0 {
		if err := write(); err != nil {
			return nil, err
		}
	}
	j.debt += 2 * len(w.tx.touched) // done before as many have come again
	if j.merging == nil && (j.taking.full(&w.a.pace) || w.flush && !j.taking.empty()) {
		j.taking.last = j.last
		j = journal{taking: newChanges(), merging: j.taking, at: &j.taking.head, last: j.last}
	}
	if w.flush {
		j.debt = max(j.debt, w.a.pace.flush)
	}
	if j.merging != nil && j.debt >= w.a.pace.step {
		if err := w.merge(&j, b, j.debt); err != nil {
			return nil, err
		}
		j.debt = 0
	}
	return &j, nil
}

// merge puts the next n changes in their places.
func (w *work) merge(j *journal, records *bbolt.Bucket, n int) error {
	trees := map[byte]*bbolt.Bucket{}
	for name, letter := range journaled {
		trees[letter] = w.tx.Tx.Bucket([]byte(name))
	}
	// These grow at their end, or at the end of each host.
	for _, letter := range "tvsg" {
		trees[byte(letter)].FillPercent = .95
	}
	for ; n > 0 && j.at.next[0] != nil; n-- {
		if n%lookAfter == 0 {
			w.tx.trim()
		}
		j.at = j.at.next[0]
		at, tree := j.at.last, trees[j.at.key[0]]
		if at == nil {
			continue
		}
		var err error
		if tree == nil {
			err = fmt.Errorf("the journal names a bucket %q", j.at.key[0])
		} else if at.deleted {
			err = tree.Delete(j.at.key[1:])
		} else {
			err = tree.Put(j.at.key[1:], at.value)
		}
		if err != nil {
			return err
		}
	}
	if j.at.next[0] != nil {
		return nil
	}
	c := records.Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.First() {
		if seq, err := readSeq(k); err != nil || seq > j.merging.last {
			break
		}
		if err := c.Delete(); err != nil {
			return err
		}
	}
	j.merging, j.at = nil, nil
	return nil
}

// flush puts everything in its place before the archive is closed. What goes
// wrong does no harm: the journal tells of it when it is opened again.
func (a *Archive) flush() {
	for {
		if j := a.journal.Load(); j.merging == nil && j.taking.empty() {
			return
		}
		err := a.do(&request{ctx: context.Background(), run: func(w *work) error {
			w.flush = true
			w.changes++
			return nil
		}})
		if err != nil {
			return
		}
	}
}
