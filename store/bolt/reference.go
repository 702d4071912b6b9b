package bolt

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"runtime"
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
	likeEnough    = .03      // of the length of a page: what takes more is tried with other references, and alone
	muchBetter    = .9       // of the size that a page takes alone: more is not worth it to depend on another capture
	maxOpen       = 32       // references in memory
	maxOpenBytes  = 16 << 20 // and what they hold together
	oftenUsed     = 8        // captures that were tried with a reference before it has an encoder of its own, with .5 MB of tables
)

// With which reference a capture goes best is tried quickly, and a page that is
// nearly all template needs no more. What takes more space, and what stands
// whole, is worth more work for an eighth less.
const (
	quick    = zstd.SpeedFastest
	thorough = zstd.SpeedBetterCompression
	worthIt  = 1 << 10 // bytes: the thorough one has 8 MB of tables to make anew for each reference
)

// A reference is one in memory.
type reference struct {
	seq   uint64 // of the capture
	whole []byte // its headers and body

	tried int // captures with it; references.mu

	once [2]sync.Once
	enc  *zstd.Encoder
	dec  *zstd.Decoder
	err  [2]error
}

// newEncoder returns one that packs against what is whole.
func newEncoder(level zstd.EncoderLevel, whole []byte) (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithWindowSize(2*maxInline),
		zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderDictRaw(0, whole))
}

func (r *reference) encoder() (*zstd.Encoder, error) {
	r.once[0].Do(func() { r.enc, r.err[0] = newEncoder(quick, r.whole) })
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

	quick, thorough encoders
}

// encoders are shared by references, as many as there are processors; nil is one
// to be made.
type encoders struct {
	level zstd.EncoderLevel
	idle  chan *zstd.Encoder
}

func newEncoders(level zstd.EncoderLevel) encoders {
	e := encoders{level, make(chan *zstd.Encoder, runtime.GOMAXPROCS(0))}
	for range cap(e.idle) {
		e.idle <- nil
	}
	return e
}

// pack appends to dst what it takes to have whole from a reference.
func (e *encoders) pack(ref, whole, dst []byte) ([]byte, error) {
	enc := <-e.idle
	defer func() { e.idle <- enc }()
	b := bytes.NewBuffer(dst)
	if enc == nil {
		var err error
		if enc, err = newEncoder(e.level, ref); err != nil {
			return nil, err
		}
	} else if err := enc.ResetWithOptions(b, zstd.WithEncoderDictRaw(0, ref)); err != nil {
		return nil, err
	}
	enc.ResetContentSize(b, int64(len(whole)))
	_, err := enc.Write(whole)
	err = errors.Join(err, enc.Close())
	return b.Bytes(), err
}

// try appends to dst what it takes to have whole from a reference, found quickly.
func (r *references) try(ref *reference, whole, dst []byte) ([]byte, error) {
	r.mu.Lock()
	ref.tried++
	own := ref.tried > oftenUsed
	r.mu.Unlock()
	if !own {
		return r.quick.pack(ref.whole, whole, dst)
	}
	enc, err := ref.encoder()
	if err != nil {
		return nil, err
	}
	return enc.EncodeAll(whole, dst), nil
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
	var (
		best *reference
		took int // with it
	)
	for _, c := range a.references.of(host) {
		ref := a.references.find(c.seq)
		if ref == nil && a.view(func(tx *snapshot) (err error) {
			ref, err = a.reference(tx, c.seq)
			return err
		}) != nil {
			continue // what is damaged is found by verify; this capture does without
		}
		b, err := a.references.try(ref, whole, make([]byte, 1, len(whole)/8+64))
		if err != nil {
			return nil, 0, err
		}
		if best == nil || len(b) < took {
			best, took, packed = ref, len(b), b
		}
		if float64(took) < likeEnough*float64(len(whole)) {
			break
		}
	}
	if best == nil {
		return a.pack(whole), 0, nil
	}
	if float64(took) >= likeEnough*float64(len(whole)) {
		if took >= worthIt {
			b, err := a.references.thorough.pack(best.whole, whole, make([]byte, 1, took))
			if err != nil {
				return nil, 0, err
			}
			if len(b) < took {
				packed = b
			}
		}
		if alone := a.pack(whole); float64(len(packed)) > muchBetter*float64(len(alone)) {
			return alone, 0, nil
		}
	}
	a.references.use(host, best.seq)
	packed[0] = codecReference
	return packed, best.seq, nil
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
