package bolt

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"math/bits"
	"os"
	"slices"
	"sort"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"luutin/store"
	"luutin/store/proof"
)

// Every visit is a leaf of a Merkle tree, in the order of their numbers. The
// entry of a visit in the bucket log is the hash of its leaf and those of the
// subtrees that it completes, so that the log only grows, by two hashes a visit.
// What it says can be computed anew from the visits; that it always said so is
// what checkpoints prove, which are signed.

const keyName = "archive.key"

// A logReader reads hashes of the log by their numbers in package tlog.
type logReader struct{ log *bucket }

func (r logReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		k := seqKey(uint64(n+1) << level)
		v := r.log.Get(k)
		if len(v) < (level+1)*tlog.HashSize {
			return nil, fmt.Errorf("%s: it is missing or too short; luutin repair makes the log anew", where(bucketLog, k))
		}
		hashes[i] = tlog.Hash(v[level*tlog.HashSize:])
	}
	return hashes, nil
}

// logEntry is the value in the log of the leaf with a number.
func logEntry(seq uint64, leaf tlog.Hash, r tlog.HashReader) ([]byte, error) {
	hashes, err := tlog.StoredHashesForRecordHash(int64(seq-1), leaf, r)
	if err != nil {
		return nil, err
	}
	v := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		v = append(v, h[:]...)
	}
	return v, nil
}

// leaf is what the log says of a visit: r is its answer, nil when there was
// none, url that of its target. Of a visit with a capture the digest and the
// length of the body are added.
func (v *visitRecord) leaf(seq uint64, r *response, url string) *proof.Leaf {
	l := &proof.Leaf{
		Article: v.Article, Host: v.Host, Result: string(v.Result), Time: v.Time, URL: url, Version: v.Version, Visit: seq,
	}
	if r != nil {
		l.URL, l.Post, l.FinalURL, l.Status, l.Truncated, l.Fetched = r.URL, r.Post, r.FinalURL, r.Status, r.Truncated, r.Fetched
	}
	return l
}

func (v *visitRecord) holds(l *proof.Leaf, digest string, length int64) {
	l.Digest, l.Length = hashPrefix+digest, length
}

// log writes the entry of a visit that is committed.
func (w *work) log(p *visit, seq uint64, visited *visitRecord) error {
	var r *response
	if p.Capture != nil {
		r = newResponse(p.Capture)
	}
	l := visited.leaf(seq, r, p.held.record.URL)
	if visited.Capture != 0 {
		visited.holds(l, hex.EncodeToString(p.digest[:]), p.Capture.Length())
	}
	text, err := l.Text()
	if err != nil {
		return err
	}
	return w.logLeaf(seq, text)
}

func (w *work) logLeaf(seq uint64, text []byte) error {
	v, err := logEntry(seq, tlog.RecordHash(text), logReader{w.logs})
	if err != nil {
		return err
	}
	return w.put(w.logs, seqKey(seq), v)
}

// leaf reads the leaf of a visit from its records.
func (s *snapshot) leaf(seq uint64) ([]byte, error) {
	k := seqKey(seq)
	v := s.Bucket(bucketVisits).Get(k)
	if v == nil {
		return nil, fmt.Errorf("%s: %w", where(bucketVisits, k), store.ErrNotFound)
	}
	var r visitRecord
	if _, err := cutPayload(k, v, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", where(bucketVisits, k), err)
	}
	answer, url := r.Response, ""
	var kept captureRecord
	if r.Capture != 0 {
		k := seqKey(r.Capture)
		if _, err := cutPayload(k, s.Bucket(bucketCaptures).Get(k), &kept); err != nil {
			return nil, fmt.Errorf("%s: %w", where(bucketCaptures, k), err)
		}
		if answer == nil {
			answer = &kept.response
		}
	}
	if answer == nil {
		k := recordKey(r.Host, r.Target)
		var t targetRecord
		if err := readTarget(s.Bucket(bucketTargets), k, &t); err != nil {
			return nil, err
		}
		url = t.URL
	}
	l := r.leaf(seq, answer, url)
	if r.Capture != 0 {
		r.holds(l, kept.Digest, kept.Length)
	}
	return l.Text()
}

