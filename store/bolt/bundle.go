package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// A page of bbolt holds two keys at least, and no two pages share what they leave
// empty: of captures that stand each for itself a seventh of the file is nothing,
// and of small ones half. So those that come in one transaction, and small ones once
// they are many, are written one behind the other, as one value under the number of
// the first, a bundle. Each of the others has an entry
// that says where in it it stands. Whoever uses the bucket sees records only.
//
// A bundle is a zero byte, which begins no record since that would have no JSON,
// and each record with its length before it. An entry is a zero byte, the number of
// the first, place and length of the record, and a checksum like that of records.
// So each of the two says where a record is, should the other be damaged.

const (
	bundleMark  = 0
	bundleHead  = 1
	lengthSize  = 4
	entrySize   = 1 + 8 + 4 + 4 + 4
	bundleSize  = 256 << 10 // of the records in one, about
	gatherSize  = 8 << 10   // of a small one
	gatherMost  = 32        // small ones that stand each for itself
	bundleLeast = 5         // records that come at once: bbolt parts no page with fewer, and wrote the bundle again with the next
)

func hasBundles(bucket []byte) bool { return string(bucket) == string(bucketCaptures) }

// A member is a record in a bundle: in that of a number, from a byte on.
type member struct {
	first    uint64
	at, size uint32
}

func isBundle(v []byte) bool { return len(v) > entrySize && v[0] == bundleMark }

// entryOf is the value that stands under the key of a record which is in a bundle.
func (m member) entryOf(k []byte) []byte {
	b := append(make([]byte, 0, entrySize), bundleMark)
	b = binary.BigEndian.AppendUint64(b, m.first)
	b = binary.BigEndian.AppendUint32(b, m.at)
	return seal(k, binary.BigEndian.AppendUint32(b, m.size))
}

// memberOf reads an entry; ok is false when it is none, or damaged.
func memberOf(k, v []byte) (m member, ok bool) {
	if len(v) != entrySize || v[0] != bundleMark {
		return m, false
	}
	b, err := unseal(k, v)
	if err != nil {
		return m, false
	}
	return member{binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint32(b[9:]), binary.BigEndian.Uint32(b[13:])}, true
}

// of returns the record that stands at a place of a bundle. It is not nil: what
// is not there has no right checksum.
func (m member) of(bundle []byte) []byte {
	end := uint64(m.at) + uint64(m.size)
	if end > uint64(len(bundle)) {
		return []byte{}
	}
	return bundle[m.at:end:end]
}

// members are those of a bundle, by their numbers: of as many as it
// says itself. whole is set when they fill it.
func members(first uint64, bundle []byte, whole *bool) iter.Seq2[uint64, member] {
	return func(yield func(uint64, member) bool) {
		at := uint64(bundleHead)
		for seq := first; at+lengthSize <= uint64(len(bundle)); seq++ {
			m := member{first, uint32(at + lengthSize), binary.BigEndian.Uint32(bundle[at:])}
			if at = uint64(m.at) + uint64(m.size); at > uint64(len(bundle)) || m.size == 0 || !yield(seq, m) {
				return
			}
		}
		if whole != nil {
			*whole = at == uint64(len(bundle))
		}
	}
}

// memberIn finds a record in a bundle by what that says.
func memberIn(first uint64, bundle []byte, seq uint64) (member, bool) {
	for at, m := range members(first, bundle, nil) {
		if at == seq {
			return m, true
		}
	}
	return member{}, false
}

// sealed says whether the value of a key is a record, or a bundle that begins
// with one, or an entry of one, and whole.
func sealed(k, v []byte) bool {
	if _, err := unseal(k, v); err == nil {
		return true
	}
	if !isBundle(v) {
		return false
	}
	for _, m := range members(0, v, nil) {
		_, err := unseal(k, m.of(v))
		return err == nil
	}
	return false
}

// complete is sealed for a bundle too whose length may be damaged.
func complete(k, v []byte) bool {
	whole := true
	if isBundle(v) {
		whole = false
		for range members(0, v, &whole) {
		}
	}
	return whole && sealed(k, v)
}

// record returns what stands under the key of a capture for whom nothing is
// bundled. bundle returns what is kept under the number of another.
func (b *bucket) record(k, v []byte, bundle func(first uint64) []byte) []byte {
	seq, err := readSeq(k)
	if err != nil || len(v) == 0 {
		return v
	}
	var in []byte
	m, ok := memberOf(k, v)
	switch {
	case ok:
		in = bundle(m.first)
	case isBundle(v):
		in = v
		m, _ = memberIn(seq, in, seq)
		m.first = seq
	case b.leaves == nil:
		return v
	default:
		in, m.first = v, seq // its mark may be what is damaged
	}
	found := m.of(in)
	if b.leaves == nil {
		return found
	}
	if _, err := unseal(k, found); err == nil {
		return found
	}
	return b.doubtful(seq, k, v, m.first, in)
}

