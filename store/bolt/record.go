package bolt

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"slices"
	"strings"
	"time"

	"luutin/extract"
	"luutin/store"
	"luutin/store/proof"
)

// The buckets of archive.db. docs/archive-format.md describes them.
var (
	bucketMeta       = []byte("meta")       // "archive" -> format
	bucketHosts      = []byte("hosts")      // host -> hostRecord
	bucketTargets    = []byte("targets")    // host, seq -> targetRecord
	bucketURLs       = []byte("urls")       // hash of what a target is known by -> its key
	bucketDue        = []byte("due")        // host, site, priority, due, seq -> nothing
	bucketVisits     = []byte("visits")     // seq -> visitRecord, headers
	bucketVisited    = []byte("visited")    // host, seq of a target, seq of a visit of it -> nothing
	bucketCaptures   = []byte("captures")   // seq -> captureRecord, headers and body
	bucketCaptureIDs = []byte("captureids") // id -> seq of a capture
	bucketPayloads   = []byte("payloads")   // hash of host and digest -> seq of the capture that holds the bytes
	bucketReadings   = []byte("readings")   // seq -> JSON of an article, as a rule compressed
	bucketReread     = []byte("reread")     // host, seq of a version, seq of a reading that another has replaced -> rereadRecord
	bucketVersions   = []byte("versions")   // host, seq -> version, which names its reading
	bucketOld        = []byte("superseded") // host, seq of a version that has a later one -> seq of that one
	bucketArticles   = []byte("articles")   // id -> key of the latest version
	bucketAliases    = []byte("aliases")    // hash of a URL -> id of an article
	bucketTexts      = []byte("texts")      // host, content hash, id of an article that has or had it -> nothing
	bucketDays       = []byte("days")       // host, site, day -> store.Day
	bucketTrends     = []byte("trends")     // host, site -> store.Trend by name
	bucketJournal    = []byte("journal")    // seq -> changes of the others that are not in their places yet
	bucketAlarms     = []byte("alarms")     // site, time of raising, name -> store.Alarm
	bucketLog        = []byte("log")        // seq of a visit -> hashes of its leaf and of the subtrees that it completes
	bucketSigned     = []byte("signed")     // seq of a visit -> signed checkpoint of all up to it
)

var allBuckets = [][]byte{
	bucketMeta, bucketHosts, bucketTargets, bucketURLs, bucketDue, bucketVisits, bucketCaptures, bucketCaptureIDs,
	bucketPayloads, bucketReadings, bucketVersions, bucketOld, bucketArticles, bucketAliases, bucketTexts,
	bucketDays, bucketTrends, bucketAlarms, bucketJournal, bucketVisited, bucketReread, bucketLog, bucketSigned,
}

// since says with which format a bucket came, when it was not the first.
var since = map[string]int{
	string(bucketDays): 2, string(bucketTrends): 2, string(bucketAlarms): 2, string(bucketJournal): 2,
	string(bucketVisited): 3, string(bucketReread): 4, string(bucketLog): 5, string(bucketSigned): 5,
}

// A hash16 is the beginning of a SHA-256.
type hash16 [16]byte

func hashOf(s string) hash16 {
	sum := sha256.Sum256([]byte(s))
	return hash16(sum[:16])
}

var idCoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// String is the form of ids that people see.
func (h hash16) String() string { return strings.ToLower(idCoding.EncodeToString(h[:])) }

// parseID reads what String wrote.
func parseID(id string) (h hash16, ok bool) {
	if len(id) != 26 || strings.ToLower(id) != id {
		return h, false
	}
	raw, err := idCoding.DecodeString(strings.ToUpper(id))
	if err != nil || len(raw) != len(h) {
		return h, false
	}
	h = hash16(raw)
	return h, h.String() == id // base32 has spare bits at the end
}

func captureID(canonical string, digest [32]byte) hash16 {
	return hashOf(canonical + "\n" + hex.EncodeToString(digest[:]))
}

