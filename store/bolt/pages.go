package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// A fileMeta is one of the two meta pages of a bbolt file.
type fileMeta struct {
	pageSize uint64
	root     uint64 // page of the root bucket
	freelist uint64
	pages    uint64 // all of the file that is in use
	txid     uint64
}

const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	pageHead    = 16
	flagBranch  = 0x01
	flagLeaf    = 0x02
	flagFree    = 0x10
	elementHead = 16
)

// Integers of a bbolt file have the order of the machine that wrote it.
var order = binary.NativeEndian

func readMeta(page []byte) (m fileMeta, err error) {
	if len(page) < pageHead+64 {
		return m, errors.New("no meta page")
	}
	b := page[pageHead:]
	switch {
	case order.Uint32(b) != boltMagic:
		return m, errors.New("no bbolt file")
	case order.Uint32(b[4:]) != boltVersion:
		return m, fmt.Errorf("bbolt version %d is not known", order.Uint32(b[4:]))
	}
	sum := fnv.New64a()
	sum.Write(b[:56])
	if sum.Sum64() != order.Uint64(b[56:]) {
		return m, errors.New("checksum of the meta page does not fit")
	}
	return fileMeta{
		pageSize: uint64(order.Uint32(b[8:])), root: order.Uint64(b[16:]), freelist: order.Uint64(b[32:]),
		pages: order.Uint64(b[40:]), txid: order.Uint64(b[48:]),
	}, nil
}

// readMetas returns the meta pages that are whole, the newest first.
func readMetas(f io.ReaderAt) (metas []fileMeta, first error) {
	buf := make([]byte, 4096)
	n, err := f.ReadAt(buf, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	m, first := readMeta(buf[:n])
	sizes := []uint64{m.pageSize}
	if first == nil {
		metas = append(metas, m)
	} else {
		sizes = sizes[:0]
		for size := uint64(1 << 10); size <= 64<<10; size *= 2 {
			sizes = append(sizes, size)
		}
	}
	for _, size := range sizes {
		n, err := f.ReadAt(buf, int64(size))
		if err != nil && err != io.EOF {
			return nil, err
		}
		if m, err := readMeta(buf[:n]); err == nil && m.pageSize == size {
			metas = append(metas, m)
			break
		}
	}
	if len(metas) == 2 && metas[1].txid > metas[0].txid {
		metas[0], metas[1] = metas[1], metas[0]
	}
	return metas, first
}

// checkFile says whether the file can be an archive and is all there, before
// bbolt maps it: reading a mapped page that is not there kills a process.
func checkFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("open archive: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open archive: %w", err)
	}
	if info.Size() == 0 {
		return fmt.Errorf("open archive: %s is empty; remove it to begin anew, or %s", name, bringBack(filepath.Dir(name)))
	}
	metas, err := readMetas(f)
	if len(metas) == 0 {
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("open archive: %s is no archive or its beginning is damaged (%w); %s", name, err, bringBack(filepath.Dir(name)))
	}
	m := metas[0]
	if m.pageSize < 1<<10 || m.pageSize > 64<<10 || m.root >= m.pages || m.pages > 1<<40 {
		return fmt.Errorf("open archive: %s is damaged: its meta page makes no sense; %s", name, bringBack(filepath.Dir(name)))
	}
	if need := int64(m.pages * m.pageSize); info.Size() < need {
		return fmt.Errorf("open archive: %s is cut short: %d of %d bytes; %s", name, info.Size(), need, bringBack(filepath.Dir(name)))
	}
	return nil
}

// bringBack says how an archive is brought back from a backup, which is not
// copied over what is there.
func bringBack(dir string) string {
	return fmt.Sprintf("bring it back from a backup: mv %[1]s %[1]s-damaged, and then luutin --archive %[1]s restore BACKUP", dir)
}

// A pageCheck walks the pages of a bbolt file by reading it plainly, so that
// no damage can lead astray what follows: bbolt itself trusts every page
// number and every length.
type pageCheck struct {
	f        io.ReaderAt
	pageSize uint64
	pages    uint64
	used     bitmap
	report   func(page uint64, format string, args ...any)
	stop     func() bool
	damaged  bool // something was reported
	shallow  bool // only the page from which it begins, and what lies in it
}

type bitmap []uint64

func (b bitmap) has(i uint64) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bitmap) set(i uint64)      { b[i/64] |= 1 << (i % 64) }