// doubtful returns a record whose place, or bundle, is damaged: as the one or
// the other says, if that is right, otherwise what stands there.
func (b *bucket) doubtful(seq uint64, k, v []byte, first uint64, in []byte) []byte {
	if _, err := unseal(k, v); err == nil && len(v) != entrySize {
		return v // a record, of which the first byte says nothing
	}
	if m, ok := memberIn(first, in, seq); ok {
		if r := m.of(in); sealed(k, r) {
			return r
		}
	}
	if seq == first { // the next one says where it ends
		next := seqKey(seq + 1)
		if m, ok := memberOf(next, b.leaves.Get(next)); ok && m.first == first && m.at > bundleHead+2*lengthSize {
			if r := (member{first, bundleHead + lengthSize, m.at - bundleHead - 2*lengthSize}).of(in); sealed(k, r) {
				return r
			}
		}
	}
	if len(v) == entrySize {
		return []byte{} // not the entry, which may be whole
	}
	return v
}

// record returns the record under the key where the cursor stands.
func (c *cursor) record(v []byte) []byte {
	if isBundle(v) {
		if seq, err := readSeq(c.key); err == nil {
			c.first, c.bundle = seq, v
		}
	}
	return c.bucket.record(c.key, v, func(first uint64) []byte {
		if c.bundle == nil || c.first != first {
			c.first, c.bundle = first, c.bucket.stored(seqKey(first))
		}
		return c.bundle
	})
}

// stored returns what the tree holds under a key.
func (b *bucket) stored(k []byte) []byte {
	if b.leaves != nil {
		return b.leaves.Get(k)
	}
	return b.tree.Get(k)
}

// getBundled is Get of a bucket with bundles.
func (b *bucket) getBundled(k []byte) []byte {
	if v := b.snapshot.coming.get(k); v != nil {
		return v
	}
	if b.apart != nil {
		if v := b.apartBundled(k); v != nil {
			return v
		}
	}
	v := b.stored(k)
	if v == nil {
		return nil
	}
	return b.record(k, v, func(first uint64) []byte { return b.stored(seqKey(first)) })
}

// apartBundled reads a record, and of its bundle no more than that. It returns nil
// when bbolt is to look.
func (b *bucket) apartBundled(k []byte) []byte {
	v, known := b.apart.get(k)
	var from int64
	var size uint64
	if !known { // its leaf is large
		if from, size, known = b.bundles.locate(k); !known {
			return nil
		}
		v = b.bundles.part(from, min(size, entrySize))
	}
	m, ok := memberOf(k, v)
	switch {
	case ok:
		if from, size, ok = b.bundles.locate(seqKey(m.first)); !ok || uint64(m.at)+uint64(m.size) > size {
			return nil
		}
		return b.bundles.part(from+int64(m.at), uint64(m.size))
	case from == 0 && isBundle(v):
		m, _ = memberIn(0, v, 0)
		return bytes.Clone(m.of(v))
	case from == 0:
		return bytes.Clone(v)
	case size > entrySize && len(v) > 0 && v[0] == bundleMark:
		const head = bundleHead + lengthSize
		first := uint64(binary.BigEndian.Uint32(v[bundleHead:]))
		if first > size-head {
			return nil
		}
		return b.bundles.part(from+head, first)
	}
	return b.bundles.part(from, size)
}

// A coming holds captures that a transaction has added, until they are written.
type coming struct {
	first   uint64
	records [][]byte
	err     error // of writing them
}

// get returns a record that is to be written; nil when it is not one of them.
func (c *coming) get(k []byte) []byte {
	if c == nil || len(c.records) == 0 {
		return nil
	}
	seq, err := readSeq(k)
	if i := seq - c.first; err == nil && seq >= c.first && i < uint64(len(c.records)) {
		return c.records[i]
	}
	return nil
}

// last returns the key of the last of them; nil when there is none.
func (c *coming) last() []byte {
	if c == nil || len(c.records) == 0 {
		return nil
	}
	return seqKey(c.first + uint64(len(c.records)) - 1)
}

// putBundled sets a value of a bucket with bundles. It keeps v.
func (b *bucket) putBundled(k, v []byte) error {
	seq, err := readSeq(k)
	if err != nil {
		return err
	}
	c := b.snapshot.coming
	switch {
	case c == nil:
		return errors.New("nothing is to be written to this state")
	case c.get(k) != nil:
		c.records[seq-c.first] = v
		return nil
	}
	if old := b.tree.Get(k); old != nil {
		if err := b.unbundle(k, old); err != nil {
			return err
		}
		return b.tree.Put(k, v)
	}
	c.add(seq, v, b.tree.Put)
	return c.err
}

// add keeps a record until it is written. put is used when the records before are
// to be written first.
func (c *coming) add(seq uint64, v []byte, put func(k, v []byte) error) {
	if seq != c.first+uint64(len(c.records)) {
		c.write(put)
		c.first = seq
	}
	c.records = append(c.records, v)
}