func payloadKey(host string, digest [32]byte) []byte {
	h := hashOf(host + "\n" + hex.EncodeToString(digest[:]))
	return h[:]
}

// seqKey is the key of what is kept in the order of time, whatever its host:
// large values written side by side are written once. A page of small ones is
// written anew whenever one of them changes or is added.
func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

func readSeq(k []byte) (uint64, error) {
	if len(k) != 8 {
		return 0, fmt.Errorf("%x is not a number of 8 bytes", k)
	}
	return binary.BigEndian.Uint64(k), nil
}

// recordKey is host, a zero byte, and the number of the record among those of
// the host, counted from 1.
func recordKey(host string, seq uint64) []byte {
	k := make([]byte, 0, len(host)+9)
	k = append(append(k, host...), 0)
	return binary.BigEndian.AppendUint64(k, seq)
}

// visitedKey is the entry of a visit among those of its target.
func visitedKey(host string, target, visit uint64) []byte {
	return binary.BigEndian.AppendUint64(recordKey(host, target), visit)
}

func cutRecordKey(k []byte) (host string, seq uint64, err error) {
	n := len(k) - 9
	if n < 0 || k[n] != 0 {
		return "", 0, fmt.Errorf("key %x is not host, zero, number", k)
	}
	return string(k[:n]), binary.BigEndian.Uint64(k[n+1:]), nil
}

// where names a record in a Problem.
func where(bucket, k []byte) string {
	if host, seq, err := cutRecordKey(k); err == nil && len(k) != 16 {
		return fmt.Sprintf("%s/%s/%016x", bucket, host, seq)
	}
	switch {
	case bytes.Equal(bucket, bucketMeta):
		return fmt.Sprintf("%s/%s", bucket, k)
	case len(k) == len(hash16{}) && (bytes.Equal(bucket, bucketArticles) || bytes.Equal(bucket, bucketCaptureIDs)):
		return fmt.Sprintf("%s/%s", bucket, hash16(k))
	}
	return fmt.Sprintf("%s/%x", bucket, k) // 16 digits when it is a number
}

func hostHashKey(host string, h hash16) []byte {
	return append(append([]byte(host), 0), h[:]...)
}

func textKey(host string, content [32]byte, id hash16) []byte {
	return append(hostHashKey(host, hash16(content[:16])), id[:]...)
}

// queueKey begins the keys of the due index for one site of one host.
func queueKey(host, site string) []byte {
	k := make([]byte, 0, len(host)+len(site)+2+dueTail)
	k = append(append(k, host...), 0)
	return append(append(k, site...), 0)
}

const dueTail = 1 + 8 + 8

func dueKey(host, site string, priority int, due time.Time, seq uint64) []byte {
	k := append(queueKey(host, site), byte(priority))
	k = binary.BigEndian.AppendUint64(k, uint64(due.UnixNano()))
	return binary.BigEndian.AppendUint64(k, seq)
}

type dueEntry struct {
	host, site string
	priority   int
	due        int64
	seq        uint64
}

func cutDueKey(k []byte) (e dueEntry, err error) {
	n := len(k) - dueTail
	if n < 2 || k[n-1] != 0 {
		return e, fmt.Errorf("key %x is not host, site, priority, time, number", k)
	}
	host, site, ok := bytes.Cut(k[:n-1], []byte{0})
	if !ok {
		return e, fmt.Errorf("key %x names no host", k)
	}
	return dueEntry{
		host: string(host), site: string(site), priority: int(k[n]),
		due: int64(binary.BigEndian.Uint64(k[n+1:])), seq: binary.BigEndian.Uint64(k[n+9:]),
	}, nil
}

var (
	earliest = time.Unix(0, 0).UTC()
	latest   = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)
)

