package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"luutin/store"
)

// bbolt trusts its pages. A file in which some are damaged is read without it,
// plainly and page by page: what cannot be read is left out, whatever the rest
// says of it.

// A treeCursor walks over the keys of a tree, as one of bbolt does.
type treeCursor interface {
	First() (k, v []byte)
	Last() (k, v []byte)
	Next() (k, v []byte)
	Prev() (k, v []byte)
	Seek(k []byte) (key, value []byte)
}

// A salvage is a bbolt file that may be damaged.
type salvage struct {
	f        io.ReaderAt
	size     int64 // of the file
	pageSize uint64
	root     uint64 // page of the bucket of buckets
	guessed  bool   // no meta page led to root, or what it led to cannot be read: there may be others beside it
	trees    map[string]*leaves
	reached  bitmap // the pages that are part of a tree
	open     map[uint64][]element
	format   int // of the archive; 0 when that cannot be read
}

// leaves are the leaf pages of a bucket in the order of their keys.
type leaves struct {
	s  *salvage
	at []leaf
}

type leaf struct {
	page  uint64
	first []byte // no key of the page is before it
	end   []byte // nor behind or at this; nil when there is no end
	small []element
}

// openSalvage finds the trees in a file. state is the page of the root bucket
// that is to be read; 0 means that of the newest meta page, or when both are
// damaged the best that is found.
func openSalvage(f *os.File, state uint64) (*salvage, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	s := &salvage{f: f, size: info.Size(), pageSize: uint64(os.Getpagesize()), root: state}
	metas, _ := readMetas(f) // what is wrong with them was told
	if len(metas) > 0 {
		s.pageSize = metas[0].pageSize
		if state == 0 {
			s.root = metas[0].root
		}
	}
	if s.pageSize < 1<<10 || s.pageSize > 64<<10 {
		s.pageSize = 4 << 10
	}
	if len(s.buckets(s.root, 0)) == 0 {
		s.root, s.guessed = s.bestRoot(), true
	}
	if s.walk(); len(s.trees) == 0 {
		some := false
		s.orphans(func(_ uint64, e element) { some = some || recordOf(e.key, e.value) != nil })
		if !some {
			return nil, errors.New("nothing in it is of an archive; bring it back from a backup")
		}
	}
	if t := s.trees[string(bucketMeta)]; t != nil {
		k := []byte("archive")
		var r archiveRecord
		if unsealJSON(k, t.Get(k), &r) == nil {
			s.format = r.Format
		}
	}
	return s, nil
}

func (s *salvage) pages() uint64 { return (uint64(s.size) + s.pageSize - 1) / s.pageSize }

// read returns a page with those that continue it, as far as they can be read.
func (s *salvage) read(id uint64) []byte {
	if id < 2 || id >= s.pages() {
		return nil
	}
	page := s.readN(id, 1)
	if len(page) < pageHead {
		return nil
	}
	if n := uint64(order.Uint32(page[12:])) + 1; n > 1 && n <= s.pages()-id {
		if whole := s.readN(id, n); len(whole) > len(page) {
			return whole
		}
	}
	return page
}

// readN reads as much of n pages as there is. Where the disk fails there are
// zeros.
func (s *salvage) readN(id, n uint64) []byte {
	at := int64(id * s.pageSize)
	page := make([]byte, min(int64(n*s.pageSize), s.size-at))
	if _, err := s.f.ReadAt(page, at); err != nil && err != io.EOF {
		for from := 0; from < len(page); from += int(s.pageSize) {
			part := page[from:min(from+int(s.pageSize), len(page))]
			if _, err := s.f.ReadAt(part, at+int64(from)); err != nil && err != io.EOF {
				clear(part)
			}
		}
	}
	return page
}

// salvagePage reads every element of a page by itself, so that one that is
// damaged does not take the others with it. Whether what it says is true is for
// checksums to tell.
func salvagePage(page []byte) (elements []element, branch bool) {
	if len(page) < pageHead {
		return nil, false
	}
	branch = order.Uint16(page[8:]) == flagBranch
	count := int(order.Uint16(page[10:]))
	for i := range count {
		at := pageHead + i*elementHead
		if at+elementHead > len(page) {
			break
		}
		h := page[at : at+elementHead]
		var e element
		var pos, keySize, valueSize uint64
		if branch {
			pos, keySize, e.child = uint64(order.Uint32(h)), uint64(order.Uint32(h[4:])), order.Uint64(h[8:])
		} else {
			e.bucket = order.Uint32(h) == 1
			pos, keySize, valueSize = uint64(order.Uint32(h[4:])), uint64(order.Uint32(h[8:])), uint64(order.Uint32(h[12:]))
		}
		from := uint64(at) + pos
		if pos < elementHead || from+keySize+valueSize > uint64(len(page)) || keySize > 1<<15 {
			continue
		}
		e.key = page[from : from+keySize : from+keySize]
		e.value = page[from+keySize : from+keySize+valueSize : from+keySize+valueSize]
		elements = append(elements, e)
	}
	return elements, branch
}

const maxDepth = 32 // of a tree: of two keys a page it would hold a billion

