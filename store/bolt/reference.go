package bolt

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Pages of one site are mostly template. So a capture is compressed against a
// reference: an earlier capture of its host that is like it and stands whole,
// never in terms of another. A capture that is like none of the references is
// kept whole and becomes one, so that a redesign brings its own.

const (
	maxReferences = 8        // of a host; the one used least lately makes room
	minReference  = 512      // bytes that a reference has at least
	maxReference  = 1 << 20  // and at most
	likeEnough    = .1       // of the length of a page: what takes more is tried with other references, and alone
	muchBetter    = .9       // of the size that a page takes alone: more is not worth it to depend on another capture
	maxOpen       = 32       // references in memory
	maxOpenBytes  = 16 << 20 // and what they hold together

	// An encoder has 2.6 MB of tables, and to touch them for the first time takes
	// longer than to pack many pages. So few references have their own.
	oftenUsed  = 8  // captures that were packed against a reference before it has an encoder
	farBetween = 16 // captures that are packed, at least, between one that gets it and the next
)

// A reference is one in memory.
type reference struct {
	seq   uint64 // of the capture
	whole []byte // its headers and body

	packed int  // captures against it; references.mu
	own    bool // it has an encoder of its own; references.mu

	once [2]sync.Once
	enc  *zstd.Encoder
	dec  *zstd.Decoder
	err  [2]error
}

// newEncoder returns one that packs against what is whole.
func newEncoder(whole []byte) (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithWindowSize(2*maxInline),
		zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderDictRaw(0, whole))
}

func (r *reference) encoder() (*zstd.Encoder, error) {
	r.once[0].Do(func() { r.enc, r.err[0] = newEncoder(r.whole) })
	return r.enc, r.err[0]
}

func (r *reference) decoder() (*zstd.Decoder, error) {
	r.once[1].Do(func() {
		r.dec, r.err[1] = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderDictRaw(0, r.whole))
	})
	return r.dec, r.err[1]
}

// A choice is a reference of a host.
type choice struct {
	seq  uint64
	used uint64 // when a capture was last like it
}

// references are those of all hosts, and some of them ready for use.
type references struct {
	mu     sync.Mutex
	byHost map[string][]choice // the one used last first
	uses   uint64
	open   []*reference // the one used last first

	packed int                // captures against any of them since one got an encoder of its own
	shared chan *zstd.Encoder // for those that have none, as many as there are processors; nil is one to be made
}

// pack appends to dst what it takes to have whole from a reference.
func (r *references) pack(ref *reference, whole, dst []byte) ([]byte, error) {
	r.mu.Lock()
	ref.packed++
	r.packed++
	if !ref.own && ref.packed > oftenUsed && r.packed > farBetween {
		ref.own, r.packed = true, 0
	}
	own := ref.own
	r.mu.Unlock()
	if own {
		enc, err := ref.encoder()
		if err != nil {
			return nil, err
		}
		return enc.EncodeAll(whole, dst), nil
	}
	enc := <-r.shared
	defer func() { r.shared <- enc }()
	b := bytes.NewBuffer(dst)
	if enc == nil {
		var err error
		if enc, err = newEncoder(ref.whole); err != nil {
			return nil, err
		}
	} else if err := enc.ResetWithOptions(b, zstd.WithEncoderDictRaw(0, ref.whole)); err != nil {
		return nil, err
	}
	enc.ResetContentSize(b, int64(len(whole)))
	_, err := enc.Write(whole)
	err = errors.Join(err, enc.Close())
	return b.Bytes(), err
}

// of returns the references of a host, the likeliest first.
func (r *references) of(host string) []choice {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.byHost[host])
}

// use notes that a capture was like a reference.
func (r *references) use(host string, seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.uses++
	all := r.byHost[host]
	for i := range all {
		if all[i].seq == seq {
			all[i].used = r.uses
		}
	}
	slices.SortStableFunc(all, func(a, b choice) int { return cmp.Compare(b.used, a.used) })
}