// keptTime is t as the archive can keep it: UTC, between 1970 and 2262, since
// the due index holds nanoseconds in 63 bits. Zero stays zero.
func keptTime(t time.Time) time.Time {
	switch {
	case t.IsZero():
		return time.Time{}
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	}
	return t.UTC().Round(0)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal appends the CRC-32C of key and value, so that a flipped bit is found in
// whatever the value holds.
func seal(key, value []byte) []byte {
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
	return binary.BigEndian.AppendUint32(value, sum)
}

var errNotWhole = errors.New("checksum does not fit: the record is damaged")

func unseal(key, value []byte) ([]byte, error) {
	n := len(value) - 4
	if n < 0 {
		return nil, errNotWhole
	}
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value[:n])
	if sum != binary.BigEndian.Uint32(value[n:]) {
		return nil, errNotWhole
	}
	return value[:n:n], nil
}

func sealJSON(key []byte, v any) ([]byte, error) {
	b, err := marshal(v)
	if err != nil {
		return nil, err
	}
	return seal(key, b), nil
}

func unsealJSON(key, value []byte, v any) error {
	b, err := unseal(key, value)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// archiveRecord is what makes a bbolt file an archive.
type archiveRecord struct {
	Format  int       `json:"format"`
	Program string    `json:"program"`
	Created time.Time `json:"created"`
	Log     string    `json:"log,omitempty"` // what the log is called when a repair has named it

	Logs []proof.Former `json:"logs,omitempty"` // those before, oldest first
}

// hostRecord is what is known of a host. The counts are what Stats adds up;
// those of targets and versions are also the last numbers given.
type hostRecord struct {
	Rest      time.Time           `json:"rest,omitzero"` // not to be asked before
	Targets   uint64              `json:"targets"`
	Visits    uint64              `json:"visits"`
	Captures  uint64              `json:"captures"`
	Versions  uint64              `json:"versions"`
	Articles  uint64              `json:"articles"`
	States    map[store.State]int `json:"states"`
	Bytes     int64               `json:"bytes"` // of distinct bodies
	Kept      int64               `json:"kept"`
	FirstSeen time.Time           `json:"first_seen,omitzero"`
	LastSeen  time.Time           `json:"last_seen,omitzero"`

	Dropped      uint64 `json:"dropped,omitempty"` // captures whose body was dropped
	DroppedBytes int64  `json:"dropped_bytes,omitempty"`

	References []uint64 `json:"references,omitempty"` // captures that others are compressed against from now on
}

func (h *hostRecord) seen(t time.Time) {
	if h.FirstSeen.IsZero() || t.Before(h.FirstSeen) {
		h.FirstSeen = t
	}
	if t.After(h.LastSeen) {
		h.LastSeen = t
	}
}

// targetRecord is a target without what follows from its key or is usual.
type targetRecord struct {
	URL          string        `json:"url"`
	Post         string        `json:"post,omitempty"`
	Canonical    string        `json:"canonical,omitempty"` // when it is not what Known returns
	Site         string        `json:"site,omitempty"`
	Kind         extract.Kind  `json:"kind,omitempty"`
	Depth        int           `json:"depth,omitempty"`
	Priority     int           `json:"priority,omitempty"`
	Due          time.Time     `json:"due,omitzero"`
	State        store.State   `json:"state"`
	Reason       string        `json:"reason,omitempty"`
	Attempts     int           `json:"attempts,omitempty"`
	Visited      time.Time     `json:"visited,omitzero"`
	Changed      time.Time     `json:"changed,omitzero"`
	Wait         time.Duration `json:"wait_ns,omitempty"`
	Gone         time.Time     `json:"gone,omitzero"`
	ETag         string        `json:"etag,omitempty"`
	LastModified string        `json:"last_modified,omitempty"`
	Capture      string        `json:"capture,omitempty"`
	Article      string        `json:"article,omitempty"`
}

// known is the key of the index urls before it is hashed.
func (r *targetRecord) known() string {
	t := store.Target{URL: r.URL, Post: r.Post, Canonical: r.Canonical}
	return t.Known()
}

func (r *targetRecord) target() store.Target {
	return store.Target{
		URL: r.URL, Post: r.Post, Canonical: r.known(), Site: r.Site, Kind: r.Kind, Depth: r.Depth,
		Priority: r.Priority, Due: r.Due, State: r.State, Reason: r.Reason, Attempts: r.Attempts,
		Visited: r.Visited, Changed: r.Changed, Wait: r.Wait, Gone: r.Gone, ETag: r.ETag, LastModified: r.LastModified,
		Capture: r.Capture, Article: r.Article,
	}
}

// newTarget is the record of a target that nobody knew.
func newTarget(t *store.Target, now time.Time) *targetRecord {
	r := &targetRecord{
		URL: t.URL, Post: t.Post, Site: t.Site, Kind: t.Kind, Depth: t.Depth, Priority: t.Priority,
		Due: keptTime(t.Due), State: store.Due,
	}
	if r.Due.IsZero() {
		r.Due = now
	}
	if t.Canonical != r.known() {
		r.Canonical = t.Canonical
	}
	return r
}

func (r *targetRecord) dueKey(host string, seq uint64) []byte {
	return dueKey(host, r.Site, r.Priority, r.Due, seq)
}

// visitRecord is one answer, or the lack of one. The headers stand behind it
// when no capture keeps them.
type visitRecord struct {
	Host     string               `json:"host"`
	Site     string               `json:"site,omitempty"` // of the target; missing in format 1
	Target   uint64               `json:"target"`         // number of the target
	Time     time.Time            `json:"time"`
	Result   store.Result         `json:"result"`
	Reason   string               `json:"reason,omitempty"`
	Cause    string               `json:"cause,omitempty"`
	Capture  uint64               `json:"capture,omitempty"` // number of the capture
	Revisit  bool                 `json:"revisit,omitempty"` // the capture was kept by an earlier visit
	Outcome  store.ArticleOutcome `json:"outcome,omitempty"`
	Article  string               `json:"article,omitempty"`
	Version  int                  `json:"version,omitempty"`
	Response *response            `json:"response,omitempty"` // when no capture of this visit has it
}

// response is what is kept of an answer beside its headers and its body.
type response struct {
	URL         string        `json:"url"`
	Post        string        `json:"post,omitempty"`
	FinalURL    string        `json:"final_url,omitempty"` // when it is not URL
	Hops        []store.Hop   `json:"hops,omitempty"`
	Status      int           `json:"status"`
	ContentType string        `json:"content_type,omitempty"`
	Fetched     time.Time     `json:"fetched"`
	Took        time.Duration `json:"took_ns,omitempty"`
	Truncated   string        `json:"truncated,omitempty"`
	TLS         []string      `json:"tls,omitempty"`
}

func newResponse(c *store.Capture) *response {
	r := &response{
		URL: c.URL, Post: c.Post, FinalURL: c.FinalURL, Hops: c.Hops, Status: c.Status,
		ContentType: c.ContentType, Fetched: keptTime(c.Fetched), Took: c.Took, Truncated: c.Truncated, TLS: c.TLS,
	}
	if r.FinalURL == r.URL {
		r.FinalURL = ""
	}
	return r
}

// captureRecord is one distinct answer. Behind it stand the headers and the
// body, together, unless the body lies elsewhere.
type captureRecord struct {
	Host      string `json:"host"`
	Canonical string `json:"canonical"` // what the target is known by
	Digest    string `json:"digest"`    // SHA-256 of the body, hexadecimal
	Length    int64  `json:"length"`    // of the body
	Headers   int    `json:"headers"`   // length of the headers before the body
	SameAs    uint64 `json:"same_as,omitempty"`
	Blob      bool   `json:"blob,omitempty"`      // the body is a file in blobs/
	Reference uint64 `json:"reference,omitempty"` // number of the capture that the bytes are compressed against

	Drops []dropRecord `json:"drops,omitempty"` // of the body, the last one last
	response
}

// A dropRecord says that a body was dropped, and that it came again.
type dropRecord struct {
	store.Drop
	Again time.Time `json:"again,omitzero"`
}

// dropped says whether the capture held a body that was dropped.
func (c *captureRecord) dropped() *store.Drop {
	if n := len(c.Drops); n > 0 && c.Drops[n-1].Again.IsZero() {
		return &c.Drops[n-1].Drop
	}
	return nil
}

// came is when the bytes came last that are kept.
func (c *captureRecord) came() time.Time {
	if n := len(c.Drops); n > 0 && !c.Drops[n-1].Again.IsZero() {
		return c.Drops[n-1].Again
	}
	return c.Fetched
}

// cut returns the headers and the body of what unpackCapture returned.
func (c *captureRecord) cut(whole []byte) (header, body []byte, err error) {
	if c.Headers < 0 || c.Headers > len(whole) {
		return nil, nil, errors.New("length of the headers is wrong")
	}
	return whole[:c.Headers], whole[c.Headers:], nil
}

// digest returns the SHA-256 of the body.
func (c *captureRecord) digest() (d [32]byte, err error) {
	raw, err := hex.DecodeString(c.Digest)
	if err != nil || len(raw) != len(d) {
		return d, fmt.Errorf("digest %q is not 64 hexadecimal digits", c.Digest)
	}
	return [32]byte(raw), nil
}

// The codecs of what stands behind a record.
const (
	codecPlain     = 0
	codecZstd      = 1
	codecReference = 2 // zstd with the headers and body of a capture as raw dictionary
)

// maxInline is what the largest body takes that archive.db holds itself: as it
// is kept there, of one that came as a spool as it came.
const maxInline = 1 << 20

// pack returns payload as it is kept: a codec byte and the bytes.
func (a *Archive) pack(payload []byte) []byte {
	if len(payload) > 64 {
		if b := a.enc.EncodeAll(payload, make([]byte, 1, len(payload)/3+64)); len(b) <= len(payload) {
			b[0] = codecZstd
			return b
		}
	}
	return append([]byte{codecPlain}, payload...)
}

func (a *Archive) unpack(packed []byte) ([]byte, error) {
	if len(packed) == 0 {
		return nil, errors.New("no codec")
	}
	switch packed[0] {
	case codecPlain:
		return packed[1:], nil
	case codecZstd:
		return a.dec.DecodeAll(packed[1:], nil)
	}
	return nil, fmt.Errorf("unknown codec %d", packed[0])
}

// withPayload is the value of a record with bytes behind it: the length of the
// JSON as a varint, the JSON, the packed bytes.
func withPayload(key []byte, record any, packed []byte) ([]byte, error) {
	v, err := unsealed(record, packed)
	if err != nil {
		return nil, err
	}
	return seal(key, v), nil
}

// unsealed is the same before its key is known.
func unsealed(record any, packed []byte) ([]byte, error) {
	j, err := marshal(record)
	if err != nil {
		return nil, err
	}
	v := make([]byte, 0, len(j)+len(packed)+binary.MaxVarintLen64+4)
	v = binary.AppendUvarint(v, uint64(len(j)))
	return append(append(v, j...), packed...), nil
}

// cutPayload reads the record of such a value and returns the packed bytes.
func cutPayload(key, value []byte, record any) (packed []byte, err error) {
	v, err := unseal(key, value)
	if err != nil {
		return nil, err
	}
	n, w := binary.Uvarint(v)
	if w <= 0 || n > uint64(len(v)-w) {
		return nil, errors.New("length of the record is wrong")
	}
	v = v[w:]
	return v[n:], json.Unmarshal(v[:n], record)
}

func headerBytes(h http.Header) ([]byte, error) {
	if len(h) == 0 {
		return nil, nil
	}
	return marshal(h) // keys come sorted
}

// A version is what is kept of one beside its reading.
type version struct {
	id        hash16
	number    uint32
	hash      [32]byte  // ContentHash
	capture   hash16    // zero when it was read from no capture
	previous  uint64    // number of the record of the version before; 0 for the first
	reading   uint64    // where the article's JSON is
	published time.Time // with the offset that the page means, to the minute
	fetched   time.Time
	withdrawn time.Time // zero unless it says that the article is gone
	site      string
}

const (
	versionForm   = 1
	withdrawnForm = 2 // the same with a time more
	versionHead   = 1 + 16 + 4 + 32 + 16 + 8 + 8 + 12 + 2 + 12
)

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(t.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

func readTime(b []byte) time.Time {
	nsec := binary.BigEndian.Uint32(b[8:])
	if nsec == 1<<32-1 {
		return time.Time{}
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b)), int64(nsec)).UTC()
}