// buckets are the elements of a page that can be the root bucket.
func (s *salvage) buckets(id uint64, depth int) (found []element) {
	page := s.read(id)
	if len(page) < pageHead || depth > maxDepth {
		return nil
	}
	elements, branch := salvagePage(page)
	for _, e := range elements {
		if branch {
			found = append(found, s.buckets(e.child, depth+1)...)
			continue
		}
		if e.bucket && len(e.value) >= 16 && (bytes.Equal(e.key, bucketLost) || slices.ContainsFunc(allBuckets, func(b []byte) bool { return bytes.Equal(b, e.key) })) {
			found = append(found, e)
		}
	}
	return found
}

// bestRoot looks at every page for one that names our buckets, and returns that
// whose tree holds the last visit.
func (s *salvage) bestRoot() (best uint64) {
	var last string
	for id := uint64(2); id < s.pages(); id++ {
		page := s.readN(id, 1)
		if len(page) < pageHead || order.Uint16(page[8:]) != flagLeaf || len(s.buckets(id, 0)) == 0 {
			continue
		}
		one := &salvage{f: s.f, size: s.size, pageSize: s.pageSize, root: id}
		one.walk()
		key := "\x00"
		if visits := one.trees[string(bucketVisits)]; visits != nil {
			if k, _ := visits.cursor().Last(); k != nil {
				key += string(k)
			}
		}
		if key >= last {
			best, last = id, key
		}
	}
	return best
}

// walk finds the leaf pages of every bucket.
func (s *salvage) walk() {
	s.trees, s.reached, s.open = map[string]*leaves{}, make(bitmap, s.pages()/64+1), map[uint64][]element{}
	s.reach(s.root, s.read(s.root))
	for _, e := range s.buckets(s.root, 0) {
		t := &leaves{s: s}
		if s.trees[string(e.key)] = t; order.Uint64(e.value) != 0 {
			t.add(order.Uint64(e.value), nil, nil)
		} else {
			elements, _ := salvagePage(e.value[16:])
			t.at = append(t.at, leaf{small: elements})
		}
	}
}

// reach marks pages as part of a tree. It reports false when they were before.
func (s *salvage) reach(id uint64, page []byte) bool {
	if id >= s.pages() || s.reached.has(id) {
		return false
	}
	for i := id; i < id+(uint64(len(page))+s.pageSize-1)/s.pageSize && i < s.pages(); i++ {
		s.reached.set(i)
	}
	return true
}

// add finds the leaves below a page.
func (t *leaves) add(id uint64, first, end []byte) {
	page := t.s.read(id)
	elements, branch := salvagePage(page)
	if len(elements) == 0 || !t.s.reach(id, page) {
		return
	}
	if !branch {
		t.at = append(t.at, leaf{page: id, first: bytes.Clone(first), end: bytes.Clone(end)})
		return
	}
	for i, e := range elements {
		to := end
		if i+1 < len(elements) {
			to = elements[i+1].key
		}
		from := e.key
		if i == 0 && first != nil {
			from = first
		}
		if bytes.Compare(from, first) < 0 || end != nil && bytes.Compare(from, end) >= 0 {
			from = first // the key of the branch is damaged: the leaf's own are looked at
		}
		t.add(e.child, from, to)
	}
}

// elements returns what a leaf holds that belongs there, in order.
func (t *leaves) elements(l *leaf) []element {
	if l.small != nil {
		return l.small
	}
	if found, ok := t.s.open[l.page]; ok {
		return found
	}
	all, _ := salvagePage(t.s.read(l.page))
	all = slices.DeleteFunc(all, func(e element) bool {
		return len(e.key) == 0 || bytes.Compare(e.key, l.first) < 0 || l.end != nil && bytes.Compare(e.key, l.end) >= 0
	})
	slices.SortStableFunc(all, func(a, b element) int { return bytes.Compare(a.key, b.key) })
	for i := 1; i < len(all); i++ {
		// Of two with the same key, which is damaged in one, the whole one counts.
		if bytes.Equal(all[i-1].key, all[i].key) {
			if _, err := unseal(all[i].key, all[i].value); err != nil {
				all[i] = all[i-1]
			} else {
				all[i-1] = all[i]
			}
		}
	}
	all = slices.CompactFunc(all, func(a, b element) bool { return bytes.Equal(a.key, b.key) })
	if len(t.s.open) > 64 {
		clear(t.s.open)
	}
	t.s.open[l.page] = all
	return all
}

func (t *leaves) Get(k []byte) []byte {
	c := t.cursor()
	if key, v := c.Seek(k); bytes.Equal(key, k) && key != nil {
		return v
	}
	return nil
}

func (t *leaves) cursor() *leafCursor { return &leafCursor{t: t} }

// A leafCursor is a treeCursor.
type leafCursor struct {
	t    *leaves
	leaf int
	at   int
	last []byte // the key at which it stood: keys only grow, whatever the pages say
}

