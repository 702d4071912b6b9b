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
}

const maxLeaf = 16 << 20 // of a leaf that it reads; a length may be damaged

// reset makes it read a bucket of another state, without what the journal says
// of it. It reads nothing of a bucket that lies within its parent, or of a file
// that may be damaged.
func (r *leafReader) reset(f io.ReaderAt, b *bucket) {
	r.root, r.leaf = 0, nil
	clear(r.branches)
	if b.tree == nil {
		return
	}
	tx := b.snapshot.Tx
	r.f, r.root, r.state = f, uint64(b.tree.Root()), tx.ID()
	r.pageSize = uint64(tx.DB().Info().PageSize)
	r.pages = uint64(tx.Size()) / r.pageSize
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
	id := r.root
	for range maxDepth {
		page := r.branches[id]
		if page == nil {
			if page = r.read(id); page == nil {
				return nil, false
			}
			if order.Uint16(page[8:]) == flagLeaf {
				r.leaf, r.leafPages = page, uint64(len(page))/r.pageSize
				return r.find(k), true
			}
			if order.Uint16(page[8:]) != flagBranch {
				return nil, false
			}
			page = bytes.Clone(page)
			r.branches[id] = page
		}
		i := search(page, k, true)
		if i < 0 {
			return nil, false
		}
		id = order.Uint64(page[pageHead+i*elementHead+8:])
	}
	return nil, false
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
	if order.Uint64(r.buf) != id || n > min(r.pages-id, maxLeaf/r.pageSize) {
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