// know replaces the references of a host by those that its record names.
func (r *references) know(host string, seqs []uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []choice
	for _, c := range r.byHost[host] {
		if slices.Contains(seqs, c.seq) {
			all = append(all, c)
		}
	}
	for _, seq := range seqs {
		if !slices.ContainsFunc(all, func(c choice) bool { return c.seq == seq }) {
			r.uses++
			all = append([]choice{{seq: seq, used: r.uses}}, all...)
		}
	}
	if r.byHost == nil {
		r.byHost = map[string][]choice{}
	}
	r.byHost[host] = all
}

// withRoom returns the references that a host keeps when another comes.
func (r *references) withRoom(host string, seqs []uint64) []uint64 {
	if len(seqs) < maxReferences {
		return seqs
	}
	all := r.of(host)
	if len(all) == 0 {
		return seqs[1:]
	}
	last := all[len(all)-1].seq
	return slices.DeleteFunc(slices.Clone(seqs), func(seq uint64) bool { return seq == last })
}

// find returns a capture that is ready; nil when it is not.
func (r *references) find(seq uint64) *reference {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, o := range r.open {
		if o.seq == seq {
			copy(r.open[1:i+1], r.open[:i])
			r.open[0] = o
			return o
		}
	}
	return nil
}

// reference returns the capture with a number, ready to be one.
func (a *Archive) reference(tx *snapshot, seq uint64) (*reference, error) {
	r := &a.references
	if o := r.find(seq); o != nil {
		return o, nil
	}
	var c captureRecord
	k := seqKey(seq)
	packed, err := cutPayload(k, tx.Bucket(bucketCaptures).Get(k), &c)
	if err != nil {
		return nil, err
	}
	if c.SameAs != 0 || c.Reference != 0 || c.Blob || c.dropped() != nil {
		return nil, errors.New("it does not stand whole")
	}
	whole, err := a.unpack(packed)
	if err != nil {
		return nil, err
	}
	o := &reference{seq: seq, whole: slices.Clone(whole)} // not the mapped file's
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = slices.Insert(r.open, 0, o)
	size := 0
	for i, o := range r.open {
		if size += len(o.whole); i > 0 && (i == maxOpen || size > maxOpenBytes) {
			clear(r.open[i:]) // coders that hold no stream need no Close
			r.open = r.open[:i]
			break
		}
	}
	return o, nil
}

// packAgainst compresses headers and body of a capture against the reference
// of its host that is like it. It returns 0 when it is to stand whole.
func (a *Archive) packAgainst(host string, whole []byte) (packed []byte, seq uint64, err error) {
	if len(whole) <= 64 {
		return a.pack(whole), 0, nil
	}
	var best []byte
	for _, c := range a.references.of(host) {
		ref := a.references.find(c.seq)
		if ref == nil && a.view(func(tx *snapshot) (err error) {
			ref, err = a.reference(tx, c.seq)
			return err
		}) != nil {
			continue // what is damaged is found by verify; this capture does without
		}
		b, err := a.references.pack(ref, whole, make([]byte, 1, len(whole)/8+64))
		if err != nil {
			return nil, 0, err
		}
		if best == nil || len(b) < len(best) {
			best, seq = b, c.seq
		}
		if float64(len(best)) < likeEnough*float64(len(whole)) {
			break
		}
	}
	if best != nil && float64(len(best)) >= likeEnough*float64(len(whole)) {
		if packed = a.pack(whole); float64(len(best)) > muchBetter*float64(len(packed)) {
			return packed, 0, nil
		}
	}
	if best == nil {
		return a.pack(whole), 0, nil
	}
	a.references.use(host, seq)
	best[0] = codecReference
	return best, seq, nil
}

// unpackCapture returns headers and body of a capture that stands where its
// record is.
func (a *Archive) unpackCapture(tx *snapshot, packed []byte, c *captureRecord) ([]byte, error) {
	if len(packed) == 0 || packed[0] != codecReference {
		return a.unpack(packed)
	}
	ref, err := a.reference(tx, c.Reference)
	if err != nil {
		return nil, fmt.Errorf("its reference %016x: %w", c.Reference, err)
	}
	dec, err := ref.decoder()
	if err != nil {
		return nil, err
	}
	return dec.DecodeAll(packed[1:], nil)
}