// read returns a page with those that continue it, and marks them as used.
// It is nil when there is something wrong with it.
func (c *pageCheck) read(id uint64) []byte {
	if id < 2 || id >= c.pages {
		c.report(id, "it is referred to, but the file has pages 2 … %d", c.pages-1)
		return nil
	}
	head := make([]byte, pageHead)
	if _, err := c.f.ReadAt(head, int64(id*c.pageSize)); err != nil {
		c.report(id, "%v", err)
		return nil
	}
	if got := order.Uint64(head); got != id {
		c.report(id, "it says that it is page %d", got)
		return nil
	}
	n := uint64(order.Uint32(head[12:])) + 1
	if n > c.pages-id {
		c.report(id, "it says that it goes on for %d pages, beyond the end", n)
		return nil
	}
	for i := id; i < id+n; i++ {
		if c.used.has(i) {
			c.report(i, "it is referred to twice")
			return nil
		}
		c.used.set(i)
	}
	page := make([]byte, n*c.pageSize)
	if _, err := c.f.ReadAt(page, int64(id*c.pageSize)); err != nil {
		c.report(id, "%v", err)
		return nil
	}
	return page
}

// bucket walks the tree below a page. Keys must lie in [min, max); min is the
// first of them, nil when that is not known, max is nil when there is no end.
func (c *pageCheck) bucket(id uint64, min, max []byte) {
	page := c.read(id)
	if page == nil || c.stop() {
		return
	}
	type child struct {
		id  uint64
		key []byte
	}
	var children, buckets []child
	elements, size, err := cutPage(page)
	if err != nil {
		c.report(id, "%v", err)
		return
	}
	if pages := (uint64(size) + c.pageSize - 1) / c.pageSize; pages != uint64(len(page))/c.pageSize {
		c.report(id, "it goes on for %d pages, but %d bytes need %d", uint64(len(page))/c.pageSize, size, pages)
	}
	var last []byte
	for i, e := range elements {
		switch {
		case i == 0 && min != nil && string(e.key) != string(min):
			c.report(id, "its first key is %x, but the page above says %x", e.key, min)
		case i > 0 && string(e.key) <= string(last):
			c.report(id, "key %x stands behind %x", e.key, last)
		case max != nil && string(e.key) >= string(max):
			c.report(id, "key %x belongs to the next page, which begins with %x", e.key, max)
		}
		last = e.key
		switch {
		case e.child != 0:
			children = append(children, child{e.child, e.key})
		case e.bucket:
			root, err := cutBucket(e.value)
			if err != nil {
				c.report(id, "bucket %q: %v", e.key, err)
			} else if root != 0 {
				buckets = append(buckets, child{root, e.key})
			}
		}
	}
	for i, e := range children {
		end := max
		if i+1 < len(children) {
			end = children[i+1].key
		}
		c.bucket(e.id, e.key, end)
	}
	for _, e := range buckets {
		if !c.shallow {
			c.bucket(e.id, nil, nil)
		}
	}
}

// branches are the pages of a tree that lead to others.
type branches struct {
	f        io.ReaderAt
	pageSize uint64
}

// walk reads them level by level, which are a hundredth of the tree: its leaves,
// all on one level, are not read. It returns an error when one leads to another of
// them, or to itself, that is not below it.
func (b *branches) walk(root uint64) error {
	from := map[uint64]uint64{} // those that were seen, by what led there
	type link struct{ above, id uint64 }
	for level := []link{{root, root}}; ; {
		for _, l := range level {
			if above, seen := from[l.id]; seen {
				return fmt.Errorf("page %d leads to page %d, which page %d leads to", l.above, l.id, above)
			}
		}
		// One damaged page is not to hide what the level is.
		some := []link{level[0], level[len(level)/2], level[len(level)-1]}
		if !slices.ContainsFunc(some, func(l link) bool { return b.children(l.id) != nil }) {
			return nil
		}
		var below []link
		for _, l := range level {
			from[l.id] = l.above
			for _, id := range b.children(l.id) {
				below = append(below, link{l.id, id})
			}
		}
		if len(below) == 0 {
			return nil
		}
		level = below
	}
}

// children returns the pages that a branch page leads to; nil for any other.
func (b *branches) children(id uint64) (ids []uint64) {
	page := make([]byte, b.pageSize)
	n, _ := b.f.ReadAt(page, int64(id*b.pageSize))
	if page = page[:n]; n < pageHead || order.Uint16(page[8:]) != flagBranch {
		return nil
	}
	if more := int64(order.Uint32(page[12:])); more > 0 && more < maxLeaf/int64(b.pageSize) {
		page = make([]byte, (more+1)*int64(b.pageSize))
		n, _ = b.f.ReadAt(page, int64(id*b.pageSize))
		page = page[:n]
	}
	for i := range int(order.Uint16(page[10:])) {
		at := pageHead + i*elementHead
		if at+elementHead > len(page) {
			break
		}
		ids = append(ids, order.Uint64(page[at+8:]))
	}
	return ids
}