// visits is the number of the last visit.
func (s *snapshot) visits() (uint64, error) { return s.lastSeq(bucketVisits) }

// completeLog writes the entries of visits that have none: of an earlier format,
// or because a process was killed while it did this.
func (a *Archive) completeLog() error {
	const many = 1024
	var from, last uint64
	err := a.view(func(tx *snapshot) (err error) {
		if last, err = tx.visits(); err != nil {
			return err
		}
		log := tx.Bucket(bucketLog) // its entries have no holes
		if last > 0 && log.Get(seqKey(last)) == nil {
			from = uint64(sort.Search(int(last), func(i int) bool { return log.Get(seqKey(uint64(i)+1)) == nil })) + 1
		}
		return nil
	})
	for ; err == nil && from > 0 && from <= last; from += many {
		err = a.do(&request{ctx: context.Background(), run: func(w *work) error {
			for seq := from; seq <= min(last, from+many-1); seq++ {
				text, err := w.tx.leaf(seq)
				if err == nil {
					err = w.logLeaf(seq, text)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}})
	}
	if err != nil {
		return fmt.Errorf("make the log of its visits: %w", err)
	}
	return nil
}

// keysRecord names the public keys that have signed checkpoints.
type keysRecord struct {
	Keys []string `json:"keys"`
}

func (s *snapshot) keys() (r keysRecord, err error) {
	k := []byte("keys")
	if v := s.Bucket(bucketMeta).Get(k); v != nil {
		if err = unsealJSON(k, v, &r); err != nil {
			err = fmt.Errorf("meta/keys: %w", err)
		}
	}
	return r, err
}

// made says what the log is called, which stays when the archive is copied, and
// which logs it follows.
func (s *snapshot) made() (r archiveRecord, err error) {
	k := []byte("archive")
	if err = unsealJSON(k, s.Bucket(bucketMeta).Get(k), &r); err != nil {
		err = fmt.Errorf("meta/archive: %w", err)
	}
	return r, err
}

// checkpoint is one of the log, without a root yet.
func (r *archiveRecord) checkpoint(size uint64) proof.Checkpoint {
	c := proof.Checkpoint{Origin: r.origin(), Size: int64(size)}
	if n := len(r.Logs); n > 0 {
		c.Follows, c.Kept = r.Logs[n-1].Origin, r.Logs[n-1].Kept
	}
	return c
}

// kept says how many of the first visits of a log with a name are those of this
// one; known is false when it is none of the archive's. The last former log says
// why they are not all.
func (r *archiveRecord) kept(origin string) (n int64, of *proof.Former, known bool) {
	if origin == r.origin() {
		return math.MaxInt64, nil, true
	}
	for i := len(r.Logs) - 1; i >= 0; i-- {
		if l := &r.Logs[i]; of == nil || l.Kept < n {
			n, of = l.Kept, l
		}
		if r.Logs[i].Origin == origin {
			return n, of, true
		}
	}
	return 0, nil, false
}

func (r *archiveRecord) origin() string {
	if r.Log != "" {
		return r.Log
	}
	h := hashOf(r.Created.UTC().Format("2006-01-02T15:04:05.999999999Z07:00"))
	return "luutin/" + hex.EncodeToString(h[:8])
}

// signer returns the key of the archive and its public half. It is made when
// there is none.
func (a *Archive) signer(origin string) (s note.Signer, public string, err error) {
	if s, public, err = a.readKey(origin); errors.Is(err, fs.ErrNotExist) {
		if err = a.makeKey(origin); err == nil {
			return a.readKey(origin)
		}
	}
	return s, public, err
}

// keyOf is the name of the log that the key of the archive is for.
func (a *Archive) keyOf() (origin string, err error) {
	b, err := os.ReadFile(a.path(keyName))
	if err != nil {
		return "", err
	}
	s, err := note.NewSigner(strings.TrimSpace(string(b)))
	if err != nil {
		return "", fmt.Errorf("%s: it is no key (%w)", a.path(keyName), err)
	}
	return s.Name(), nil
}

func (a *Archive) readKey(origin string) (s note.Signer, public string, err error) {
	name := a.path(keyName)
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, "", err
	}
	secret := strings.TrimSpace(string(b))
	if s, err = note.NewSigner(secret); err != nil {
		return nil, "", fmt.Errorf("%s: it is no key (%w); bring it back from where it is kept safe, or remove it and a new one is made", name, err)
	}
	if s.Name() != origin {
		return nil, "", fmt.Errorf("%s: it is the key of log %s, and this archive is %s; remove it and a new one is made", name, s.Name(), origin)
	}
	// PRIVATE+KEY+name+hash+base64 of the algorithm and the seed
	parts := strings.SplitN(secret, "+", 5)
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, "", fmt.Errorf("%s: it is no key of Ed25519", name)
	}
	public, err = note.NewEd25519VerifierKey(origin, ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey))
	return s, public, err
}

