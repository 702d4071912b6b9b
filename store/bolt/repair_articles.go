package bolt

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"luutin/extract"
	"luutin/store"
)

// articles writes readings, versions and what leads to them. A version is what
// its last reading that is left says, and lost with all of them; one whose record
// is lost is made again of its readings.
func (r *repair) articles() error {
	var last uint64
	for k, v := range r.records(bucketReadings) {
		seq, err := readSeq(k)
		if err != nil {
			r.lose(bucketReadings, k, "", "%v", err)
			continue
		}
		r.holes(bucketReadings, &last, seq)
		if err := r.put(bucketReadings, k, v); err != nil {
			return err
		}
	}
	there := func(reading uint64) bool { return r.get(bucketReadings, seqKey(reading)) != nil }
	used := make(bitmap, last/64+1)
	byHost := map[string]map[uint64]version{}
	hostOf := map[hash16]string{}
	for k, v := range r.records(bucketVersions) {
		host, seq, err := cutRecordKey(k)
		var one version
		if err == nil {
			one, err = readVersion(k, v)
		}
		if err != nil {
			r.lose(bucketVersions, k, "", "%v", err)
			continue
		}
		if byHost[host] == nil {
			byHost[host] = map[uint64]version{}
		}
		if one.reading <= last {
			used.set(one.reading)
		}
		byHost[host][seq] = one
		hostOf[one.id] = host
	}
	earlier, err := r.unused(last, used)
	if err != nil {
		return err
	}
	known := map[versionName]bool{} // of those that have earlier readings
	for host, versions := range byHost {
		for seq, one := range versions {
			k, name := recordKey(host, seq), versionName{one.id, int(one.number)}
			readings := earlier[name]
			is := there(one.reading)
			switch {
			case is && (len(readings) == 0 || r.whole(bucketVersions, k)):
			case len(readings) == 0:
				r.lose(bucketReadings, seqKey(one.reading), "", "it is missing")
				r.lose(bucketVersions, k, r.urls[one.id], "its article is lost: version %d of %s", one.number, one.id)
			case is && one.reading > readings[len(readings)-1]:
			default:
				if is { // the record is from before it was read again
					readings = append(readings, one.reading)
					slices.Sort(readings)
				} else {
					r.lose(bucketReadings, seqKey(one.reading), r.urls[one.id], "it is missing: version %d of %s is as it was read before", one.number, one.id)
				}
				if one, err = r.versionOf(readings[len(readings)-1]); err != nil {
					return err
				}
				byHost[host][seq] = one
				readings = readings[:len(readings)-1]
			}
			if earlier[name] != nil {
				known[name], earlier[name] = true, readings
			}
		}
	}
	r.numbered(bucketReadings)
	lone := slices.DeleteFunc(slices.Collect(maps.Keys(earlier)), func(name versionName) bool { return known[name] })
	slices.SortFunc(lone, func(a, b versionName) int { return cmp.Compare(earlier[a][0], earlier[b][0]) })
	for _, name := range lone {
		readings := earlier[name]
		one, err := r.versionOf(readings[len(readings)-1])
		if err != nil {
			return err
		}
		if r.place(one, earlier, byHost, hostOf) {
			earlier[name] = readings[:len(readings)-1]
		}
	}
	latest := map[hash16][]byte{}
	for _, host := range slices.Sorted(maps.Keys(byHost)) {
		var last uint64
		for _, seq := range slices.Sorted(maps.Keys(byHost[host])) {
			for last++; last < seq; last++ {
				r.lose(bucketVersions, recordKey(host, last), "", "it is missing")
			}
			one := byHost[host][seq]
			k := recordKey(host, seq)
			name := versionName{one.id, int(one.number)}
			if r.named[name] = true; !there(one.reading) {
				continue
			}
			one.previous = 0
			if before := latest[one.id]; before != nil {
				var err error
				if _, one.previous, err = cutRecordKey(before); err != nil {
					return err
				}
				if err := r.put(bucketOld, before, seqKey(seq)); err != nil {
					return err
				}
			}
			latest[one.id] = k
			if err := r.reread(k, one, earlier[name]); err != nil {
				return err
			}
			delete(earlier, name)
			if one.capture != (hash16{}) && r.get(bucketCaptureIDs, one.capture[:]) == nil {
				r.lose(bucketCaptureIDs, one.capture[:], r.urls[one.id], "the capture of version %d of %s", one.number, one.id)
			}
			if err := errors.Join(r.put(bucketVersions, k, one.record(k)), r.put(bucketArticles, one.id[:], k)); err != nil {
				return err
			}
			a, err := r.reading(one.reading)
			if err != nil {
				return err
			}
			if canBeCopied(&a) {
				if err := r.put(bucketTexts, textKey(host, one.hash, one.id), nil); err != nil {
					return err
				}
			}
			for _, u := range a.Aliases {
				if err := r.put(bucketAliases, hashKey(u), one.id[:]); err != nil {
					return err
				}
			}
		}
	}
	for name, readings := range earlier {
		for _, reading := range readings {
			k := seqKey(reading)
			r.lose(bucketReadings, k, r.urls[name.article], "nothing says where version %d of %s belongs", name.number, name.article)
			if err := r.tx.Bucket(bucketReadings).Delete(k); err != nil {
				return err
			}
		}
	}
	// Which of several articles a URL led to last only the old index knows.
	r.entries(bucketAliases, func(k, v []byte) {
		if err == nil && len(k) == 16 && r.get(bucketAliases, k) != nil && len(v) == 16 && r.get(bucketArticles, v) != nil {
			err = r.put(bucketAliases, k, v)
		}
	})
	return err
}