// last is when the site was last seen to say what the version says.
func (v *version) last() time.Time {
	if v.withdrawn.After(v.fetched) {
		return v.withdrawn
	}
	return v.fetched
}

func (v *version) record(key []byte) []byte {
	b := make([]byte, 0, versionHead+12+len(v.site)+4)
	if v.withdrawn.IsZero() {
		b = append(b, versionForm)
	} else {
		b = append(b, withdrawnForm)
	}
	b = append(b, v.id[:]...)
	b = binary.BigEndian.AppendUint32(b, v.number)
	b = append(b, v.hash[:]...)
	b = append(b, v.capture[:]...)
	b = binary.BigEndian.AppendUint64(b, v.previous)
	b = binary.BigEndian.AppendUint64(b, v.reading)
	b = appendTime(b, v.published)
	_, offset := v.published.Zone()
	b = binary.BigEndian.AppendUint16(b, uint16(int16(offset/60)))
	b = appendTime(b, v.fetched)
	if !v.withdrawn.IsZero() {
		b = appendTime(b, v.withdrawn)
	}
	return seal(key, append(b, v.site...))
}

// readVersion checks the checksum too.
func readVersion(key, value []byte) (v version, err error) {
	b, err := unseal(key, value)
	if err != nil {
		return v, err
	}
	if len(b) < versionHead || b[0] != versionForm && (b[0] != withdrawnForm || len(b) < versionHead+12) {
		return v, errors.New("not a version record")
	}
	gone := b[0] == withdrawnForm
	b = b[1:]
	v.id, b = hash16(b[:16]), b[16:]
	v.number, b = binary.BigEndian.Uint32(b), b[4:]
	v.hash, b = [32]byte(b[:32]), b[32:]
	v.capture, b = hash16(b[:16]), b[16:]
	v.previous, b = binary.BigEndian.Uint64(b), b[8:]
	v.reading, b = binary.BigEndian.Uint64(b), b[8:]
	v.published, b = readTime(b), b[12:]
	offset := int(int16(binary.BigEndian.Uint16(b)))
	if b = b[2:]; offset != 0 && !v.published.IsZero() {
		v.published = v.published.In(time.FixedZone("", offset*60))
	}
	v.fetched, b = readTime(b), b[12:]
	if gone {
		v.withdrawn, b = readTime(b), b[12:]
	}
	v.site = string(b)
	return v, nil
}

