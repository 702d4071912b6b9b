package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
	doubtful bool   // something leads elsewhere, or no meta page to the root: records may stand where nothing leads to
	trees    map[string]*leaves
	reached  bitmap   // the pages that are part of a tree
	free     bitmap   // the pages that are listed as free; nil when no list can be read
	path     []uint64 // the pages that lead to the one that is looked at
	open     map[uint64][]element
	format   int // of the archive; 0 when that cannot be read
}

// leaves are the leaf pages of a bucket in the order of their keys.
type leaves struct {
	s      *salvage
	bucket []byte
	at     []leaf
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
	for _, m := range metas {
		if m.root == s.root {
			s.free = s.listed(m.freelist)
			break
		}
	}
	if len(s.buckets(s.root)) == 0 {
		s.root, s.doubtful = s.bestRoot(), true
	}
	if s.walk(); len(s.trees) == 0 {
		some := false
		s.orphans(func(_ uint64, e element) { some = some || recordOf(e.key, e.value) != nil })
		if !some {
			return nil, fmt.Errorf("nothing in it is of an archive; %s", bringBack(filepath.Dir(f.Name())))
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
// How many these are it says itself, and so do its elements.
func (s *salvage) read(id uint64) []byte {
	if id < 2 || id >= s.pages() {
		return nil
	}
	page := s.readN(id, 1)
	if len(page) < pageHead {
		return nil
	}
	most := min(s.pages()-id, maxLeaf/s.pageSize)
	n := uint64(order.Uint32(page[12:])) + 1
	if n > most {
		n = 1
	}
	heads := (pageHead + uint64(order.Uint16(page[10:]))*elementHead + s.pageSize - 1) / s.pageSize
	if m := max(n, heads); m > 1 && m <= most {
		page = s.readN(id, m)
	}
	if l := layoutOf(page); l.sure {
		n = s.length(id, n, min((l.end+s.pageSize-1)/s.pageSize, most), l)
	}
	if uint64(len(page)) != n*s.pageSize {
		page = s.readN(id, n)
	}
	return page
}

// length decides how many pages belong to one: as many as its head says, or as its
// elements do. What the last element says of its length none of the others confirms;
// but it may be whole, or another page may begin where the shorter ends.
func (s *salvage) length(id, head, elements uint64, l layout) uint64 {
	if head == elements {
		return head
	}
	if x := l.elements[len(l.elements)-1]; !l.branch {
		page := s.readN(id, elements)
		if x.end() <= uint64(len(page)) && complete(page[x.from:x.from+x.key], page[x.from+x.key:x.end()]) {
			return elements
		}
	}
	less := min(head, elements)
	switch next := s.readN(min(id+less, s.pages()-1), 1); {
	case len(next) < pageHead || order.Uint64(next) != id+less:
	case slices.Contains([]uint16{flagBranch, flagLeaf, flagFree}, order.Uint16(next[8:])):
		return less
	}
	return elements
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

// A layout is where the elements of a page lie. bbolt writes keys and values one
// behind the other, so that what one says can be checked on its neighbours.
type layout struct {
	branch   bool
	elements []extent
	end      uint64 // of the last
	sure     bool   // all of them say the same
}

// An extent is where the key and the value of an element lie in a page.
type extent struct{ from, key, value uint64 }

func (x extent) end() uint64 { return x.from + x.key + x.value }

// layoutOf reads the layout of a page. What contradicts both neighbours is
// mended; what cannot be true is left empty.
func layoutOf(page []byte) layout {
	if len(page) < pageHead {
		return layout{}
	}
	flags, count := order.Uint16(page[8:]), uint64(order.Uint16(page[10:]))
	switch flags {
	case flagBranch, flagLeaf:
		return layoutAs(page, flags == flagBranch, count)
	}
	if l := layoutAs(page, true, count); l.sure { // the flags are damaged
		return l
	}
	return layoutAs(page, false, count)
}

func layoutAs(page []byte, branch bool, count uint64) layout {
	said := func(i uint64) (x extent, ok bool) {
		at := pageHead + i*elementHead
		if at+elementHead > uint64(len(page)) {
			return x, false
		}
		h := page[at:]
		if branch {
			return extent{at + uint64(order.Uint32(h)), uint64(order.Uint32(h[4:])), 0}, true
		}
		return extent{at + uint64(order.Uint32(h[4:])), uint64(order.Uint32(h[8:])), uint64(order.Uint32(h[12:]))}, true
	}
	l := layout{branch: branch, sure: count > 0}
	// The first element lies behind the heads of all: it says their number too,
	// and the second whether that is to be believed.
	if first, ok := said(0); ok {
		second, two := said(1)
		if n := (first.from - pageHead) / elementHead; n != count && n > 0 && first.from%elementHead == 0 && (two && second.from == first.end() || count == 0 && n == 1 && first.end() <= uint64(len(page))) {
			count, l.sure = n, false
		}
	}
	l.end = pageHead + count*elementHead
	for i := range count {
		x, ok := said(i)
		if !ok {
			l.sure = false
			break
		}
		next, more := said(i + 1)
		more = more && i+1 < count
		switch {
		case x.from == l.end && (!more || next.from == x.end()):
		case more && l.end+x.key+x.value == next.from, !more && x.from != l.end && l.end+x.key+x.value <= uint64(len(page)):
			x.from, l.sure = l.end, false
		case x.from == l.end && more && misplaced(page, x, next, said, i+2, count):
			l.sure = false // the next one is not where it says, this one is as long as it says
		case x.from == l.end && more && next.from > x.from && next.from <= uint64(len(page)):
			l.sure = false
			size := next.from - x.from
			x.key = min(x.key, size)
			long, short := extent{x.from, x.key, size - x.key}, extent{x.from, size - min(x.value, size), min(x.value, size)}
			if x = long; branch {
				x = extent{x.from, size, 0}
			} else if likely(page, short, next) > likely(page, long, next) {
				x = short
			}
		default:
			l.sure = false
		}
		if x.from < pageHead+count*elementHead || x.key > maxKey || x.value > maxLeaf {
			x = extent{}
		} else {
			l.end = x.end()
		}
		l.elements = append(l.elements, x)
	}
	return l
}

// misplaced reports whether of an element and the next, which contradict each other,
// it is the place of the next that is damaged: the third begins where the next ends
// if it begins where this one does, or this one is whole.
func misplaced(page []byte, x, next extent, said func(uint64) (extent, bool), third, count uint64) bool {
	if after, ok := said(third); ok && third < count {
		return x.end()+next.key+next.value == after.from
	}
	return x.key <= maxKey && x.end() <= uint64(len(page)) && complete(page[x.from:x.from+x.key], page[x.from+x.key:x.end()])
}

const maxKey = 1 << 15 // as of bbolt

// likely says how likely it is that an element lies somewhere in a page. Where
// its key ends the checksum of a record does not say, but its form does, and
// the neighbour's key, which often is as long.
func likely(page []byte, x, neighbour extent) (points int) {
	if x.key <= maxKey && x.end() <= uint64(len(page)) && recordOf(page[x.from:x.from+x.key], page[x.from+x.key:x.end()]) != nil {
		points += 2
	}
	if x.key == neighbour.key {
		points++
	}
	return points
}

// listed returns the pages that a page lists as free.
func (s *salvage) listed(id uint64) bitmap {
	n, b := cutFree(s.read(id))
	if b == nil {
		return nil
	}
	free := make(bitmap, s.pages()/64+1)
	for i := range min(n, uint64(len(b))/8) {
		if p := order.Uint64(b[8*i:]); p < s.pages() {
			free.set(p)
		}
	}
	return free
}

// isFree says whether a page was given up, whatever leads to it.
func (s *salvage) isFree(id uint64) bool {
	free := s.free != nil && id < s.pages() && s.free.has(id)
	s.doubtful = s.doubtful || free
	return free
}

// salvagePage reads every element of a page by itself, so that one that is
// damaged does not take the others with it. Whether what it says is true is for
// checksums to tell.
func salvagePage(page []byte) (elements []element, branch bool) {
	l := layoutOf(page)
	for i, x := range l.elements {
		h := page[pageHead+i*elementHead:]
		var e element
		if l.branch {
			e.child = order.Uint64(h[8:])
		} else {
			e.bucket = order.Uint32(h) == 1
		}
		if x.from != 0 && x.end() <= uint64(len(page)) {
			e.key = page[x.from : x.from+x.key : x.from+x.key]
			e.value = page[x.from+x.key : x.end() : x.end()]
		} else if !l.branch {
			continue
		}
		elements = append(elements, e)
	}
	return elements, l.branch
}

const maxDepth = 32 // of a tree: of two keys a page it would hold a billion

// buckets are the elements of a page that can be the root bucket.
func (s *salvage) buckets(id uint64) (found []element) {
	page := s.read(id)
	if len(page) < pageHead || len(s.path) > maxDepth || slices.Contains(s.path, id) || s.isFree(id) {
		return nil
	}
	s.path = append(s.path, id)
	defer func() { s.path = s.path[:len(s.path)-1] }()
	elements, branch := salvagePage(page)
	for _, e := range elements {
		if branch {
			found = append(found, s.buckets(e.child)...)
			continue
		}
		if e.bucket && len(e.value) >= 16 && (bytes.Equal(e.key, bucketLost) || slices.ContainsFunc(allBuckets, func(b []byte) bool { return bytes.Equal(b, e.key) })) {
			found = append(found, e)
		} else {
			s.doubtful = true // the name of a bucket may be damaged: nothing else stands here
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
		if len(page) < pageHead || order.Uint16(page[8:]) != flagLeaf || len(s.buckets(id)) == 0 {
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
	for _, e := range s.buckets(s.root) {
		if t := s.trees[string(e.key)]; t != nil && len(t.at) > 0 {
			continue // two ways lead to it
		}
		t := &leaves{s: s, bucket: bytes.Clone(e.key)}
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

// add finds the leaves below a page, whose keys lie between first and end. It
// leaves out a page that cannot be meant: one that holds other keys, or records
// of another bucket.
func (t *leaves) add(id uint64, first, end []byte) {
	s := t.s
	if id >= s.pages() || s.reached.has(id) || len(s.path) > maxDepth || slices.Contains(s.path, id) || s.isFree(id) {
		return
	}
	page := s.read(id)
	if len(page) < pageHead {
		return
	}
	if flags := order.Uint16(page[8:]); order.Uint64(page) != id && flags != flagLeaf && flags != flagBranch {
		s.doubtful = true // what is within a page would take others for its own
		return
	}
	elements, branch := salvagePage(page)
	if len(elements) == 0 {
		return
	}
	if !branch {
		if !t.mayHold(elements, first, end) {
			s.doubtful = true
		} else if s.reach(id, page) {
			t.at = append(t.at, leaf{page: id, first: bytes.Clone(first), end: bytes.Clone(end)})
		}
		return
	}
	before := len(t.at)
	s.path = append(s.path, id)
	defer func() { s.path = s.path[:len(s.path)-1] }()
	for i, e := range elements {
		to := end
		for _, next := range elements[i+1:] {
			if next.key != nil {
				to = next.key
				break
			}
		}
		from := e.key
		if i == 0 && first != nil || from == nil {
			from = first
		}
		if bytes.Compare(from, first) < 0 || end != nil && bytes.Compare(from, end) >= 0 {
			from = first // the key of the branch is damaged: the leaf's own are looked at
		}
		if bytes.Compare(to, from) <= 0 || end != nil && bytes.Compare(to, end) > 0 {
			to = end
		}
		t.add(e.child, from, to)
	}
	if len(t.at) > before {
		s.reach(id, page)
	}
}

// mayHold says whether elements can be those of a leaf of the tree.
func (t *leaves) mayHold(elements []element, first, end []byte) bool {
	within, known := false, false
	for _, e := range elements {
		if !known {
			name := recordOf(e.key, e.value)
			if known = name != nil; known && !bytes.Equal(name, t.bucket) {
				return false
			}
		}
		within = within || bytes.Compare(e.key, first) >= 0 && (end == nil || bytes.Compare(e.key, end) < 0)
	}
	return within && (known || !haveForm(t.bucket))
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
	if haveForm(t.bucket) {
		mendKeys(all)
	}
	all = slices.DeleteFunc(all, func(e element) bool {
		return len(e.key) == 0 || bytes.Compare(e.key, l.first) < 0 || l.end != nil && bytes.Compare(e.key, l.end) >= 0
	})
	slices.SortStableFunc(all, func(a, b element) int { return bytes.Compare(a.key, b.key) })
	for i := 1; i < len(all); i++ {
		// Of two with the same key, which is damaged in one, the whole one counts.
		if bytes.Equal(all[i-1].key, all[i].key) {
			if !sealed(all[i].key, all[i].value) {
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

// mendKeys mends keys that end in a number, one more than that before: a record
// that is whole under the number which its neighbours leave out is its.
func mendKeys(all []element) {
	whole := func(e element) bool { return sealed(e.key, e.value) }
	for i, e := range all {
		if len(e.key) < 8 || whole(e) {
			continue
		}
		for _, by := range []int{-1, 1} {
			if i+by < 0 || i+by >= len(all) || len(all[i+by].key) < 8 || !whole(all[i+by]) {
				continue
			}
			k := bytes.Clone(all[i+by].key)
			number := k[len(k)-8:]
			binary.BigEndian.PutUint64(number, binary.BigEndian.Uint64(number)-uint64(by))
			if whole(element{key: k, value: e.value}) {
				all[i].key = k
				break
			}
		}
	}
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

// orphansOf yields the elements of one page, of bundles the records.
func (s *salvage) orphansOf(id uint64, yield func(e element)) {
	elements, _ := salvagePage(s.read(id))
	for _, e := range elements {
		switch {
		case e.bucket:
			if len(e.value) > 16 && order.Uint64(e.value) == 0 { // a small bucket lies in its element
				small, _ := salvagePage(e.value[16:])
				for _, e := range small {
					yield(e)
				}
			}
		case isBundle(e.value):
			e.bundled(yield)
		case len(e.value) != entrySize || e.value[0] != bundleMark:
			yield(e)
		}
	}
}

// bundled yields the records of a bundle.
func (e element) bundled(yield func(e element)) {
	if seq, err := readSeq(e.key); err == nil {
		for at, m := range members(seq, e.value, nil) {
			yield(element{key: seqKey(at), value: m.of(e.value)})
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
