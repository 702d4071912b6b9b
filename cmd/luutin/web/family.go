package web

import (
	"context"
	"time"

	"luutin/store"
	"luutin/store/family"
)

// A familyMember is another article with the same text.
type familyMember struct {
	ID, Title, Site string
	Published       time.Time
	Same            bool // word for word
}

// familyAge is how old what is known of families may be before it is looked
// for again.
const familyAge = 30 * time.Minute

// familyOf returns the other articles that carry the text of one. They are
// found in the background: what is not known yet is not there.
func (s *Server) familyOf(id string) []familyMember {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.families == nil || time.Since(s.asked) > familyAge {
		if !s.looking {
			s.looking = true
			go s.findFamilies()
		}
	}
	return s.families[id]
}

func (s *Server) findFamilies() {
	found := map[string][]familyMember{}
	err := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), familyAge)
		defer cancel()
		a, back, err := s.desk.borrow(ctx)
		if err != nil {
			return err
		}
		defer back()
		all, err := family.Find(ctx, store.Readable(a.Articles(ctx, store.Query{}), func(_ *store.Version, why *store.Damaged) { s.note(nil, why) }), a.Article)
		if err != nil {
			return err
		}
		for _, f := range all {
			for i, m := range f.Members {
				for j, other := range f.Members {
					if i != j {
						found[m.ID] = append(found[m.ID], familyMember{other.ID, other.Title, other.Site, other.Published, other.Similarity >= 1})
					}
				}
			}
		}
		return nil
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looking, s.asked = false, time.Now()
	if err != nil {
		s.note(nil, err)
		return
	}
	s.families = found
}