// packReading returns the JSON of an article as it is kept, with room for the
// seal: compressed where that is shorter, otherwise as it stands.
func (a *Archive) packReading(article []byte) []byte {
	if a.format > plainReadings && len(article) > 64 {
		if b := a.readEnc.EncodeAll(article, make([]byte, 1, len(article)*3/4+64)); len(b) < len(article) {
			b[0] = codecZstd
			return b
		}
	}
	return append(make([]byte, 0, len(article)+4), article...)
}

// plainReadings is the last format that kept all readings as they stand.
const plainReadings = 5

// repacked returns a value of readings as it would be written today. One that is
// damaged stays as it is.
func (a *Archive) repacked(key, value []byte) []byte {
	b, err := unseal(key, value)
	if err != nil || len(b) == 0 || b[0] == codecZstd {
		return value
	}
	return seal(key, a.packReading(b))
}

// reading returns the JSON of an article, in memory of its own.
func (a *Archive) reading(tx *snapshot, seq uint64) ([]byte, error) {
	k := seqKey(seq)
	article, err := a.openReading(k, tx.Bucket(bucketReadings).Get(k), nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where(bucketReadings, k), err)
	}
	return article, nil
}

// openReading appends the JSON that a value of readings holds to buf.
func (a *Archive) openReading(key, value, buf []byte) ([]byte, error) {
	b, err := unseal(key, value)
	switch {
	case err != nil:
		return nil, err
	case len(b) > 0 && b[0] == codecZstd:
		return a.dec.DecodeAll(b[1:], buf)
	}
	return append(buf, b...), nil
}