// checkKey says whether what is written can be signed in the end, before
// anything is.
func (a *Archive) checkKey() error {
	made, err := a.made()
	if err == nil {
		_, _, err = a.readKey(made.origin())
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // one is made when it is needed
	}
	return err
}

func (a *Archive) makeKey(origin string) error {
	secret, _, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return err
	}
	return a.keepKey([]byte(secret + "\n"))
}

// keepKey writes a key beside its place and moves it there, so that it is whole,
// and nobody else can ever read it.
func (a *Archive) keepKey(secret []byte) error {
	f, err := os.CreateTemp(a.dir, keyName+tempMark+"*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(secret)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := putNew(f.Name(), a.path(keyName)); err != nil {
		return err
	}
	return syncDir(a.dir)
}

var errNoLog = errors.New("it has an earlier format, without a log; any command that writes to it makes one, such as luutin checkpoint")

// Checkpoint implements store.Archive.
func (a *Archive) Checkpoint(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	signed, err := a.checkpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("checkpoint of archive %s: %w", a.dir, err)
	}
	return signed, nil
}

func (a *Archive) checkpoint(ctx context.Context) (signed []byte, err error) {
	var made archiveRecord
	var behind bool
	err = a.view(func(tx *snapshot) error {
		if tx.Bucket(bucketSigned) == nil {
			return errNoLog
		}
		size, err := tx.visits()
		if err != nil {
			return err
		}
		k, v := tx.Bucket(bucketSigned).unchanged().Last()
		behind = k == nil || string(k) != string(seqKey(size))
		switch {
		case size == 0:
			return fmt.Errorf("it holds no visits: %w", store.ErrNotFound)
		case behind && !a.readOnly:
			made, err = tx.made()
			return err
		case k == nil:
			return fmt.Errorf("it has none, because it was never closed after a visit: %w", store.ErrNotFound)
		}
		b, err := unseal(k, v)
		signed = bytes.Clone(b)
		return err
	})
	if err != nil || signed != nil {
		return signed, err
	}
	signer, public, err := a.signer(made.origin())
	if err != nil {
		return nil, err
	}
	err = a.do(&request{ctx: ctx, run: func(w *work) (err error) {
		signed, err = w.sign(&made, signer, public)
		return err
	}})
	return signed, err
}

// sign keeps a checkpoint of all visits so far.
func (w *work) sign(made *archiveRecord, signer note.Signer, public string) ([]byte, error) {
	size, err := w.tx.visits()
	if err != nil {
		return nil, err
	}
	root, err := tlog.TreeHash(int64(size), logReader{w.logs})
	if err != nil {
		return nil, err
	}
	c := made.checkpoint(size)
	c.Root = root
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signer)
	if err != nil {
		return nil, err
	}
	known, err := w.tx.keys()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(known.Keys, public) {
		known.Keys = append(known.Keys, public)
		k := []byte("keys")
		v, err := sealJSON(k, known)
		if err == nil {
			err = w.put(w.tx.Bucket(bucketMeta), k, v)
		}
		if err != nil {
			return nil, err
		}
	}
	k := seqKey(size)
	return signed, w.put(w.signed, k, seal(k, bytes.Clone(signed)))
}