// An element is one entry of a page: a child page, a bucket, or a value.
type element struct {
	key    []byte
	child  uint64
	bucket bool
	value  []byte
}

// cutPage reads the elements of a branch or leaf page and returns how many
// bytes it uses. bbolt writes keys and values one behind the other, so every
// position is known before it is read.
func cutPage(page []byte) (elements []element, size int, err error) {
	flags, count := order.Uint16(page[8:]), int(order.Uint16(page[10:]))
	if flags != flagBranch && flags != flagLeaf {
		return nil, 0, fmt.Errorf("it is neither branch nor leaf (%#x)", flags)
	}
	size = pageHead + count*elementHead
	if size > len(page) || flags == flagBranch && count == 0 {
		return nil, 0, fmt.Errorf("it says that it holds %d elements", count)
	}
	elements = make([]element, count)
	for i := range elements {
		at := pageHead + i*elementHead
		h := page[at : at+elementHead]
		var e element
		var pos, keySize, valueSize uint64
		if flags == flagBranch {
			pos, keySize, e.child = uint64(order.Uint32(h)), uint64(order.Uint32(h[4:])), order.Uint64(h[8:])
			if e.child < 2 {
				return nil, 0, fmt.Errorf("element %d leads to page %d", i, e.child)
			}
		} else {
			e.bucket = order.Uint32(h) == 1
			if order.Uint32(h) > 1 {
				return nil, 0, fmt.Errorf("element %d has unknown flags", i)
			}
			pos, keySize, valueSize = uint64(order.Uint32(h[4:])), uint64(order.Uint32(h[8:])), uint64(order.Uint32(h[12:]))
		}
		if uint64(at)+pos != uint64(size) || keySize+valueSize > uint64(len(page)-size) {
			return nil, 0, fmt.Errorf("element %d lies at the wrong place or beyond the end", i)
		}
		end := size + int(keySize)
		e.key = page[size:end:end]
		size = end + int(valueSize)
		e.value = page[end:size:size]
		elements[i] = e
	}
	return elements, size, nil
}

// cutBucket returns the root page of a bucket, 0 when it lies in value.
func cutBucket(value []byte) (root uint64, err error) {
	if len(value) < 16 {
		return 0, errors.New("it is too short")
	}
	if order.Uint64(value[8:]) != 0 {
		return 0, errors.New("it has a sequence, which this archive does not use")
	}
	if root = order.Uint64(value); root != 0 {
		if len(value) > 16 {
			return 0, errors.New("it has both a root page and content")
		}
		return root, nil
	}
	page := value[16:]
	if len(page) < pageHead || order.Uint16(page[8:]) != flagLeaf || order.Uint64(page) != 0 || order.Uint32(page[12:]) != 0 {
		return 0, errors.New("its page is no leaf")
	}
	elements, size, err := cutPage(page)
	if err != nil {
		return 0, err
	}
	if size != len(page) {
		return 0, errors.New("its page is longer than its elements")
	}
	for i, e := range elements {
		if e.bucket || i > 0 && string(e.key) <= string(elements[i-1].key) {
			return 0, errors.New("its keys are out of order")
		}
	}
	return 0, nil
}

// cutFree returns the numbers of free pages that a page lists, 8 bytes each, and
// how many it says these are; nil when it is no such list.
func cutFree(page []byte) (n uint64, numbers []byte) {
	if len(page) < pageHead+8 || order.Uint16(page[8:]) != flagFree {
		return 0, nil
	}
	n, numbers = uint64(order.Uint16(page[10:])), page[pageHead:]
	if n == 0xFFFF {
		return order.Uint64(numbers), numbers[8:]
	}
	return n, numbers
}

// free checks that every page is either used or free. The list of free pages
// decides which page the next commit overwrites.
func (c *pageCheck) free(id uint64) {
	page := c.read(id)
	if page == nil {
		return
	}
	n, b := cutFree(page)
	if b == nil {
		c.report(id, "it is no list of free pages")
		return
	}
	if n > uint64(len(b))/8 {
		c.report(id, "it says that it lists %d free pages", n)
		return
	}
	free := make(bitmap, len(c.used))
	for i := range n {
		switch p := order.Uint64(b[8*i:]); {
		case p < 2 || p >= c.pages:
			c.report(p, "it is listed as free, but the file has pages 2 … %d", c.pages-1)
		case free.has(p):
			c.report(p, "it is listed as free twice")
		case c.used.has(p):
			c.report(p, "it is listed as free, but it is used: writing to the archive would destroy it")
		default:
			free.set(p)
		}
	}
	for p := uint64(2); p < c.pages; p++ {
		if !c.used.has(p) && !free.has(p) {
			c.report(p, "it is neither used nor free")
		}
	}
}