func (c *leafCursor) here() (k, v []byte) {
	for c.leaf < len(c.t.at) {
		for all := c.t.elements(&c.t.at[c.leaf]); c.at < len(all); c.at++ {
			if e := all[c.at]; c.last == nil || bytes.Compare(e.key, c.last) > 0 {
				c.last = e.key
				return e.key, e.value
			}
		}
		c.leaf, c.at = c.leaf+1, 0
	}
	return nil, nil
}

func (c *leafCursor) First() (k, v []byte) {
	c.leaf, c.at, c.last = 0, 0, nil
	return c.here()
}

func (c *leafCursor) Next() (k, v []byte) {
	c.at++
	return c.here()
}

func (c *leafCursor) Seek(k []byte) (key, value []byte) {
	i, found := slices.BinarySearchFunc(c.t.at, k, func(l leaf, k []byte) int { return bytes.Compare(l.first, k) })
	if !found && i > 0 {
		i--
	}
	// Several leaves may begin with the same key when a branch is damaged.
	for i > 0 && bytes.Equal(c.t.at[i].first, c.t.at[i-1].first) {
		i--
	}
	c.leaf, c.at, c.last = i, 0, nil
	for key, value = c.here(); key != nil && bytes.Compare(key, k) < 0; key, value = c.Next() {
	}
	return key, value
}

func (c *leafCursor) Last() (k, v []byte) {
	c.leaf, c.at = len(c.t.at), 0
	return c.Prev()
}

func (c *leafCursor) Prev() (k, v []byte) {
	for c.last = nil; ; {
		if c.at > 0 {
			c.at--
			e := c.t.elements(&c.t.at[c.leaf])[c.at]
			return e.key, e.value
		}
		if c.leaf == 0 {
			return nil, nil
		}
		c.leaf--
		c.at = len(c.t.elements(&c.t.at[c.leaf]))
	}
}

// orphans yields the elements of leaf pages that are part of no tree: what a
// damaged branch led to, and what was written before and is free now.
func (s *salvage) orphans(yield func(page uint64, e element)) {
	for id := uint64(2); id < s.pages(); id++ {
		if s.reached.has(id) {
			continue
		}
		head := s.readN(id, 1)
		if len(head) < pageHead || order.Uint64(head) != id || order.Uint16(head[8:]) == flagBranch || order.Uint16(head[8:]) == flagFree {
			continue
		}
		s.orphansOf(id, func(e element) { yield(id, e) })
	}
}

// orphansOf yields the elements of one page.
func (s *salvage) orphansOf(id uint64, yield func(e element)) {
	elements, _ := salvagePage(s.read(id))
	for _, e := range elements {
		if !e.bucket {
			yield(e)
		} else if len(e.value) > 16 && order.Uint64(e.value) == 0 { // a small bucket lies in its element
			small, _ := salvagePage(e.value[16:])
			for _, e := range small {
				yield(e)
			}
		}
	}
}

// openDamaged opens what can be read of the file. why says what kept it from
// being opened as it should be.
func (a *Archive) openDamaged(why error) error {
	if a.holder().Socket != "" {
		return a.inUse()
	}
	f, err := os.Open(a.path(a.name))
	if err != nil {
		return fmt.Errorf("open archive: %w", err)
	}
	if a.file = f; !shareFile(f) {
		return a.inUse()
	}
	if err := a.makeCoders(); err != nil {
		return err
	}
	if a.salvage, err = openSalvage(f, 0); err != nil {
		return fmt.Errorf("open archive %s: %w", a.dir, err)
	}
	a.why = why
	a.journal.Store(&journal{taking: newChanges()})
	a.damagedJournal(a.salvaged())
	return nil
}

// salvaged is the state that the file holds, as far as it can be read.
func (a *Archive) salvaged() *snapshot {
	return &snapshot{salvage: a.salvage, id: 1, journal: a.journal.Load().list(), give: func() {}}
}

// damagedJournal reads the records of the journal that are whole.
func (a *Archive) damagedJournal(s *snapshot) {
	old := newChanges()
	b := s.Bucket(bucketJournal)
	if b == nil {
		return
	}
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		seq, err := readSeq(k)
		if err != nil {
			continue
		}
		old.last = seq
		// One that is damaged is told when the journal is checked.
		_ = eachChange(k, v, func(letter byte, k, v []byte, deleted bool) { old.set(letter, k, v, deleted, beforeAll) })
	}
	if !old.empty() {
		a.journal.Store(&journal{taking: newChanges(), merging: old, at: &old.head, last: old.last})
	}
}

// isDamage says whether an error of opening is about what the file holds.
func (a *Archive) isDamage(err error) bool {
	var inUse *store.InUse
	var newer *newerFormat
	return a.exists() == nil && !errors.As(err, &inUse) && !errors.As(err, &newer) && !errors.Is(err, fs.ErrPermission)
}

// bucket returns a tree; nil when the archive's format has none with that name.
func (s *salvage) bucket(name []byte) *leaves {
	if t := s.trees[string(name)]; t != nil {
		return t
	}
	if bytes.Equal(name, bucketLost) || s.format > 0 && since[string(name)] > s.format {
		return nil
	}
	return &leaves{s: s}
}