const hashPrefix = "sha256:"

func parseContentHash(s string) (h [32]byte, err error) {
	digits, ok := strings.CutPrefix(s, hashPrefix)
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != len(h) {
		return h, fmt.Errorf("content hash %q is not sha256: and 64 hexadecimal digits", s)
	}
	return [32]byte(raw), nil
}

func (v *version) version(host string, seq uint64, article []byte) store.Version {
	return store.Version{
		ID: v.id.String(), Number: int(v.number), Site: v.site, Host: host,
		Published: v.published, Fetched: v.fetched, Withdrawn: v.withdrawn,
		Hash: hashPrefix + hex.EncodeToString(v.hash[:]), JSON: article,
		Cursor: v.cursor(host, seq),
	}
}

// cursor is what parseCursor reads.
func (v *version) cursor(host string, seq uint64) string {
	b := append(make([]byte, 0, len(host)+25), host...)
	b = hex.AppendEncode(append(b, '/'), seqKey(seq))
	return string(hex.AppendEncode(b, v.mark()))
}

// mark tells the version from any that another archive has in its place, however
// often it is read again.
func (v *version) mark() []byte {
	b := appendTime(binary.BigEndian.AppendUint32(slices.Clone(v.id[:]), v.number), v.fetched)
	return binary.BigEndian.AppendUint32(nil, crc32.Checksum(b, castagnoli))
}