// unused returns the readings that no version has, by the version that they are
// of, in order: what it was read as before, or all of one whose record is lost.
func (r *repair) unused(last uint64, used bitmap) (map[versionName][]uint64, error) {
	found := map[versionName][]uint64{}
	for reading := uint64(1); reading <= last; reading++ {
		k := seqKey(reading)
		if used.has(reading) || r.get(bucketReadings, k) == nil {
			continue
		}
		a, err := r.reading(reading)
		id, ok := parseID(a.ID)
		if _, e := parseContentHash(a.ContentHash); !ok || err != nil || e != nil {
			r.lose(bucketReadings, k, "", "it is nothing that could be a version")
			if err := r.tx.Bucket(bucketReadings).Delete(k); err != nil {
				return nil, err
			}
			continue
		}
		name := versionName{id, a.Version}
		found[name] = append(found[name], reading)
	}
	return found, nil
}

// reading returns the article of a reading that is saved.
func (r *repair) reading(seq uint64) (a extract.Article, err error) {
	k := seqKey(seq)
	raw, err := r.from.openReading(k, r.get(bucketReadings, k), nil)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return a, fmt.Errorf("%s: %w", where(bucketReadings, k), err)
	}
	return a, nil
}

// versionOf makes the record of a version of its reading.
func (r *repair) versionOf(reading uint64) (version, error) {
	a, err := r.reading(reading)
	if err != nil {
		return version{}, err
	}
	one := version{number: uint32(a.Version), reading: reading, fetched: a.Fetched, site: a.Site}
	one.id, _ = parseID(a.ID)
	if one.hash, err = parseContentHash(a.ContentHash); err != nil {
		return version{}, err
	}
	one.capture, _ = parseID(string(a.Capture))
	if a.Published != nil {
		one.published = *a.Published
	}
	if a.Withdrawn != nil {
		one.withdrawn = *a.Withdrawn
	}
	return one, nil
}

// place puts a version whose record is lost where its host misses one, by the
// order of the first readings and of the versions of its article. It returns
// false when none is missing there.
func (r *repair) place(one version, earlier map[versionName][]uint64, byHost map[string]map[uint64]version, hostOf map[hash16]string) bool {
	host := hostOf[one.id]
	if host == "" {
		if seq := r.get(bucketCaptureIDs, one.capture[:]); seq != nil {
			var c captureRecord
			if _, err := cutPayload(seq, r.get(bucketCaptures, seq), &c); err == nil {
				host = c.Host
			}
		}
	}
	if host == "" {
		if a, err := r.reading(one.reading); err == nil {
			host = store.Host(a.CanonicalURL)
		}
	}
	first := func(v version) uint64 {
		if readings := earlier[versionName{v.id, int(v.number)}]; len(readings) > 0 {
			return min(readings[0], v.reading)
		}
		return v.reading
	}
	if byHost[host] == nil {
		byHost[host] = map[uint64]version{}
	}
	const end = math.MaxUint64
	mine := first(one)
	above, below := uint64(0), uint64(end) // of the versions of its article
	after, before := uint64(0), uint64(end)
	for seq, v := range byHost[host] {
		switch {
		case v.id == one.id && v.number < one.number:
			above = max(above, seq)
		case v.id == one.id:
			below = min(below, seq)
		case first(v) < mine:
			after = max(after, seq)
		default:
			before = min(before, seq)
		}
	}
	after, before = max(after, above), min(before, below)
	if after >= before { // its first reading is lost
		after, before = above, below
	}
	for seq := after + 1; seq < before; seq++ {
		if _, taken := byHost[host][seq]; !taken {
			byHost[host][seq] = one
			hostOf[one.id] = host
			return true
		}
	}
	return false
}

// reread keeps of a version what it was read as before.
func (r *repair) reread(k []byte, one version, readings []uint64) error {
	for _, reading := range readings {
		rk := rereadKey(k, reading)
		if reading > one.reading { // which nothing says was ever kept
			r.lose(bucketReadings, rk[len(k):], r.urls[one.id], "no version is known that was read so")
			if err := r.tx.Bucket(bucketReadings).Delete(rk[len(k):]); err != nil {
				return err
			}
			continue
		}
		var v []byte
		if b := r.old.Bucket(bucketReread); b != nil {
			v = b.Get(rk)
		}
		if err := unsealJSON(rk, v, new(rereadRecord)); err != nil {
			r.lose(bucketReread, rk, r.urls[one.id], "when version %d of %s was read again is lost", one.number, one.id)
			if v, err = sealJSON(rk, rereadRecord{Replaced: r.now}); err != nil {
				return err
			}
		}
		if err := r.put(bucketReread, rk, v); err != nil {
			return err
		}
	}
	return nil
}

// loseVersion names a version that a visit tells of and that is lost.
func (r *repair) loseVersion(v versionName) {
	switch {
	case r.get(bucketArticles, v.article[:]) == nil:
		r.lose(bucketArticles, v.article[:], r.urls[v.article], "all its versions are lost")
	case v.number > 0 && !r.named[v]:
		r.named[v] = true
		at := fmt.Sprintf("%s version %d", where(bucketArticles, v.article[:]), v.number)
		if _, known := r.lost[at]; !known {
			r.lost[at] = lostRecord{What: "it is missing", URL: r.urls[v.article], When: r.now}
		}
	}
}