// signLast keeps a checkpoint of what was committed before the archive is
// closed. What cannot be written any more was told before.
func (a *Archive) signLast() error {
	a.mu.Lock()
	stuck := a.stuck
	a.mu.Unlock()
	if stuck != nil || a.queue.isClosed() {
		return nil
	}
	_, err := a.Checkpoint(context.Background())
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// Keys implements store.Archive.
func (a *Archive) Keys(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var r keysRecord
	err := a.view(func(tx *snapshot) (err error) {
		r, err = tx.keys()
		return err
	})
	return r.Keys, err
}

// Former implements store.Archive.
func (a *Archive) Former(ctx context.Context) ([]proof.Former, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var r archiveRecord
	err := a.view(func(tx *snapshot) (err error) {
		r, err = tx.made()
		return err
	})
	return r.Logs, err
}

// Prove implements store.Archive.
func (a *Archive) Prove(ctx context.Context, visit uint64) (p proof.Proof, err error) {
	if err := ctx.Err(); err != nil {
		return p, err
	}
	err = a.view(func(tx *snapshot) error {
		if tx.Bucket(bucketSigned) == nil {
			return errNoLog
		}
		last, err := tx.visits()
		switch {
		case err != nil:
			return err
		case visit == 0 || visit > last:
			return fmt.Errorf("there are visits 1 to %d: %w", last, store.ErrNotFound)
		}
		k, v := tx.Bucket(bucketSigned).unchanged().Last()
		if k == nil || bytes.Compare(k, seqKey(visit)) < 0 {
			return errors.New("it was committed after the last checkpoint; the next is signed when the crawl that is under way ends, or by luutin checkpoint when none is")
		}
		size, err := readSeq(k)
		if err != nil {
			return err
		}
		signed, err := unseal(k, v)
		if err != nil {
			return fmt.Errorf("%s: %w", where(bucketSigned, k), err)
		}
		p.Index, p.Checkpoint = int64(visit-1), bytes.Clone(signed)
		if p.Leaf, err = tx.leaf(visit); err != nil {
			return err
		}
		p.Hashes, err = tlog.ProveRecord(int64(size), p.Index, logReader{tx.Bucket(bucketLog)})
		if err != nil {
			return err
		}
		// It is not to leave the house when it is wrong.
		r, err := tx.keys()
		if err == nil {
			_, _, err = p.Check(r.Keys...)
		}
		if err != nil {
			return fmt.Errorf("%w; luutin verify says what is damaged", err)
		}
		return nil
	})
	if err != nil {
		return proof.Proof{}, fmt.Errorf("prove visit %d: %w", visit, err)
	}
	return p, nil
}

// Follows implements store.Archive.
func (a *Archive) Follows(ctx context.Context, checkpoint []byte) (proof.Checkpoint, error) {
	if err := ctx.Err(); err != nil {
		return proof.Checkpoint{}, err
	}
	var c proof.Checkpoint
	err := a.view(func(tx *snapshot) error {
		if tx.Bucket(bucketLog) == nil {
			return errNoLog
		}
		r, err := tx.keys()
		if err != nil {
			return err
		}
		if c, err = proof.OpenCheckpoint(checkpoint, r.Keys...); err != nil {
			return err
		}
		made, err := tx.made()
		if err != nil {
			return err
		}
		switch kept, of, known := made.kept(c.Origin); {
		case !known:
			return fmt.Errorf("checkpoint: it is of log %s, which is none of this archive", c.Origin)
		case c.Size > kept:
			return fmt.Errorf("checkpoint: it is of %d visits in log %s; of %s only the first %d could be saved when it was damaged (%s): they go on in log %s",
				c.Size, c.Origin, of.Origin, kept, of.Ended.Format(time.DateOnly), made.origin())
		}
		last, err := tx.visits()
		if err != nil {
			return err
		}
		if uint64(c.Size) > last {
			return fmt.Errorf("checkpoint: it is of %d visits, and the archive holds %d", c.Size, last)
		}
		root, err := tlog.TreeHash(c.Size, logReader{tx.Bucket(bucketLog)})
		if err == nil && root != c.Root {
			err = fmt.Errorf("checkpoint: the first %d visits are not those that it was signed for", c.Size)
		}
		return err
	})
	return c, err
}

// peaks are the roots of the whole subtrees of a log, from which its root
// follows: one for each bit of its size.
type peaks struct {
	size uint64
	at   [64]tlog.Hash
}

// add adds a leaf and returns the hashes of its entry.
func (p *peaks) add(leaf tlog.Hash) (entry []byte) {
	p.size++
	entry = append(entry, leaf[:]...)
	level := bits.TrailingZeros64(p.size)
	for i := range level {
		leaf = tlog.NodeHash(p.at[i], leaf)
		entry = append(entry, leaf[:]...)
	}
	p.at[level] = leaf
	return entry
}

func (p *peaks) root() tlog.Hash {
	rest := p.size
	level := bits.TrailingZeros64(rest)
	h := p.at[level]
	for rest &= rest - 1; rest != 0; rest &= rest - 1 {
		h = tlog.NodeHash(p.at[bits.TrailingZeros64(rest)], h)
	}
	return h
}

// log computes the log anew from the visits, and compares it with what is kept
// of it and with every checkpoint. For a visit that cannot be read, which was
// told, what the log says counts, so that the others can be checked.
func (c *check) log() iter.Seq[func()] {
	const many = 1 << 20 // visits that are lost at the end
	return func(yield func(func()) bool) {
		if c.bucket(bucketLog) == nil {
			return // an earlier format
		}
		var keys keysRecord
		var made archiveRecord
		if !yield(func() {
			var err error
			if keys, err = c.tx.keys(); err != nil {
				c.report("meta/keys", "%v", err)
			}
			if made, err = c.tx.made(); err != nil {
				c.report("meta/archive", "%v", err)
			}
		}) {
			return
		}
		last := c.visitN
		if c.tx.repaired() {
			if !yield(func() {
				var err error
				if last, err = c.tx.visits(); err != nil {
					c.report(string(bucketLost), "%v", err)
				}
				if last > c.visitN+many {
					last = c.visitN // a number that is damaged, which was told
				}
			}) {
				return
			}
		}
		var p peaks
		for p.size < last {
			before := p
			if !yield(func() {
				for n := 0; n < 256 && p.size < last; n++ {
					c.logged(&p, &made, keys.Keys)
				}
			}) {
				return
			}
			if p.size == before.size { // it ended in a panic, which was told
				p.add(tlog.Hash{})
			}
		}
		for part := range c.each(bucketLog, func(k, v []byte) {
			if seq, err := readSeq(k); err != nil || seq == 0 || seq > last {
				c.report(where(bucketLog, k), "there is no such visit")
			}
		}) {
			if !yield(part) {
				return
			}
		}
		for part := range c.each(bucketSigned, func(k, v []byte) {
			if seq, err := readSeq(k); err != nil || seq == 0 || seq > last {
				c.report(where(bucketSigned, k), "it is of more visits than there are: the last ones are missing")
			}
		}) {
			if !yield(part) {
				return
			}
		}
	}
}

// logged checks the entry of the next visit, and the checkpoint when there is
// one that ends with it.
func (c *check) logged(p *peaks, made *archiveRecord, keys []string) {
	seq := p.size + 1
	k := seqKey(seq)
	at, kept := where(bucketLog, k), c.bucket(bucketLog).Get(k)
	text, err := c.tx.leaf(seq)
	var leaf tlog.Hash
	switch {
	case err == nil:
		leaf = tlog.RecordHash(text)
	case len(kept) >= tlog.HashSize:
		leaf = tlog.Hash(kept)
	}
	entry := p.add(leaf)
	switch {
	case kept == nil:
		c.report(at, "it is missing")
	case err == nil && !bytes.Equal(entry[:tlog.HashSize], kept[:min(len(kept), tlog.HashSize)]):
		c.report(at, "it does not fit the visit: one of the two was changed")
	case !bytes.Equal(entry, kept):
		c.report(at, "it does not follow from the visits before it")
	}
	v := c.bucket(bucketSigned).Get(k)
	if v == nil {
		return
	}
	at = where(bucketSigned, k)
	signed, err := unseal(k, v)
	if err != nil {
		c.report(at, "%v", err)
		return
	}
	checkpoint, err := proof.OpenCheckpoint(signed, keys...)
	most, _, known := made.kept(checkpoint.Origin)
	switch {
	case err != nil:
		c.report(at, "%v", err)
	case !known || checkpoint.Size > most || checkpoint.Size != int64(seq):
		c.report(at, "it is of %d visits in log %s", checkpoint.Size, checkpoint.Origin)
	case checkpoint.Root != p.root():
		c.report(at, "the first %d visits are not those that it was signed for", seq)
	}
}