// parseCursor returns the key of the version that a cursor names, and its mark;
// those of earlier programs have none.
func parseCursor(s string) (k, mark []byte, err error) {
	i := strings.LastIndexByte(s, '/')
	raw, err := hex.DecodeString(s[i+1:])
	if i < 0 || err != nil || len(raw) != 8 && len(raw) != 12 {
		return nil, nil, fmt.Errorf("cursor %q: it is none, or not whole", s)
	}
	return recordKey(s[:i], binary.BigEndian.Uint64(raw)), raw[8:], nil
}

// at returns the key of the version that a cursor names; ErrCursor when another
// is in its place.
func (s *snapshot) at(cursor string) ([]byte, error) {
	k, mark, err := parseCursor(cursor)
	if err != nil {
		return nil, err
	}
	raw := s.Bucket(bucketVersions).Get(k)
	if raw == nil {
		if s.lost(bucketVersions, k) {
			return k, nil
		}
		return nil, store.ErrCursor
	}
	v, err := readVersion(k, raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where(bucketVersions, k), err)
	}
	if len(mark) > 0 && !bytes.Equal(mark, v.mark()) {
		return nil, store.ErrCursor
	}
	return k, nil
}

// aliasesOf finds the value of the key aliases in an article's JSON: the URLs,
// and where in the JSON they stand.
func aliasesOf(article []byte) (aliases []string, from, to int, err error) {
	dec := json.NewDecoder(bytes.NewReader(article))
	if _, err := dec.Token(); err != nil {
		return nil, 0, 0, err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, 0, 0, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, 0, 0, err
		}
		if name == "aliases" {
			to := int(dec.InputOffset())
			err := json.Unmarshal(value, &aliases)
			return aliases, to - len(value), to, err
		}
	}
	return nil, 0, 0, errors.New("the article's JSON has no aliases")
}

// withAliases replaces them and leaves every other byte as it is.
func withAliases(article []byte, aliases []string) ([]byte, error) {
	_, from, to, err := aliasesOf(article)
	if err != nil {
		return nil, err
	}
	j, err := marshal(aliases)
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{article[:from], j, article[to:]}, nil), nil
}
