package bolt

import (
	"bytes"
	"io"
	"sort"
)

// A leafReader gets values of one state's bucket by reading its pages from the
// file. A scan that hops from host to host meets every leaf once: to map each
// took longer than everything else, and it would count as memory afterwards.
// It knows only pages as they should be; what it does not find, Get of the
// bucket is to judge.
type leafReader struct {
	f         io.ReaderAt
	state     int // of the bucket: the number of its transaction
	pageSize  uint64
	pages     uint64
	root      uint64
	branches  map[uint64][]byte
	leaf      []byte // the last that was read
	leafPages uint64 // of the same
	buf       []byte
	most      uint64 // pages of a leaf that get reads

	// What locate has found last.
	key  []byte
	from int64
	size uint64
}

const maxLeaf = 16 << 20 // of a leaf that it reads; a length may be damaged

// reset makes it read a bucket of another state, without what the journal says
// of it. It reads nothing of a bucket that lies within its parent, or of a file
// that may be damaged.
func (r *leafReader) reset(f io.ReaderAt, b *bucket) {
	r.root, r.leaf, r.key = 0, nil, nil
	clear(r.branches)
	if b.tree == nil {
		return
	}
	tx := b.snapshot.Tx
	r.f, r.root, r.state = f, uint64(b.tree.Root()), tx.ID()
	r.pageSize = uint64(tx.DB().Info().PageSize)
	r.pages = uint64(tx.Size()) / r.pageSize
	if r.most = maxLeaf / r.pageSize; b.bundled {
		r.most = 16 // a bundle is read in parts
	}
	if r.branches == nil {
		r.branches = map[uint64][]byte{}
	}
}

// get returns a value that is good until the next call; nil when it is not
// found. known says that it looked where the value would be.
func (r *leafReader) get(k []byte) (v []byte, known bool) {
	if r.root == 0 {
		return nil, false
	}
	if v := r.find(k); v != nil { // neighbours share a leaf when they are small
		return v, true
	}
	if _, page := r.down(k, r.read); page != nil {
		r.leaf, r.leafPages = page, uint64(len(page))/r.pageSize
		return r.find(k), true
	}
	return nil, false
}

// down returns the leaf where a key would be, as read returns it, and its number;
// nil when it is not found.
func (r *leafReader) down(k []byte, read func(id uint64) []byte) (uint64, []byte) {
	id := r.root
	for range maxDepth {
		page := r.branches[id]
		if page == nil {
			if page = read(id); page == nil {
				return 0, nil
			}
			switch order.Uint16(page[8:]) {
			case flagLeaf:
				return id, page
			case flagBranch:
			default:
				return 0, nil
			}
			page = bytes.Clone(page)
			r.branches[id] = page
		}
		i := search(page, k, true)
		if i < 0 {
			return 0, nil
		}
		id = order.Uint64(page[pageHead+i*elementHead+8:])
	}
	return 0, nil
}

// find returns a value of the last leaf.
func (r *leafReader) find(k []byte) []byte {
	i := search(r.leaf, k, false)
	if i < 0 || !bytes.Equal(keyOf(r.leaf, i, false), k) {
		return nil
	}
	at := pageHead + i*elementHead
	h := r.leaf[at:]
	from := uint64(at) + uint64(order.Uint32(h[4:])) + uint64(order.Uint32(h[8:]))
	to := from + uint64(order.Uint32(h[12:]))
	if order.Uint32(h) != 0 || to > uint64(len(r.leaf)) {
		return nil
	}
	return r.leaf[from:to:to]
}

// read returns a page with those that continue it, good until the next call.
func (r *leafReader) read(id uint64) []byte {
	r.leaf = nil
	if id < 2 || id >= r.pages {
		return nil
	}
	// As long as the last one was, which is long enough as a rule.
	have := min(max(r.leafPages, 1), 16, r.pages-id)
	if r.buf = r.grown(have); !r.readAt(r.buf, id) {
		return nil
	}
	n := uint64(order.Uint32(r.buf[12:])) + 1
	if order.Uint64(r.buf) != id || n > min(r.pages-id, r.most) {
		return nil
	}
	if n > have {
		r.buf = r.grown(n)
		if !r.readAt(r.buf[have*r.pageSize:], id+have) {
			return nil
		}
	}
	return r.buf[:n*r.pageSize]
}

// head returns the first of a leaf's pages, or a whole branch, in the same way.
func (r *leafReader) head(id uint64) []byte {
	r.leaf = nil
	if id < 2 || id >= r.pages {
		return nil
	}
	page := r.grown(1)
	if r.buf = page; !r.readAt(page, id) || order.Uint64(page) != id {
		return nil
	}
	if order.Uint16(page[8:]) == flagBranch && order.Uint32(page[12:]) > 0 {
		return r.read(id)
	}
	return page
}

func (r *leafReader) readAt(b []byte, id uint64) bool {
	_, err := r.f.ReadAt(b, int64(id*r.pageSize))
	return err == nil // Get meets it again
}

// grown is the buffer with room for n pages; what it held stays.
func (r *leafReader) grown(n uint64) []byte {
	size := n * r.pageSize
	if uint64(cap(r.buf)) >= size {
		return r.buf[:size]
	}
	return append(make([]byte, 0, size), r.buf...)[:size]
}

// search returns the last element of a page whose key is not behind k, -1 when
// there is none.
func search(page, k []byte, branch bool) int {
	if len(page) < pageHead {
		return -1
	}
	count := int(order.Uint16(page[10:]))
	if pageHead+count*elementHead > len(page) {
		return -1
	}
	return sort.Search(count, func(i int) bool { return bytes.Compare(keyOf(page, i, branch), k) > 0 }) - 1
}

// keyOf is the key of an element, nil when it lies beyond the page.
func keyOf(page []byte, i int, branch bool) []byte {
	at := pageHead + i*elementHead
	pos, size := page[at+4:], page[at+8:]
	if branch {
		pos, size = page[at:], page[at+4:]
	}
	from := uint64(at) + uint64(order.Uint32(pos))
	to := from + uint64(order.Uint32(size))
	if to > uint64(len(page)) {
		return nil
	}
	return page[from:to]
}

// locate finds the value of a key whose leaf begins with it, or with small ones,
// and returns where in the file it stands. It remembers the last.
func (r *leafReader) locate(k []byte) (from int64, size uint64, ok bool) {
	if r.root == 0 {
		return 0, 0, false
	}
	if string(r.key) == string(k) {
		return r.from, r.size, true
	}
	id, page := r.down(k, r.head)
	if page == nil {
		return 0, 0, false
	}
	n := uint64(order.Uint32(page[12:])) + 1
	for i := range int(order.Uint16(page[10:])) {
		at := uint64(pageHead + i*elementHead)
		if at+elementHead > uint64(len(page)) {
			break
		}
		key := keyOf(page, i, false)
		if string(key) != string(k) {
			continue
		}
		from, size := at+uint64(order.Uint32(page[at+4:]))+uint64(len(key)), uint64(order.Uint32(page[at+12:]))
		if order.Uint32(page[at:]) != 0 || n > r.pages-id || from+size > n*r.pageSize {
			break
		}
		r.key, r.from, r.size = append(r.key[:0], k...), int64(id*r.pageSize+from), size
		return r.from, size, true
	}
	return 0, 0, false
}

// part returns a part of the file, in memory of its own; nil when it cannot be read.
func (r *leafReader) part(from int64, size uint64) []byte {
	b := make([]byte, size)
	if _, err := r.f.ReadAt(b, from); err != nil {
		return nil // Get meets it again
	}
	return b
}