// write writes the records that are kept.
func (c *coming) write(put func(k, v []byte) error) {
	err := writeBundles(c.first, c.records, put)
	c.first, c.records, c.err = 0, nil, errors.Join(c.err, err)
}

// unbundle writes all records of the bundle that holds one, each for itself. v
// is what is kept under the key of the one.
func (b *bucket) unbundle(k, v []byte) error {
	m, ok := memberOf(k, v)
	if !ok {
		if !isBundle(v) {
			return nil
		}
		m.first, _ = readSeq(k)
	}
	first := seqKey(m.first)
	bundle := append([]byte(nil), b.tree.Get(first)...)
	var whole bool
	for seq, m := range members(m.first, bundle, &whole) {
		k := seqKey(seq)
		r := m.of(bundle)
		if _, err := unseal(k, r); err != nil {
			return fmt.Errorf("%s: %w", where(bucketCaptures, k), err)
		}
		if err := b.tree.Put(k, r); err != nil {
			return err
		}
	}
	if !whole {
		return fmt.Errorf("%s: %w", where(bucketCaptures, first), errNotWhole)
	}
	return nil
}

// writeComing writes the captures that the transaction has added.
func (b *bucket) writeComing() {
	if c := b.snapshot.coming; c != nil {
		c.err = errors.Join(c.err, b.gather())
		c.write(b.tree.Put)
	}
}

// gather takes small captures that stand each for itself at the end of the bucket,
// when they are many, to be written anew with those that come: a crawl that is
// polite brings one at a time.
func (b *bucket) gather() error {
	c := b.snapshot.coming
	small := func(v []byte) bool { return len(v) <= gatherSize && v[0] != bundleMark }
	if n := len(c.records); n == 0 || n >= bundleLeast || !slices.ContainsFunc(c.records, small) {
		return nil
	}
	var before [][]byte // the last first
	cur := b.tree.Cursor()
	for k, v := cur.Last(); len(v) > 0 && small(v); k, v = cur.Prev() {
		if seq, err := readSeq(k); err != nil || seq != c.first-1-uint64(len(before)) {
			break
		}
		before = append(before, v)
	}
	if len(before)+len(c.records) < gatherMost {
		return nil
	}
	slices.Reverse(before)
	first := c.first - uint64(len(before))
	for i := range before {
		// Only pages out of which something was deleted are joined to others.
		if err := b.tree.Delete(seqKey(first + uint64(i))); err != nil {
			return err
		}
	}
	c.first, c.records = first, append(before, c.records...)
	return nil
}

// writeBundles writes records with numbers from first on: in bundles of about the
// same size, each for itself when they are few, or one is large.
func writeBundles(first uint64, records [][]byte, put func(k, v []byte) error) error {
	if len(records) < bundleLeast {
		for i, r := range records {
			if err := put(seqKey(first+uint64(i)), r); err != nil {
				return err
			}
		}
		return nil
	}
	size := 0
	for _, r := range records {
		if len(r) < bundleSize {
			size += lengthSize + len(r)
		}
	}
	most := size
	if n := (size + bundleSize - 1) / bundleSize; n > 1 {
		most = size / n
	}
	for len(records) > 0 {
		n, size := 0, bundleHead
		for ; n < len(records) && len(records[n]) < bundleSize && size < most; n++ {
			size += lengthSize + len(records[n])
		}
		if n < 2 {
			if err := put(seqKey(first), records[0]); err != nil {
				return err
			}
			first, records = first+1, records[1:]
			continue
		}
		bundle := append(make([]byte, 0, size), bundleMark)
		for i, r := range records[:n] {
			bundle = binary.BigEndian.AppendUint32(bundle, uint32(len(r)))
			if i > 0 {
				k := seqKey(first + uint64(i))
				if err := put(k, member{first, uint32(len(bundle)), uint32(len(r))}.entryOf(k)); err != nil {
					return err
				}
			}
			bundle = append(bundle, r...)
		}
		if err := put(seqKey(first), bundle); err != nil {
			return err
		}
		first, records = first+uint64(n), records[n:]
	}
	return nil
}

// bundled checks that the records of a bundle and their entries say the same.
// It is called for all keys in order.
func (c *check) bundled(seq uint64, k []byte) error {
	b := c.bucket(bucketCaptures)
	v := b.stored(k)
	if isBundle(v) {
		c.bundle = member{first: seq}
		var whole bool
		for at, m := range members(seq, v, &whole) {
			k := seqKey(at)
			if said, ok := memberOf(k, b.stored(k)); at != seq && (!ok || said != m) {
				return fmt.Errorf("capture %016x should be in it, where there is none, or what leads there is damaged", at)
			}
			c.bundle.size++
		}
		if !whole {
			return errors.New("the lengths of the captures in it are damaged")
		}
		return nil
	}
	if m, ok := memberOf(k, v); ok && (m.first != c.bundle.first || seq-m.first >= uint64(c.bundle.size)) {
		return fmt.Errorf("it should be in capture %016x, which does not know it", m.first)
	}
	return nil
}
